/**
 * Knot DNS, from Debian's packages: a real name server whose zone is changed while it runs.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { installed, started, type Started } from "./fetched.ts";

/** A server for the tests of one file, with the zones `example.test` and, of which it has no data, `broken.test`. */
export interface KnotTestServer {
  /** Why there is none; undefined when there is one, or will be. */
  readonly missing: string | undefined;
  /** Where it is, once it runs: `127.0.0.1:port`. */
  readonly address: string;
  /** Freezes, ends and starts it, once it runs. What was changed by `update` stays. */
  readonly process: Started;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Changes `example.test`, each line as knsupdate takes it: `add www 60 A 127.0.0.1`, `del www`. */
  update(...lines: readonly string[]): void;
}

const ZONE = `$ORIGIN example.test.
$TTL 60
@ SOA ns.example.test. admin.example.test. 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
`;

/** Prepares a server. */
export function knotTestServer(): KnotTestServer {
  const [knotd, knsupdate] = [installed("knotd", ["knot"]), installed("knsupdate", ["knot-dnsutils"])];
  let running: Started | undefined;
  return {
    missing: "reason" in knotd ? knotd.reason : "reason" in knsupdate ? knsupdate.reason : undefined,
    get address() {
      return `127.0.0.1:${running?.port ?? 0}`;
    },
    get process() {
      if (running === undefined) throw new Error("no server was started");
      return running;
    },
    async start() {
      if ("reason" in knotd || "reason" in knsupdate) return;
      running = await started({ line: (port, data) => lineOf(knotd.path, port, data), ready: answers });
    },
    async stop() {
      await running?.[Symbol.asyncDispose]();
      running = undefined;
    },
    update(...lines) {
      if (running === undefined || "reason" in knsupdate) throw new Error("no server was started");
      const script = [
        `server 127.0.0.1 ${running.port}`,
        "zone example.test.",
        "origin example.test.",
        ...lines,
        "send",
      ];
      // Over TCP: hundreds of records fit into no datagram.
      const input = `${script.join("\n")}\nquit\n`;
      const done = spawnSync(knsupdate.path, ["-v"], { input, encoding: "utf8", timeout: 20_000 });
      const words = `${done.stdout}${done.stderr}`.trim();
      if (done.status !== 0 || /error|fail/i.test(words)) throw new Error(`knsupdate: ${words || done.error?.message}`);
    },
  };
}

function lineOf(knotd: string, port: number, data: string): readonly string[] {
  writeFileSync(`${data}/example.test.zone`, ZONE);
  writeFileSync(
    `${data}/knot.conf`,
    `server:
    rundir: "${data}"
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "${data}"
acl:
  - id: update
    address: 127.0.0.1
    action: update
template:
  - id: default
    storage: "${data}"
    file: "%s.zone"
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
zone:
  - domain: example.test
    acl: update
  - domain: broken.test
`,
  );
  return [knotd, "-c", `${data}/knot.conf`];
}

async function answers(port: number): Promise<boolean> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver.resolve4("ns.example.test").then(
    (addresses) => addresses[0] === "127.0.0.1",
    () => false,
  );
}
