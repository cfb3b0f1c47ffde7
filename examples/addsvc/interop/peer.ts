/**
 * Go kit's own transports as a peer: builds the Go program here once, and runs it as server and as client.
 *
 * @module
 */
import { spawn } from "node:child_process";
import type { Fetched } from "../../../tools/servers/fetched.ts";
import { goProgram } from "../../../tools/servers/go-program.ts";
import { program } from "../../test-program.ts";
import type { Printed } from "../test-cli.ts";

/** A server that runs until it is disposed of, and where it answers. */
export interface GoServer extends Disposable {
  readonly http: string;
  readonly jsonrpc: string;
  readonly grpc: string;
  readonly thrift: string;
}

/** The program, or why there is none. */
export function goPeer(): Fetched {
  return goProgram(new URL("./", import.meta.url));
}

/** Serves; `burst` calls of each method may begin, and one an hour after. */
export async function goServer(binary: string, burst: number): Promise<GoServer> {
  const { said, kill } = await program([binary, "serve", String(burst)]);
  const [http = "", jsonrpc = "", grpc = "", thrift = ""] = said.split(" ");
  return { http, jsonrpc, grpc, thrift, [Symbol.dispose]: () => void kill() };
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
