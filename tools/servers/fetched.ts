/**
 * Servers that tests run: fetched once into `.cache/servers` by the ordinary package tools, or missing with a reason. Quick
 * to fail, since a machine without a registry should not wait for it in every run.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
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

/** A port of the loopback that nobody had a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** A server that runs until it is disposed of. */
export interface Started extends AsyncDisposable {
  readonly url: string;
}

/** How a server is started. */
export interface StartOptions {
  /** The command, for this port and this empty folder. */
  readonly line: (port: number, data: string) => readonly string[];
  readonly env?: (port: number) => NodeJS.ProcessEnv;
  /** What answers 200 when it is ready. */
  readonly ready: string;
}

/** Starts a server; throws when it is not ready within half a minute. */
export async function started({ line, env, ready }: StartOptions): Promise<Started> {
  const port = await freePort();
  const data = mkdtempSync(`${tmpdir()}/servicekit-server-`);
  const [program = "", ...args] = line(port, data);
  const child = spawn(program, args, { cwd: data, env: { ...process.env, ...env?.(port) }, stdio: "ignore" });
  let ended: string | undefined;
  child.once("error", (error) => (ended = error.message));
  const exit = new Promise<void>((resolve) =>
    child.once("close", (code) => {
      ended ??= `ended with ${code}`;
      resolve();
    }),
  );
  async function stop(): Promise<void> {
    if (ended === undefined) child.kill("SIGKILL");
    await exit;
    rmSync(data, { recursive: true, force: true });
  }
  const url = `http://127.0.0.1:${port}`;
  for (let waited = 0; waited < 30_000 && ended === undefined; waited += 50) {
    const isReady = await fetch(url + ready).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (isReady) return { url, [Symbol.asyncDispose]: stop };
    await sleep(50);
  }
  await stop();
  throw new Error(`${program} is not ready: ${ended}`);
}
