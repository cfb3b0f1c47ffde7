/**
 * What every request carries beside its message, whatever the protocol: the time left, ids, the trace, and the caller's
 * metadata. As a flat list of names and values in turn, which node's HTTP writes as it stands and others make theirs of.
 *
 * @module
 */
import type { ActiveCall, Context } from "../endpoint/index.ts";
import { policyError } from "../errors/index.ts";
import { injectTrace } from "../trace/index.ts";
import { ATTEMPT, REQUEST_ID, TIMEOUT } from "./names.ts";

/**
 * Adds what a context carries to a request.
 *
 * @param remainingMs Infinity where the protocol says the time in a way of its own.
 */
export function addContext(headers: string[], context: Context, remainingMs: number): void {
  // Rounded down: the peer never believes to have longer than we wait. For the work of a one-way call nobody waits.
  if (remainingMs < Infinity && context.method.oneWay !== true)
    headers.push(TIMEOUT, String(Math.max(1, Math.floor(remainingMs))));
  headers.push(REQUEST_ID, context.requestId);
  injectTrace(context, (name, value) => void headers.push(name, value));
}

/** Which names of metadata belong to a protocol itself. */
export interface Owner {
  /** What the protocol is called in messages. */
  readonly name: string;
  isOwn(name: string): boolean;
}

/**
 * Adds which attempt a call is and its metadata, which replaces what stands there.
 *
 * @throws {ServiceError} invalid_request when metadata has a name that is the protocol's own.
 */
export function addMetadata(headers: string[], call: ActiveCall, owner: Owner): void {
  if (call.attempt > 1) headers.push(ATTEMPT, String(call.attempt));
  if (call.outgoingIfAny === undefined) return;
  for (const [name, value] of call.outgoingIfAny) {
    if (name === TIMEOUT || owner.isOwn(name))
      throw policyError("invalid_request", { message: `metadata "${name}" is ${owner.name}'s own and cannot be set` });
    setHeader(headers, name, value);
  }
}

/** Sets or replaces a header of a flat list; `name` in lower case. */
export function setHeader(headers: string[], name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) {
      headers[i + 1] = value;
      return;
    }
  }
  headers.push(name, value);
}
