/**
 * The service pb.Add over Python's grpcio, the implementation in C++: a server, and a caller that tells what it saw.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { accepts, command, installed, started, type Fetched, type Started } from "./fetched.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("./grpc-python.py", import.meta.url));

/** Debian's Python with grpcio and protobuf. */
export function grpcPython(): Fetched {
  // The packages have no program of their own: their folder stands for them.
  const found = installed("grpc", ["python3-grpcio", "python3-protobuf"], ["/usr/lib/python3/dist-packages"]);
  if ("reason" in found) return found;
  try {
    command([PYTHON, "-c", "import grpc, google.protobuf"]);
    return { path: PYTHON };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

/** Runs the server; `file` is the FileDescriptorProto of add.proto. */
export function grpcPythonServer(python: string, file: Uint8Array): Promise<Started> {
  const described = descriptor(file);
  return started({
    line: (port) => [python, SCRIPT, "serve", String(port), described.path],
    ready: accepts,
    after: described.remove,
  });
}

/** Runs the caller against a port of this machine. */
export async function grpcPythonCalls(python: string, port: number, file: Uint8Array): Promise<unknown> {
  const described = descriptor(file);
  try {
    const { stdout } = await promisify(execFile)(python, [SCRIPT, "call", String(port), described.path], {
      timeout: 30_000,
    });
    return JSON.parse(stdout) as unknown;
  } finally {
    described.remove();
  }
}

function descriptor(file: Uint8Array): { readonly path: string; readonly remove: () => void } {
  const folder = mkdtempSync(`${tmpdir()}/servicekit-grpc-`);
  writeFileSync(`${folder}/add.binpb`, file);
  return { path: `${folder}/add.binpb`, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
