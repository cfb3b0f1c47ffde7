import { readFileSync, statSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { doors, presentDoors, root } from "../tools/doors.mjs";
import { importsOf, readSource } from "../tools/source.ts";

/** What a door alone may make its user load. */
interface Weight {
  /** The most code it may reach, in KiB: what it takes today and a tenth more. Raise it only with what was gained. */
  readonly maxKiB: number;
  /** The modules outside the package that it may reach. Default: none, so that it loads anywhere. */
  readonly reaches?: readonly string[];
}

const http = ["node:http", "node:https", "node:net", "node:stream", "node:tls", "node:zlib"];

const weights: Readonly<Record<string, Weight>> = {
  servicekit: { maxKiB: 28 },
  "servicekit/time": { maxKiB: 8 },
  "servicekit/errors": { maxKiB: 12 },
  "servicekit/endpoint": { maxKiB: 24 },
  "servicekit/contract": { maxKiB: 28 },
  "servicekit/log": { maxKiB: 40 },
  "servicekit/metrics": { maxKiB: 45 },
  "servicekit/trace": { maxKiB: 40 },
  "servicekit/ratelimit": { maxKiB: 35 },
  "servicekit/resilience": { maxKiB: 45 },
  "servicekit/health": { maxKiB: 35 },
  "servicekit/transport": { maxKiB: 90 },
  "servicekit/transport/local": { maxKiB: 95 },
  "servicekit/transport/http": { maxKiB: 160, reaches: http },
  "servicekit/transport/jsonrpc": { maxKiB: 175, reaches: http },
  "servicekit/transport/protobuf": { maxKiB: 60, reaches: ["@bufbuild/protobuf"] },
  "servicekit/run": { maxKiB: 90, reaches: ["node:process"] },
  "servicekit/server": { maxKiB: 150, reaches: ["node:process"] },
  "servicekit/client": { maxKiB: 120 },
  "servicekit/testing": { maxKiB: 220, reaches: [...http, "node:assert"] },
};

interface Reached {
  readonly files: ReadonlySet<string>;
  readonly outside: ReadonlySet<string>;
  readonly bytes: number;
}

/** Everything that the file reaches, without running it; what is imported later counts as outside, not as weight. */
function reach(entry: string): Reached {
  const [files, outside, lazy] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const visit = (file: string, seen: Set<string>): void => {
    if (files.has(file) || seen.has(file)) return;
    seen.add(file);
    for (const one of importsOf(readSource(file))) {
      if (!one.specifier.startsWith("."))
        outside.add(one.specifier.replace(/^(@[^/]+\/[^/]+|(?!node:)[^/@]+)\/.*/, "$1"));
      else visit(posix.join(posix.dirname(file), one.specifier), one.lazy ? lazy : seen);
    }
  };
  visit(posix.normalize(entry), files);
  return { files, outside, bytes: [...files].reduce((sum, file) => sum + statSync(root + file).size, 0) };
}

describe("a door alone", () => {
  it("has a weight written down, each of them", () => {
    expect(doors.map(({ door }) => door).filter((door) => weights[door] === undefined)).toEqual([]);
    expect(presentDoors.length).toBeGreaterThan(0);
  });

  describe.each(presentDoors)("$door", ({ door, code }) => {
    const { files, outside, bytes } = reach(code);
    const { maxKiB, reaches = [] } = weights[door]!;

    it("reaches nothing outside the package but what is written down", () => {
      expect(files.size).toBeGreaterThan(0);
      expect([...outside].filter((name) => !reaches.includes(name))).toEqual([]);
    });

    it(`weighs at most ${maxKiB} KiB`, () => {
      expect(bytes).toBeGreaterThan(0);
      expect(Math.ceil(bytes / 1024), `${[...files].join("\n")}\nweigh, in KiB`).toBeLessThanOrEqual(maxKiB);
    });
  });

  it("is walked for real: the core's own files and one outside are found", () => {
    const { files } = reach("./dist/index.js");
    expect(files.size).toBeGreaterThan(2);
    expect(readFileSync(`${root}${[...files][1]}`, "utf8").length).toBeGreaterThan(100);
  });
});
