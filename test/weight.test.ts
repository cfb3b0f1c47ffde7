import { statSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { doors, presentDoors, root } from "../tools/doors.mjs";
import { importsOf, readSource } from "../tools/source.ts";

/** What a door alone may make its user load. */
interface Weight {
  /**
   * The most code it may reach, in KiB: what it takes today and a tenth more. Raise it only with what was gained. The
   * first five share one file, the core, which nearly everybody loads anyway, and so do the parts of HTTP, of a transport, of a
   * call's trace: a file costs a start as much as 36 KiB do (tools/build.mjs).
   */
  readonly maxKiB: number;
  /** The modules outside the package that it may reach. Default: none, so that it loads anywhere. */
  readonly reaches?: readonly string[];
}

const http = [
  "node:buffer",
  "node:fs/promises",
  "node:http",
  "node:http2",
  "node:https",
  "node:net",
  "node:stream",
  "node:tls",
  "node:zlib",
];

const registry = ["node:http", "node:https", "node:tls", "node:net", "node:stream", "node:buffer"];

const weights: Readonly<Record<string, Weight>> = {
  servicekit: { maxKiB: 34 },
  "servicekit/time": { maxKiB: 34 },
  "servicekit/errors": { maxKiB: 34 },
  "servicekit/endpoint": { maxKiB: 34 },
  "servicekit/contract": { maxKiB: 34 },
  "servicekit/jsonschema": { maxKiB: 58, reaches: ["@cfworker/json-schema"] },
  "servicekit/log": { maxKiB: 70 },
  "servicekit/metrics": { maxKiB: 60 },
  "servicekit/trace": { maxKiB: 66 },
  "servicekit/ratelimit": { maxKiB: 46 },
  "servicekit/resilience": { maxKiB: 138 },
  "servicekit/health": { maxKiB: 39 },
  "servicekit/discovery": { maxKiB: 85 },
  "servicekit/discovery/http": { maxKiB: 85, reaches: registry },
  "servicekit/discovery/file": { maxKiB: 90, reaches: ["node:fs", "node:fs/promises", "node:path"] },
  "servicekit/discovery/consul": { maxKiB: 105, reaches: registry },
  "servicekit/discovery/etcd": { maxKiB: 110, reaches: registry },
  "servicekit/discovery/zookeeper": { maxKiB: 119, reaches: ["node:buffer", "node:net", "node:tls"] },
  "servicekit/discovery/eureka": { maxKiB: 104, reaches: registry },
  "servicekit/discovery/dns": { maxKiB: 95, reaches: ["node:dns", "node:dns/promises", "node:net"] },
  "servicekit/discovery/kubernetes": { maxKiB: 105, reaches: [...registry, "node:fs/promises"] },
  "servicekit/balance": { maxKiB: 96 },
  "servicekit/transport": { maxKiB: 170 },
  "servicekit/transport/local": { maxKiB: 160 },
  "servicekit/transport/http": { maxKiB: 310, reaches: http },
  "servicekit/transport/jsonrpc": { maxKiB: 350, reaches: http },
  "servicekit/transport/protobuf": { maxKiB: 136, reaches: ["@bufbuild/protobuf"] },
  // Wherever there are Request and Response: nothing of Node's.
  "servicekit/transport/fetch": { maxKiB: 226 },
  "servicekit/transport/multipart": { maxKiB: 92 },
  "servicekit/transport/websocket": { maxKiB: 340, reaches: [...http, "ws"] },
  "servicekit/transport/grpc": { maxKiB: 334, reaches: [...http, "@bufbuild/protobuf", "node:util"] },
  "servicekit/transport/nats": {
    maxKiB: 230,
    reaches: ["@nats-io/transport-node", "node:buffer"],
  },
  "servicekit/transport/amqp": { maxKiB: 200, reaches: ["amqplib"] },
  "servicekit/transport/thrift": { maxKiB: 245, reaches: ["node:buffer", "node:net", "node:tls"] },
  "servicekit/documents": {
    maxKiB: 312,
    reaches: ["node:crypto", "node:fs", "node:fs/promises", "node:module", "node:path", "node:util", "node:zlib"],
  },
  // The page for people is 90 KiB of it; browsers get 30, compressed.
  "servicekit/debug": { maxKiB: 430, reaches: [...http, "node:crypto"] },
  "servicekit/run": { maxKiB: 44, reaches: ["node:process"] },
  "servicekit/server": { maxKiB: 236, reaches: ["node:process"] },
  "servicekit/client": { maxKiB: 236 },
  "servicekit/otlp": { maxKiB: 72 },
  "servicekit/zipkin": { maxKiB: 46 },
  "servicekit/opentelemetry": { maxKiB: 78, reaches: ["@opentelemetry/api"] },
  "servicekit/simulate": { maxKiB: 350 },
  "servicekit/testing": { maxKiB: 410, reaches: ["node:assert/strict"] },
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

  it("is walked for real: the files of the server over HTTP are found, and node:http", () => {
    const { files, outside } = reach("./dist/transport/http/index.js");
    expect(files.size).toBeGreaterThan(3);
    expect([...outside]).toContain("node:http");
  });
});
