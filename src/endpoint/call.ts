/**
 * One call in progress: the record that observers read and the pipeline writes. The context a handler gets is a view of it.
 *
 * @module
 */
import type { Outcome, ServiceError } from "../errors/index.ts";
import { Cancellation } from "./cancellation.ts";
import { CallContext, type Context, type ContextSource, type Values } from "./context.ts";
import { newRequestId } from "../internal/ids.ts";
import { Metadata, noMetadata, type Carrier } from "./metadata.ts";
import type { MethodInfo } from "./method.ts";
import type { Trace } from "./trace.ts";

/** One call as observers see it: numbers and names of a fixed shape, nothing to hash. */
export interface Call {
  readonly method: MethodInfo;
  /** The name of the transport that carries the call, e.g. "http"; "" when none does. */
  readonly transport: string;
  /** The context as it stands: gates may have derived it. */
  readonly context: Context;
  /** Who is at the other end: an address, "" when unknown. */
  readonly peer: string;
  /** On the clock of the server or client: when the call began. */
  readonly startMs: number;
  /** How long it took; 0 until the end. */
  readonly durationMs: number;
  /** "ok", or the code of the error; undefined until the end. */
  readonly outcome: Outcome | undefined;
  /** The error it ended with. */
  readonly error: ServiceError | undefined;
  /** The transport's own status at the end, e.g. 404; 0 where it has none. */
  readonly status: number;
  /** Bytes of the request and response bodies, as far as the transport knows them. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** What was asked for, as the peer wrote it: useful where no method fits. Not to be trusted, nor used as a label. */
  readonly target: string;
  /** The trace the call belongs to; an observer sets it at the start. */
  trace: Trace | undefined;
  /** The metadata that came with the request (server) or the response (client). */
  readonly incoming: Carrier;
  /** How many attempts a client made, hedges included; 1 on a server. */
  readonly attempts: number;
  /** The call that this one is made for: the server's call around a client's. */
  readonly parent: Context | undefined;
}

/** What a call begins with. */
export interface CallStart {
  readonly startMs: number;
  readonly timeoutMs: number;
  readonly transport?: string | undefined;
  readonly incoming?: Carrier | undefined;
  readonly values?: Values | undefined;
  readonly parent?: Context | undefined;
}

/**
 * A call as the transports drive it. Transports extend it by what their protocol needs.
 *
 * @example
 * ```ts
 * import { ActiveCall } from "servicekit/endpoint";
 *
 * const sum = { service: "add", name: "sum", kind: "unary", side: "server", idempotent: true, errors: [], timeoutMs: 3000 } as const;
 * const call = new ActiveCall(sum, { startMs: 100, timeoutMs: 50 });
 * call.context.deadlineMs; // => 150
 * ```
 */
export class ActiveCall extends Cancellation implements Call, ContextSource {
  readonly method: MethodInfo;
  readonly transport: string;
  context: Context;
  peer = "";
  readonly startMs: number;
  durationMs = 0;
  outcome: Outcome | undefined = undefined;
  error: ServiceError | undefined = undefined;
  status = 0;
  requestBytes = 0;
  responseBytes = 0;
  target = "";
  trace: Trace | undefined = undefined;
  incoming: Carrier;
  readonly parent: Context | undefined;
  #outgoing: Metadata | undefined = undefined;
  #requestId: string | undefined = undefined;

  constructor(method: MethodInfo, start: CallStart) {
    super();
    this.method = method;
    this.transport = start.transport ?? "";
    this.startMs = start.startMs;
    this.incoming = start.incoming ?? noMetadata;
    this.parent = start.parent;
    this.context = new CallContext(this, start.startMs + start.timeoutMs, start.values);
  }

  /** Which try of the caller this is, from 1. Transports that carry it override this. */
  get attempt(): number {
    return 1;
  }

  /** A getter: one field more here, and a client's call had too many for the platform's fast objects, at 1 µs each. */
  get attempts(): number {
    return 1;
  }

  /** Metadata to be sent: with the response (server) or the request (client). Made at the first read. */
  get outgoing(): Metadata {
    return (this.#outgoing ??= new Metadata());
  }

  /** The same without making it. */
  get outgoingIfAny(): Metadata | undefined {
    return this.#outgoing;
  }

  /** The id that ties together the log lines of one request; made when first read unless one came in. */
  get requestId(): string {
    return (this.#requestId ??= this.makeRequestId());
  }

  /**
   * Says where a request id comes from. Transports that carry one override it, and vouch for what they take: at most 128
   * visible ASCII characters, no quote and no backslash, for it is printed as it is.
   */
  protected makeRequestId(): string {
    return this.parent?.requestId ?? newRequestId();
  }
}
