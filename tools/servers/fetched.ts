/**
 * Servers that tests run: fetched once into `.cache/servers` by the ordinary package tools, or missing with a reason. Quick
 * to fail, since a machine without a registry should not wait for it in every run.
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { sleep } from "../../src/time/index.ts";
import { root } from "../source.ts";

/** The path of a file that is needed, or why there is none. */
export type Fetched = { readonly path: string } | { readonly reason: string };

const folder = `${root}.cache/servers/`;

/**
 * The cached file `name`, made by `make` in a folder of its own when it is not there yet: `make` returns the path of what
 * it made below that folder, or throws.
 */
export function fetched(name: string, make: (into: string) => string): Fetched {
  const path = folder + name;
  if (existsSync(path)) return { path };
  mkdirSync(folder, { recursive: true });
  const into = mkdtempSync(`${folder}.making-`);
  try {
    renameSync(`${into}/${make(into)}`, path);
    return { path };
  } catch (error) {
    const reason = (error as Error).message.trim().split("\n").at(-1)!;
    process.stderr.write(`${name} cannot be had: ${reason}\n`);
    return { reason };
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
}

/** What a server answers to a GET, as text. */
export async function got(url: string): Promise<string> {
  return (await fetch(url)).text();
}

/** Where and in which environment a command runs. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

/** Runs a command; throws with its last words when it fails or takes over a minute. */
export function command(line: readonly string[], { cwd, env, timeoutMs = 60_000 }: CommandOptions = {}): string {
  const [program = "", ...args] = line;
  const done = spawnSync(program, args, { cwd, env, encoding: "utf8", timeout: timeoutMs, maxBuffer: 2 ** 26 });
  if (done.error !== undefined) throw new Error(`${program}: ${done.error.message}`);
  if (done.status === 0) return done.stdout;
  const words = `${done.stdout}\n${done.stderr}`.trim().split("\n").at(-1) ?? "";
  throw new Error(`${program} ended with ${done.status ?? done.signal}: ${words.slice(0, 200)}`);
}

/**
 * A port of the loopback that nobody had a moment ago. Not one of those that the platform gives away by itself: while a server is
 * restarted its port would be anybody's, a connection's that another test opens at that moment.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

/**
 * A program on the PATH or in one of `folders`, installed from Debian's packages when it is not there and this machine lets
 * us.
 */
export function installed(program: string, packages: readonly string[], folders: readonly string[] = []): Fetched {
  const found = (): string | undefined =>
    [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", ...folders]
      .map((folder) => `${folder}/${program}`)
      .find((path) => existsSync(path));
  const path = found();
  if (path !== undefined) return { path };
  try {
    if (process.getuid?.() !== 0) throw new Error(`it should be installed: apt-get install ${packages.join(" ")}`);
    // Others may be installing at the same moment.
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const wait = ["-o", "DPkg::Lock::Timeout=120", "-q"];
    const install = ["apt-get", "install", "-y", "--no-install-recommends", ...wait, ...packages];
    try {
      command(install, { env, timeoutMs: 180_000 });
    } catch {
      command(["apt-get", "update", ...wait], { env, timeoutMs: 120_000 });
      command(install, { env, timeoutMs: 180_000 });
    }
    const path = found();
    if (path === undefined) throw new Error(`${packages.join(" ")} brought no ${program}`);
    return { path };
  } catch (error) {
    const reason = (error as Error).message;
    process.stderr.write(`${program} cannot be had: ${reason}\n`);
    return { reason };
  }
}

/** A server that runs until it is disposed of. */
export interface Started extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Where its data is; gone with it. */
  readonly data: string;
  /** Stops its process where it is (SIGSTOP), all of it when this returns. */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
  /** Ends it at once, as a crash would. Its port and data stay for `restart`. */
  kill(): Promise<void>;
  /** Ends it if it runs, and starts it again on the same port with the same data; resolves when it is ready. */
  restart(): Promise<void>;
}

/** How a server is started. */
export interface StartOptions {
  /** The command, for this port and this empty folder. */
  readonly line: (port: number, data: string) => readonly string[];
  readonly env?: (port: number, data: string) => NodeJS.ProcessEnv;
  /** What answers 200 when it is ready, or asks itself. */
  readonly ready: string | ((port: number) => Promise<boolean>);
  /** How long it may take until then. Default: half a minute. */
  readonly readyMs?: number;
  /** What to do when it has ended, beside removing its data. */
  readonly after?: (data: string) => void;
}

/** Whether somebody accepts connections at a port of the loopback. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Starts a server; throws when it is not ready in time. */
export async function started({ line, env, ready, readyMs = 30_000, after }: StartOptions): Promise<Started> {
  const port = await freePort();
  const data = mkdtempSync(`${tmpdir()}/servicekit-server-`);
  const [program = "", ...args] = line(port, data);
  const url = `http://127.0.0.1:${port}`;
  const isReady =
    typeof ready === "function"
      ? () => ready(port)
      : () =>
          fetch(url + ready).then(
            ({ status }) => status === 200,
            () => false,
          );
  let child: ChildProcess;
  let ended: string | undefined;
  let exit: Promise<void>;
  async function start(): Promise<void> {
    ended = undefined;
    const own = spawn(program, args, { cwd: data, env: { ...process.env, ...env?.(port, data) }, stdio: "ignore" });
    child = own;
    own.once("error", (error) => (ended = error.message));
    exit = new Promise<void>((resolve) =>
      own.once("close", (code) => {
        ended ??= `ended with ${code}`;
        resolve();
      }),
    );
    for (let waited = 0; waited < readyMs && ended === undefined; waited += 50) {
      if (await isReady()) return;
      await sleep(50);
    }
    await kill();
    throw new Error(`${program} is not ready: ${ended}`);
  }
  async function kill(): Promise<void> {
    if (ended === undefined) child.kill("SIGKILL");
    await exit;
  }
  async function stop(): Promise<void> {
    await kill();
    after?.(data);
    rmSync(data, { recursive: true, force: true });
  }
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    port,
    data,
    freeze: () => standStill(child),
    thaw: () => void child.kill("SIGCONT"),
    kill,
    async restart() {
      await kill();
      await start();
    },
    [Symbol.asyncDispose]: stop,
  };
}

// The signal is only on its way: until each thread has taken it, one may still answer.
function standStill(child: ChildProcess): void {
  child.kill("SIGSTOP");
  const threads = `/proc/${child.pid}/task`;
  while (existsSync(threads) && !areStill(threads));
}

function areStill(threads: string): boolean {
  try {
    // After the name in brackets: T is stopped, Z and X are over.
    return readdirSync(threads).every((one) => /^.*\) [TtZX] /s.test(readFileSync(`${threads}/${one}/stat`, "latin1")));
  } catch {
    // One has ended meanwhile.
    return false;
  }
}
