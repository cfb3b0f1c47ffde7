/**
 * Reading a document from a file, from stdin or from the web.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { backgroundContext } from "../endpoint/index.ts";
import { httpCall } from "../transport/http/index.ts";
import { ServiceError } from "../errors/index.ts";
import { Refusal } from "./command.ts";

/** The largest document: those of the largest public services have some 10 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** The text of a document. `-` is stdin. @throws {Refusal} when it cannot be had. */
export async function readDocument(from: string): Promise<string> {
  try {
    if (/^https?:\/\//i.test(from)) return await fetched(from);
    return from === "-" ? await readStdin() : await readFile(from, "utf8");
  } catch (error) {
    throw new Refusal(`cannot read ${from}: ${reasonOf(error)}`, false, error);
  }
}

function fetched(url: string): Promise<string> {
  const call = httpCall<undefined, string>({
    verb: "GET",
    url,
    headers: { accept: "application/json" },
    limits: { maxBodyBytes: MAX_BYTES },
    timeoutMs: TIMEOUT_MS,
    acceptsCompressed: true,
    decode: (response) => response.text(),
  });
  return Promise.resolve(call(undefined, backgroundContext({ timeoutMs: TIMEOUT_MS })));
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function reasonOf(error: unknown): string {
  if (!ServiceError.is(error)) return (error as Error).message;
  const { cause } = error;
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
}
