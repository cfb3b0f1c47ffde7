/**
 * RabbitMQ, from Debian's package: a broker of its own in a temporary folder, with an Erlang port mapper of its own.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { command, freePort, installed, started, type Fetched, type Started } from "./fetched.ts";

const LIBRARY = "/usr/lib/rabbitmq/lib";

/** The folder of its programs. Debian's own wrappers change the user, and so cannot be used. */
function rabbitmqPrograms(): Fetched {
  const wrapper = installed("rabbitmqctl", ["rabbitmq-server"]);
  if ("reason" in wrapper) return wrapper;
  const version = existsSync(LIBRARY) ? readdirSync(LIBRARY).find((name) => name.startsWith("rabbitmq_server-")) : "";
  const path = `${LIBRARY}/${version}/sbin`;
  return existsSync(`${path}/rabbitmq-server`) ? { path } : { reason: `there is no rabbitmq-server in ${path}` };
}

/** A broker, and what its own tools say of it. */
export interface Broker extends Started {
  /** Where clients connect, with the user that every new broker has. */
  readonly amqp: string;
  /** Runs rabbitmqctl against it; returns what it prints. Takes seconds. */
  ctl(...args: readonly string[]): string;
}

/** Whether a broker answers at a port: one that has just begun accepts connections and says nothing yet. */
function speaks(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => void socket.write("AMQP\0\0\u0009\u0001", "latin1"));
    const over = (answered: boolean): void => (socket.destroy(), resolve(answered));
    socket.setTimeout(1000, () => over(false));
    socket
      .once("data", () => over(true))
      .once("error", () => over(false))
      .once("close", () => over(false));
  });
}

/** Runs it. It takes 3 s on an idle machine and ten times that on a busy one. */
async function rabbitmq(programs: string): Promise<Broker> {
  const [mapperPort, nodePort] = [await freePort(), await freePort()];
  function envOf(port: number, data: string): NodeJS.ProcessEnv {
    return {
      HOME: data,
      RABBITMQ_NODENAME: `servicekit${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(nodePort),
      RABBITMQ_MNESIA_BASE: `${data}/mnesia`,
      RABBITMQ_LOG_BASE: `${data}/log`,
      RABBITMQ_CONFIG_FILE: `${data}/rabbitmq`,
      RABBITMQ_ENABLED_PLUGINS_FILE: `${data}/plugins`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1 +sbwt none",
      ERL_EPMD_PORT: String(mapperPort),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      // Makes the script become the broker, so that its pid is the one to stop.
      NOTIFY_SOCKET: `${data}/notify`,
    };
  }
  const server = await started({
    line: (_port, data) => {
      mkdirSync(`${data}/log`, { recursive: true });
      writeFileSync(`${data}/plugins`, "[].");
      writeFileSync(
        `${data}/rabbitmq.conf`,
        "heartbeat = 10\nvm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 1MB\n",
      );
      return [`${programs}/rabbitmq-server`];
    },
    env: envOf,
    ready: (port) => speaks(port),
    readyMs: 90_000,
    // It was started by the broker, and outlives it.
    after: () => void spawnSync("epmd", ["-kill"], { env: { ...process.env, ERL_EPMD_PORT: String(mapperPort) } }),
  });
  const { port, data } = server;
  return {
    ...server,
    amqp: `amqp://guest:guest@127.0.0.1:${port}`,
    ctl: (...args) =>
      command([`${programs}/rabbitmqctl`, "-q", ...args], { env: { ...process.env, ...envOf(port, data) } }),
  };
}

/** The broker that tests run against: one of their own, or the user's. */
export interface TestBroker extends AsyncDisposable {
  readonly amqp: string;
  /** The one of their own, which they may kill and freeze. */
  readonly own: Broker | undefined;
}

/** How tests come by a broker. */
export interface ForTests {
  /** Why there is none; undefined where there is. */
  readonly missing: string | undefined;
  /** Why none may be killed; undefined where one may. */
  readonly unkillable: string | undefined;
  start(): Promise<TestBroker>;
}

/** The broker of the environment variable SERVICEKIT_TEST_AMQP, an address with user and password, or one that is started. */
export function rabbitmqForTests(): ForTests {
  const given = process.env["SERVICEKIT_TEST_AMQP"];
  if (given !== undefined)
    return {
      missing: undefined,
      unkillable: "the broker of SERVICEKIT_TEST_AMQP is not killed",
      start: async () => ({ amqp: given, own: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }),
    };
  const programs = rabbitmqPrograms();
  const missing = "reason" in programs ? programs.reason : undefined;
  return {
    missing,
    unkillable: missing,
    async start() {
      const own = await rabbitmq((programs as { readonly path: string }).path);
      return { amqp: own.amqp, own, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() };
    },
  };
}
