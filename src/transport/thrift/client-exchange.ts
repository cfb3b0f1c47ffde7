/**
 * One call of a client: its message out, and what became of it.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, ServiceError, toServiceError } from "../../errors/index.ts";
import { finalize, type ClientHooks } from "../client-hooks.ts";
import { addContext, addMetadata, setHeader } from "../outgoing.ts";
import type { Waiting } from "../pending.ts";
import { readException } from "./exception.ts";
import { SERVICE } from "./names.ts";
import type { Outbox } from "./outbox.ts";
import type { ThriftProtocol } from "./protocol.ts";
import type { Framing, Incoming } from "./splitter.ts";
import { MESSAGE, type MessageHead, type ThriftReader } from "./types.ts";
import type { WireMethod } from "./wire-method.ts";

/** A request as a client's hook sees it, before it is written. */
export interface ThriftClientRequest {
  /** The method's name as it will stand in the message. */
  readonly name: string;
  readonly protocol: ThriftProtocol;
  readonly framing: Framing;
  /** Sets a header; throws a RangeError where there are none to be set, or the name is the protocol's own. */
  setHeader(name: string, value: string): void;
}

/** An answer as a client's hook sees it. */
export interface ThriftClientResponse {
  /** Whether it is a TApplicationException, and no result. */
  readonly isException: boolean;
  /** Bytes of the message. */
  readonly bytes: number;
  /** A header of the answer, name in any case. */
  header(name: string): string | undefined;
}

/** What is prepared once per method. */
export interface ClientMethod {
  readonly wire: WireMethod;
  /** The name in the message: with the service before it where calls are multiplexed. */
  readonly name: string;
  readonly isIdempotent: boolean;
  readonly framing: Framing;
  readonly protocol: ThriftProtocol;
  /** Headers of every call: names and values in turn. */
  readonly headers: readonly string[];
  readonly hooks: ClientHooks<ThriftClientRequest, ThriftClientResponse>;
  readonly now: () => number;
  /** Sends a call that was lost with its connection once more. */
  again(exchange: ClientExchange): void;
}

const OWNER = { name: "Thrift", isOwn: (name: string): boolean => name === SERVICE };

const NO_HEADERS: readonly string[] = [];

/** A call and who waits for it. It is settled once. */
export class ClientExchange implements Waiting {
  readonly method: ClientMethod;
  readonly call: ActiveCall;
  readonly #request: unknown;
  readonly #resolve: (wire: unknown) => void;
  readonly #reject: (error: ServiceError) => void;
  /** When it was sent; undefined before. */
  sentMs: number | undefined = undefined;
  /** Whether its connection had served others before: the peer may have closed it meanwhile. */
  isReused = false;
  #isRepeated = false;
  /** Told when it is settled: its connection. */
  onSettled: ((exchange: ClientExchange, error: ServiceError | undefined) => void) | undefined = undefined;

  // oxlint-disable-next-line max-params -- an object would be made for every call
  constructor(
    method: ClientMethod,
    call: ActiveCall,
    request: unknown,
    resolve: (wire: unknown) => void,
    reject: (error: ServiceError) => void,
  ) {
    this.method = method;
    this.call = call;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Writes the request; throws when it cannot be. */
  write(outbox: Outbox, seqid: number): void {
    const { wire, name, framing, protocol } = this.method;
    const headers = this.#headers();
    const type = wire.isOneWay ? MESSAGE.ONEWAY : MESSAGE.CALL;
    const writer = outbox.begin({ framing, protocol, name, type, seqid, headers });
    try {
      wire.writeRequest(writer, this.#request);
    } catch (thrown) {
      outbox.cancel();
      throw thrown;
    }
    this.call.requestBytes = outbox.end();
    this.sentMs = this.method.now();
  }

  #headers(): readonly string[] {
    const { framing, hooks, now } = this.method;
    const { call } = this;
    let headers: readonly string[] = NO_HEADERS;
    if (framing === "headers") {
      const list = this.method.headers.slice();
      addContext(list, call.context, call.context.deadlineMs - now());
      addMetadata(list, call, OWNER);
      headers = list;
    }
    if (hooks.before !== undefined) {
      const view = new RequestView(this.method, headers === NO_HEADERS ? undefined : (headers as string[]));
      for (const before of hooks.before) before(call.context, view);
    }
    return headers;
  }

  /** Reads the answer. */
  answered(incoming: Incoming, head: MessageHead, reader: ThriftReader): unknown {
    const { call } = this;
    const { wire, hooks } = this.method;
    call.responseBytes = incoming.body.length;
    if (incoming.headers !== undefined) call.incoming = incoming.headers;
    const isException = head.mtype === MESSAGE.EXCEPTION;
    if (hooks.after !== undefined) {
      const { headers } = incoming;
      const view = { isException, bytes: incoming.body.length, header: (name: string) => headers?.get(name) };
      for (const after of hooks.after) after(call.context, view);
    }
    if (isException) return readException(reader);
    if (head.mtype !== MESSAGE.REPLY)
      throw policyError("invalid_response", { message: "the answer is neither a reply nor an exception" });
    return wire.readResponse(reader);
  }

  resolve(wire: unknown): void {
    this.onSettled?.(this, undefined);
    this.#finish(undefined);
    this.#resolve(wire);
  }

  reject(error: ServiceError): void {
    this.onSettled?.(this, error);
    if (error.reason === "connection_lost" && error.origin === "policy" && this.#mayRepeat()) {
      this.#isRepeated = true;
      this.sentMs = undefined;
      return this.method.again(this);
    }
    this.#finish(error);
    this.#reject(error);
  }

  #mayRepeat(): boolean {
    return this.isReused && this.method.isIdempotent && !this.#isRepeated && this.call.canceledBy === undefined;
  }

  #finish(error: ServiceError | undefined): void {
    const { finalizer } = this.method.hooks;
    if (finalizer !== undefined) finalize(finalizer, { context: this.call.context, status: this.call.status, error });
  }
}

class RequestView implements ThriftClientRequest {
  readonly name: string;
  readonly protocol: ThriftProtocol;
  readonly framing: Framing;
  readonly #headers: string[] | undefined;

  constructor({ name, protocol, framing }: ClientMethod, headers: string[] | undefined) {
    this.name = name;
    this.protocol = protocol;
    this.framing = framing;
    this.#headers = headers;
  }

  setHeader(name: string, value: string): void {
    if (this.#headers === undefined) throw new RangeError("there are no headers to be set: only THeader carries them");
    const lower = name.toLowerCase();
    if (OWNER.isOwn(lower)) throw new RangeError(`the header "${lower}" is Thrift's own and cannot be set`);
    setHeader(this.#headers, lower, value);
  }
}

/** What a failure of reading an answer is: whatever it was, the answer is to blame. */
export function unreadable(thrown: unknown): ServiceError {
  if (ServiceError.is(thrown) && thrown.reason !== "malformed_message") return thrown;
  if (!ServiceError.is(thrown) && !(thrown instanceof Error)) return toServiceError(thrown);
  return policyError("invalid_response", { message: "the answer cannot be read", cause: thrown });
}
