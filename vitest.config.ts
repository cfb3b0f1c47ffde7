import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("./src/", import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^servicekit$/, replacement: `${src}index.ts` },
      { find: /^servicekit\/(.*)$/, replacement: `${src}$1/index.ts` },
    ],
  },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts", "tools/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "**/.cache/**", "dist/**", "build/**"],
    // Else a style sheet is an empty file here, also one that is asked for as text.
    css: { include: [/\/debug\/page\//] },
    // Much of the time is spent waiting for servers, also where there are two cores only, of which vitest would use one.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // What a test says fails it; how slow the machine is does not. What never ends is found all the same.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 100_000 } },
    // `expectTypeOf` and `@ts-expect-error` are checked by tsc, over the same files.
    reporters: ["./tools/reporter.ts"],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/**/*.test.ts", "src/**/*.test-d.ts", "src/testing/**", "src/**/testdata/**"],
      reporter: ["text-summary", "json-summary"],
    },
  },
});
