/**
 * NATS' own server, from Debian's packages or the PATH, or the one that the variable SERVICEKIT_TEST_NATS names.
 *
 * @module
 */
import { accepts, installed, started, type Started } from "./fetched.ts";

/** A server for the tests of one file. */
export interface NatsTestServer {
  /** Why there is none; undefined when there is one, or will be. */
  readonly missing: string | undefined;
  /** Why it cannot be killed: it is somebody's. Undefined when it can. */
  readonly foreign: string | undefined;
  /** Where it is, once it runs. */
  readonly url: string;
  /** Ends and starts it, once it runs. */
  readonly process: Started;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const VARIABLE = "SERVICEKIT_TEST_NATS";

/** Prepares a server with JetStream, whose data goes with it. */
export function natsTestServer(more: readonly string[] = []): NatsTestServer {
  const given = process.env[VARIABLE];
  const program = given === undefined ? installed("nats-server", ["nats-server"]) : undefined;
  let running: Started | undefined;
  return {
    missing: program !== undefined && "reason" in program ? program.reason : undefined,
    foreign: given === undefined ? undefined : `the server that ${VARIABLE} names is not ours to kill`,
    get url() {
      return given ?? `nats://127.0.0.1:${running?.port ?? 0}`;
    },
    get process() {
      if (running === undefined) throw new Error("no server was started");
      return running;
    },
    async start() {
      if (program === undefined || "reason" in program) return;
      running = await started({
        line: (port, data) => [program.path, "-a", "127.0.0.1", "-p", String(port), "-js", "-sd", data, ...more],
        ready: accepts,
        readyMs: 10_000,
      });
    },
    async stop() {
      await running?.[Symbol.asyncDispose]();
      running = undefined;
    },
  };
}
