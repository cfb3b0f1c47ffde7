/**
 * One call on its way through the server; others may be under way on the same connection.
 *
 * @module
 */
import { ServiceError, type Outcome } from "../../errors/index.ts";
import { isPromise } from "../../internal/promise.ts";
import type { BoundMethod } from "../bind.ts";
import type { Hooks } from "../hooks.ts";
import { TIMEOUT } from "../names.ts";
import { ServerCall } from "../server-call.ts";
import { timeoutOf } from "../timeout.ts";
import { writeException } from "./exception.ts";
import type { Outbox } from "./outbox.ts";
import type { ThriftProtocol } from "./protocol.ts";
import type { Framing, Incoming } from "./splitter.ts";
import { malformed, MESSAGE, type MessageHead, type ThriftReader } from "./types.ts";
import type { WireMethod } from "./wire-method.ts";

/** A request as a hook sees it. */
export interface ThriftRequest {
  /** The method's name as the peer wrote it. */
  readonly name: string;
  readonly protocol: ThriftProtocol;
  readonly framing: Framing;
  /** Whether the peer waits for a reply. */
  readonly isOneWay: boolean;
  /** A header of the request, name in any case; undefined also where the protocol carries none. */
  header(name: string): string | undefined;
}

/** A reply as a hook sees it, before it is written: a result in its wire form, or an error in its place. */
export interface ThriftReply {
  result: unknown;
  error: ServiceError | undefined;
}

/** How one method is served. */
export interface ThriftPlan {
  readonly bound: BoundMethod;
  readonly hooks: Hooks<ThriftRequest, ThriftReply>;
  /** Undefined for calls of no method. */
  readonly wire: WireMethod | undefined;
}

/** The connection a call came by. */
export interface Holder {
  readonly peer: string;
  readonly outbox: Outbox;
  add(call: ThriftCall): void;
  remove(call: ThriftCall): void;
}

/** Where a call comes from. */
export interface CallFrom {
  readonly holder: Holder;
  readonly incoming: Incoming;
  readonly head: MessageHead;
  readonly reader: ThriftReader;
  /** Why it gets no further than this; undefined when it may. */
  readonly refusal: ServiceError | undefined;
}

/** How much of a method's name is shown: it may be as long as a message. */
const TARGET_CHARS = 256;

const NO_HEADERS: readonly string[] = [];

/** Drives one request through its method's pipeline. */
export class ThriftCall extends ServerCall<ThriftRequest, ThriftReply> {
  readonly #plan: ThriftPlan;
  readonly #from: CallFrom;
  /** Whether the peer waits for a reply. */
  readonly isAnswered: boolean;

  constructor(plan: ThriftPlan, from: CallFrom, startMs: number) {
    const { bound } = plan;
    const { headers } = from.incoming;
    const timeoutMs =
      headers === undefined ? bound.info.timeoutMs : timeoutOf(headers.get(TIMEOUT), bound.info.timeoutMs);
    super(
      bound,
      { startMs, timeoutMs, transport: "thrift", incoming: headers, values: bound.around.values },
      plan.hooks,
    );
    this.#plan = plan;
    this.#from = from;
    this.isAnswered = from.head.mtype === MESSAGE.CALL && plan.wire?.isOneWay !== true;
    this.peer = from.holder.peer;
    this.target = from.head.fname.slice(0, TARGET_CHARS);
    this.requestBytes = from.incoming.body.length;
    from.holder.add(this);
  }

  get request(): ThriftRequest {
    const { head, incoming } = this.#from;
    const { protocol, framing } = incoming;
    return {
      name: head.fname,
      protocol,
      framing,
      isOneWay: !this.isAnswered,
      header: (name) => incoming.headers?.get(name),
    };
  }

  /** Takes the request through the pipeline, or refuses it. */
  run(): void {
    const { refusal } = this.#from;
    this.begin();
    if (refusal !== undefined) return this.fail(refusal);
    const admitted = this.admit();
    if (isPromise(admitted)) void admitted.then((passes) => (passes ? this.#go() : undefined));
    else if (admitted) this.#go();
  }

  #go(): void {
    let wire: unknown;
    try {
      wire = readRequest(this.#plan.wire!, this.#from.reader);
    } catch (error) {
      return this.fail(error);
    }
    this.dispatch(wire);
  }

  protected succeed(response: unknown): void {
    if (this.isAnswered) {
      let result = response;
      if (this.hooks.after !== undefined) {
        const reply: ThriftReply = { result, error: undefined };
        this.after(reply);
        if (reply.error !== undefined) return this.fail(reply.error);
        ({ result } = reply);
      }
      this.#result(result);
    }
    this.finish("ok");
  }

  #result(result: unknown): void {
    const { outbox } = this.#from.holder;
    const writer = this.#begin(MESSAGE.REPLY);
    try {
      this.#plan.wire!.writeResponse(writer, result);
    } catch (thrown) {
      outbox.cancel();
      throw thrown;
    }
    this.responseBytes = outbox.end();
  }

  protected override done(): void {
    this.finish("ok");
  }

  protected refuse(error: ServiceError): void {
    if (this.isAnswered && !this.#encoded(error)) this.#error(error);
    this.finish(error.code);
  }

  /** What the user's encoder makes of an error, when there is one. */
  #encoded(error: ServiceError): boolean {
    if (this.hooks.errorEncoder === undefined) return false;
    const reply: ThriftReply = { result: undefined, error };
    if (!this.encodeError(error, reply)) return false;
    return this.guarded(() => {
      if (ServiceError.is(reply.error)) this.#error(reply.error);
      else this.#result(reply.result);
    });
  }

  #error(error: ServiceError): void {
    const { outbox } = this.#from.holder;
    const { wire } = this.#plan;
    if (wire !== undefined && error.origin === "declared") {
      let isWritten = false;
      try {
        isWritten = wire.writeError(this.#begin(MESSAGE.REPLY), error);
      } catch (thrown) {
        this.report(thrown);
      }
      if (isWritten) {
        this.responseBytes = outbox.end();
        return;
      }
      outbox.cancel();
    }
    writeException(this.#begin(MESSAGE.EXCEPTION), error, (thrown) => this.report(thrown));
    this.responseBytes = outbox.end();
  }

  #begin(type: number): ReturnType<Outbox["begin"]> {
    const { head, incoming, holder } = this.#from;
    const { framing, protocol } = incoming;
    const given = framing === "headers" ? this.outgoingIfAny : undefined;
    const headers = given === undefined ? NO_HEADERS : [...given].flat();
    return holder.outbox.begin({ framing, protocol, name: head.fname, type, seqid: head.rseqid, headers });
  }

  protected override finish(outcome: Outcome): void {
    this.#from.holder.remove(this);
    super.finish(outcome);
  }
}

/** Reads the arguments, whoever's code it is that does. */
function readRequest(wire: WireMethod, reader: ThriftReader): unknown {
  try {
    const request = wire.readRequest(reader);
    reader.readMessageEnd();
    if (!reader.isAtEnd) throw malformed("there is more after the message");
    return request;
  } catch (thrown) {
    // Generated code throws errors of its own, which may say anything.
    throw ServiceError.is(thrown) ? thrown : malformed("the arguments cannot be read");
  }
}
