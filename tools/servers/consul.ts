/**
 * Consul's own agent as a development server, from a package of Debian 11, the PATH, or the one that the variable
 * SERVICEKIT_TEST_CONSUL names.
 *
 * @module
 */
import { existsSync, writeFileSync } from "node:fs";
import { freePort, got, started, type Fetched, type Started } from "./fetched.ts";
import { unpackedFrom } from "./debian-suite.ts";

const VARIABLE = "SERVICEKIT_TEST_CONSUL";

/** An agent for the tests of one file. */
export interface ConsulTestServer {
  /** Why there is none; undefined when there is one, or will be. */
  readonly missing: string | undefined;
  /** Why it cannot be killed: it is somebody's. Undefined when it can. */
  readonly foreign: string | undefined;
  /** Where it is, once it runs. */
  readonly url: string;
  /** Ends and starts it, once it runs. A development server forgets everything when it ends. */
  readonly process: Started;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** How an agent differs from a bare one. */
export interface ConsulTestOptions {
  /** More configuration, as Consul's JSON. `PORT` in a value becomes a free port. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** With which its catalogue may be read, when access is controlled. */
  readonly token?: string;
  /** A variable may not point at somebody's agent, for what only an own one has. */
  readonly isOwn?: boolean;
}

function program(): Fetched {
  const found = (process.env["PATH"] ?? "").split(":").find((folder) => existsSync(`${folder}/consul`));
  if (found !== undefined) return { path: `${found}/consul` };
  const package_ = unpackedFrom("bullseye", "consul");
  return "reason" in package_ ? package_ : { path: `${package_.path}/usr/bin/consul` };
}

/** Prepares an agent. */
export function consulTestServer({ config = {}, token = "", isOwn = false }: ConsulTestOptions = {}): ConsulTestServer {
  const given = isOwn ? undefined : process.env[VARIABLE];
  const fetched = given === undefined ? program() : undefined;
  let running: Started | undefined;
  return {
    missing: fetched !== undefined && "reason" in fetched ? fetched.reason : undefined,
    foreign: given === undefined ? undefined : `the agent that ${VARIABLE} names is not ours to kill`,
    get url() {
      return given ?? running?.url ?? "http://127.0.0.1:0";
    },
    get process() {
      if (running === undefined) throw new Error("no agent was started");
      return running;
    },
    async start() {
      if (fetched === undefined || "reason" in fetched) return;
      // Gossip and raft take a port each, and nothing takes port 0.
      const [server, lan, wan] = [await freePort(), await freePort(), await freePort()];
      running = await started({
        line(port, data) {
          const ports = { http: port, dns: -1, grpc: -1, server, serf_lan: lan, serf_wan: wan };
          const { ports: more, ...rest } = config as { ports?: object };
          const own = { log_level: "err", disable_update_check: true, ports: { ...ports, ...more }, ...rest };
          writeFileSync(`${data}/config.json`, JSON.stringify(own));
          const loopback = ["-bind", "127.0.0.1", "-client", "127.0.0.1"];
          return [fetched.path, "agent", "-dev", ...loopback, "-config-file", `${data}/config.json`];
        },
        // Once it is in the catalogue itself, registrations are taken.
        ready: async (port) =>
          (await got(`http://127.0.0.1:${port}/v1/catalog/services?token=${token}`).catch(() => "")).includes("consul"),
      });
    },
    async stop() {
      await running?.[Symbol.asyncDispose]();
      running = undefined;
    },
  };
}
