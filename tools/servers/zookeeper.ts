/**
 * ZooKeeper's own server, from Debian's packages, or the one that the variable SERVICEKIT_TEST_ZOOKEEPER names.
 *
 * @module
 */
import { connect } from "node:net";
import { writeFileSync } from "node:fs";
import { command, installed, started, type Fetched, type Started } from "./fetched.ts";

/** A server for the tests of one file. */
export interface ZookeeperTestServer {
  /** Why there is none; undefined when there is one, or will be. */
  readonly missing: string | undefined;
  /** Why it cannot be frozen or killed: it is somebody's. Undefined when it can. */
  readonly foreign: string | undefined;
  /** Where it is, once it runs: `host:port`. */
  readonly servers: string;
  /** Freezes, ends and starts it, once it runs. */
  readonly process: Started;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const VARIABLE = "SERVICEKIT_TEST_ZOOKEEPER";

/** Debian's jar names all that it needs beside it. */
const CLASSPATH = "/usr/share/java/zookeeper.jar";

/** Half a second: sessions may be as short as one. */
const TICK_MS = 500;

/** Prepares a server whose data goes with it. */
export function zookeeperTestServer(): ZookeeperTestServer {
  const given = process.env[VARIABLE];
  const java = given === undefined ? withJava() : undefined;
  let running: Started | undefined;
  return {
    missing: java !== undefined && "reason" in java ? java.reason : undefined,
    foreign: given === undefined ? undefined : `the server that ${VARIABLE} names is not ours to stop`,
    get servers() {
      return given ?? `127.0.0.1:${running?.port ?? 0}`;
    },
    get process() {
      if (running === undefined) throw new Error("no server was started");
      return running;
    },
    async start() {
      if (java === undefined || "reason" in java) return;
      running = await started({ line: (port, data) => lineOf(java.path, port, data), ready: isServing });
    },
    async stop() {
      await running?.[Symbol.asyncDispose]();
      running = undefined;
    },
  };
}

function withJava(): Fetched {
  const jar = installed("zookeeper.jar", ["zookeeper"], ["/usr/share/java"]);
  return "reason" in jar ? jar : installed("java", ["default-jre-headless"]);
}

function lineOf(java: string, port: number, data: string): readonly string[] {
  const config = {
    tickTime: TICK_MS,
    dataDir: data,
    clientPort: port,
    clientPortAddress: "127.0.0.1",
    maxClientCnxns: 0,
    // Twenty ticks would be the most: a test that stalls for so long has lost its session.
    maxSessionTimeout: 60_000,
    "admin.enableServer": false,
    "4lw.commands.whitelist": "srvr",
  };
  writeFileSync(
    `${data}/zoo.cfg`,
    Object.entries(config)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const quick = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dzookeeper.forceSync=no"];
  const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
  return [java, ...quick, "-cp", CLASSPATH, main, `${data}/zoo.cfg`];
}

/** Whether the server at a port serves sessions; before that it accepts connections and closes them. */
async function isServing(port: number): Promise<boolean> {
  return (await word(port, "srvr")).includes("Mode:");
}

/** What the server answers to one of its four-letter words. */
function word(port: number, command: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(command));
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.once("error", () => resolve("")).once("close", () => resolve(text));
    // One that is frozen accepts and says nothing.
    socket.setTimeout(1000, () => socket.destroy());
  });
}

/** Somebody else's client: what it prints, or why it is not there. */
export type ForeignClient = { readonly reason: string } | { run(...args: readonly string[]): string };

/** The client for Python, from Debian's packages: `run(script, …args)`. */
export function kazoo(): ForeignClient {
  const library = installed("__init__.py", ["python3-kazoo"], ["/usr/lib/python3/dist-packages/kazoo"]);
  if ("reason" in library) return library;
  return { run: (script = "", ...args) => command(["/usr/bin/python3", "-c", script, ...args]) };
}

/** ZooKeeper's own command line: `run(servers, "create", "/a", "data")`. */
export function zkCli(): ForeignClient {
  const java = withJava();
  if ("reason" in java) return java;
  const main = ["-XX:TieredStopAtLevel=1", "-cp", CLASSPATH, "org.apache.zookeeper.ZooKeeperMain", "-server"];
  return { run: (...args) => command([java.path, ...main, ...args]) };
}
