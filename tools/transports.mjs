// Runs the tests that fill the table of docs/transports.md, and writes the page. They are all that import
// test/as-every-transport.ts, and those of examples against foreign peers.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { root } from "./doors.mjs";

const isInterop = (file) => /^examples\/\w+\/interop\.test\.ts$/.test(file);
const files = ["src", "test", "examples"].flatMap((folder) =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .map((file) => `${folder}/${file}`)
    .filter((file) => file.endsWith(".test.ts") && !file.includes("node_modules"))
    .filter((file) => isInterop(file) || readFileSync(root + file, "utf8").includes("/test/as-every-transport.ts")),
);
if (files.length === 0) throw new Error("no test imports test/as-every-transport.ts");
const { status } = spawnSync("npx", ["vitest", "run", ...files], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, SERVICEKIT_TRANSPORTS: "write" },
});
process.exit(status ?? 1);
