/**
 * What the page sends to have a method called: read within bounds, and checked before anything is called.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { Metadata } from "../endpoint/index.ts";
import { policyError, type ServiceError } from "../errors/index.ts";
import type { App, BoundMethod } from "../transport/index.ts";

/** The largest body: requests typed by a person. */
const MAX_BODY_BYTES = 1_048_576;

/** The call that a body asks for. */
export interface TryRequest {
  readonly bound: BoundMethod;
  readonly request: unknown;
  readonly metadata: Metadata;
}

/**
 * Reads the body as text.
 *
 * @throws {ServiceError} too_large, or malformed_message when it is no UTF-8 or is cut off.
 */
export function readBody(request: IncomingMessage): Promise<string> {
  // Not iterated over: a loop that is left destroys the request, and with it the connection that the answer goes over.
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const take = (chunk: Uint8Array): void => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) return void chunks.push(chunk);
      request.removeListener("data", take);
      reject(policyError("too_large"));
    };
    request.on("data", take);
    request.once("end", () => {
      try {
        resolve(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
      } catch {
        reject(policyError("malformed_message"));
      }
    });
    request.once("error", () => reject(policyError("malformed_message")));
    request.once("close", () => reject(policyError("canceled")));
  });
}

/**
 * Checks what was read: `{ service, method, request, metadata? }`.
 *
 * @throws {ServiceError} unknown_method or malformed_message.
 */
export function tryRequestOf(app: App, value: unknown): TryRequest {
  const { service, method, request, metadata = {} } = (isRecord(value) ? value : {}) as Record<string, unknown>;
  const bound = app.services
    .find(({ name, methods }) => name === service && methods.has(method as string))
    ?.methods.get(method as string);
  if (bound === undefined) throw policyError("unknown_method");
  return { bound, request, metadata: metadataOf(metadata) };
}

// As on a wire: what no header could carry does not come in here either.
function metadataOf(given: unknown): Metadata {
  const metadata = new Metadata();
  if (!isRecord(given)) throw malformed("metadata should be an object of strings");
  for (const [name, text] of Object.entries(given as object)) {
    if (typeof text !== "string") throw malformed("metadata should be an object of strings");
    try {
      metadata.set(name, text);
    } catch (error) {
      throw malformed((error as RangeError).message);
    }
  }
  return metadata;
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(message: string): ServiceError {
  return policyError("malformed_message", { message });
}
