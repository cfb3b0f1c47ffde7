/**
 * Go kit's own transports as a peer: builds `main.go` once, and runs it as server and as client.
 *
 * @module
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Printed } from "../test-cli.ts";

const SOURCES = ["main.go", "go.mod", "go.sum"];

const GO = "go";

const here = fileURLToPath(new URL("./", import.meta.url));
const cache = fileURLToPath(new URL("../../../.cache/gokit/", import.meta.url));
// What is used is pinned in go.mod and go.sum; no other toolchain is fetched for it either.
const env = { ...process.env, GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local", CGO_ENABLED: "0" };

/** A server that runs until it is disposed of. */
export interface GoServer extends Disposable {
  readonly http: string;
  readonly jsonrpc: string;
}

/** The program, or why there is none. Code of ours that does not compile throws. */
export function goPeer(): { readonly binary: string } | { readonly reason: string } {
  const version = spawnSync(GO, ["version"], { env, encoding: "utf8" });
  if (version.status !== 0) return { reason: "there is no Go toolchain" };
  const hash = createHash("sha256").update(version.stdout);
  for (const name of SOURCES) hash.update(readFileSync(here + name));
  const binary = `${cache}interop-${hash.digest("hex").slice(0, 16)}`;
  if (existsSync(binary)) return { binary };
  // Built from a copy: -mod=mod may write go.mod and go.sum.
  const folder = `${cache}source-${process.pid}`;
  mkdirSync(folder, { recursive: true });
  for (const name of SOURCES) copyFileSync(here + name, `${folder}/${name}`);
  try {
    const fetched = spawnSync(GO, ["mod", "download"], { cwd: folder, env, encoding: "utf8", timeout: 30_000 });
    if (fetched.status !== 0)
      return { reason: `Go kit cannot be fetched: ${fetched.stderr.trim().split("\n").at(-1)}` };
    execFileSync(GO, ["build", "-o", "interop", "."], { cwd: folder, env, stdio: ["ignore", "inherit", "inherit"] });
    renameSync(`${folder}/interop`, binary);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { binary };
}

/** Serves; `burst` calls of each method may begin at once, and one a second after. */
export async function goServer(binary: string, burst: number): Promise<GoServer> {
  const child = spawn(binary, ["serve", String(burst)], { stdio: ["pipe", "pipe", "inherit"] });
  const line = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    child.stdout.setEncoding("utf8").once("data", resolve);
  });
  const [http = "", jsonrpc = ""] = line.trim().split(" ");
  return { http, jsonrpc, [Symbol.dispose]: () => void child.kill() };
}

/** Calls as addcli does. */
export function goClient(binary: string, ...args: readonly string[]): Promise<Printed> {
  const child = spawn(binary, ["call", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ out, err, exit: code ?? -1 }));
  });
}
