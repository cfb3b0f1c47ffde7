/**
 * The head of a request: what is constant for a method, what the call carries, and what hooks set.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError } from "../../errors/index.ts";
import { ATTEMPT, TIMEOUT } from "../names.ts";
import { addContext } from "../outgoing.ts";
import type { GrpcClientRequest } from "./client-answer.ts";
import { CODINGS } from "./compression.ts";
import { addField, GRPC, outgoingFields } from "./metadata.ts";
import { formatTimeout } from "./timeout.ts";

/** Headers as node's HTTP/2 takes them. */
export type Headers = Record<string, string | string[]>;

/** What is the same for all calls of a method. */
export interface HeadPlan {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** The coding of messages that are compressed; undefined where none is. */
  readonly encoding: string | undefined;
  /** Constant metadata; undefined for none. */
  readonly metadata: Headers | undefined;
}

/** Filled and emptied again within one turn. */
const CARRIED: string[] = [];

/**
 * Makes the head of a call.
 *
 * @throws {ServiceError} invalid_request when its metadata cannot be sent.
 */
export function headOf(plan: HeadPlan, call: ActiveCall, remainingMs: number): Headers {
  // One literal with everything that nearly every call has: objects of one shape.
  const head: Headers = {
    ":method": "POST",
    ":scheme": plan.scheme,
    ":authority": plan.authority,
    ":path": plan.path,
    te: "trailers",
    "content-type": "application/grpc",
    "user-agent": "servicekit",
    "grpc-accept-encoding": CODINGS,
    "grpc-timeout": formatTimeout(remainingMs),
  };
  if (remainingMs === Infinity) delete head["grpc-timeout"];
  if (plan.encoding !== undefined) head["grpc-encoding"] = plan.encoding;
  if (plan.metadata !== undefined) Object.assign(head, plan.metadata);
  addContext(CARRIED, call.context, Infinity);
  for (let i = 0; i < CARRIED.length; i += 2) head[CARRIED[i]!] = CARRIED[i + 1]!;
  CARRIED.length = 0;
  if (call.attempt > 1) head[ATTEMPT] = String(call.attempt);
  if (call.outgoingIfAny !== undefined) addOutgoing(head, call.outgoingIfAny);
  return head;
}

// All values of a name, in place of what stands there.
function addOutgoing(head: Headers, outgoing: Iterable<[string, string]>): void {
  const own: Headers = {};
  for (const [name, value] of outgoing) {
    if (name === TIMEOUT)
      throw policyError("invalid_request", { message: `metadata "${name}" is gRPC's own and cannot be set` });
    addField(own, name, value);
  }
  Object.assign(head, own);
}

const NAME = /^[a-z0-9_.-]{1,128}$/;
const VALUE = /^[\x20-\x7e]*$/;

/**
 * Metadata of every request, checked.
 *
 * @throws {RangeError} when a name or value cannot be sent.
 */
export function constantMetadata(given: Readonly<Record<string, string>> | undefined): Headers | undefined {
  if (given === undefined || Object.keys(given).length === 0) return undefined;
  const list: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase();
    if (!NAME.test(lower) || GRPC.isOwn(lower))
      throw new RangeError(
        `metadata should have names of letters, digits, "_", "." or "-" that are not gRPC's own, got "${name}"`,
      );
    // The value may be a secret: it is not shown.
    if (typeof value !== "string" || !VALUE.test(value))
      throw new RangeError(`metadata ${lower} should be printable ASCII, got another`);
    list.push(lower, value);
  }
  return outgoingFields(list);
}

/** A request as hooks may change it. */
export class RequestView implements GrpcClientRequest {
  readonly path: string;
  readonly message: Uint8Array | undefined;
  readonly #head: Headers;

  constructor(path: string, message: Uint8Array | undefined, head: Headers) {
    this.path = path;
    this.message = message;
    this.#head = head;
  }

  metadata(name: string): string | undefined {
    const lower = name.toLowerCase();
    const value = Object.hasOwn(this.#head, lower) ? this.#head[lower] : undefined;
    return Array.isArray(value) ? value.join(", ") : value;
  }

  set(name: string, value: string): void {
    const lower = name.toLowerCase();
    if (!NAME.test(lower) || !VALUE.test(value))
      throw policyError("invalid_request", { message: `metadata "${lower}" cannot be sent` });
    const own: Headers = {};
    addField(own, lower, value);
    Object.assign(this.#head, own);
  }
}
