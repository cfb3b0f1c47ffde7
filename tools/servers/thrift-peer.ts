/**
 * Apache's Thrift library for Python as a peer, over code that Apache's compiler makes from an IDL of ours.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { command, installed } from "./fetched.ts";

/** How the peer speaks. */
export interface ThriftSpeech {
  readonly protocol: "binary" | "compact" | "json" | "header";
  readonly transport: "framed" | "buffered" | "header";
}

/** A server that runs until it is disposed of. */
export interface ThriftPeerServer extends Disposable {
  readonly address: string;
}

/** The peer for one IDL, with the code made from it; gone when it is disposed of. */
export interface ThriftPeer extends Disposable {
  /** Serves the service `peer` of the IDL. */
  serve(speech: ThriftSpeech): Promise<ThriftPeerServer>;
  /** Calls a server of it, and gives what came, a value for each call. */
  call(speech: ThriftSpeech, address: string): Promise<readonly unknown[]>;
}

const SCRIPT = fileURLToPath(new URL("thrift-peer.py", import.meta.url));
const PYTHON = "/usr/bin/python3";

/** Why there is no such peer on this machine; undefined when there is. */
export function missingThriftPeer(): string | undefined {
  const compiler = installed("thrift", ["thrift-compiler"]);
  if ("reason" in compiler) return `the Thrift compiler: ${compiler.reason}`;
  const python = installed("python3", ["python3", "python3-thrift"], ["/usr/bin"]);
  if ("reason" in python) return `Python: ${python.reason}`;
  try {
    command([PYTHON, "-c", "import thrift"]);
    return undefined;
  } catch {
    return "it should be installed: apt-get install python3-thrift";
  }
}

/** Compiles an IDL into a folder, by a generator of the compiler: `py`, `js:node`. */
export function compiledThrift(idl: string, generator: string): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(`${tmpdir()}/thrift-`);
  writeFileSync(`${folder}/idl.thrift`, idl);
  command(["thrift", "-strict", "--gen", generator, "-out", folder, `${folder}/idl.thrift`]);
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Makes the peer for an IDL. */
export function thriftPeer(idl: string): ThriftPeer {
  const made = compiledThrift(idl, "py");
  return {
    [Symbol.dispose]: () => made[Symbol.dispose](),
    async serve({ protocol, transport }) {
      const child = spawn(PYTHON, [SCRIPT, "serve", made.folder, protocol, transport], {
        stdio: ["pipe", "pipe", "ignore"],
      });
      const line = await new Promise<string>((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
        child.stdout.setEncoding("utf8").once("data", resolve);
      });
      return { address: `127.0.0.1:${line.trim()}`, [Symbol.dispose]: () => void child.kill("SIGKILL") };
    },
    call({ protocol, transport }, address) {
      const port = address.slice(address.lastIndexOf(":") + 1);
      const child = spawn(PYTHON, [SCRIPT, "call", made.folder, protocol, transport, port], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      let [out, err] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
      return new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code) => {
          if (code !== 0) return reject(new Error(`the client ended with ${code}: ${err.trim()}`));
          resolve(
            out
              .trim()
              .split("\n")
              .map((line) => JSON.parse(line) as unknown),
          );
        });
      });
    },
  };
}
