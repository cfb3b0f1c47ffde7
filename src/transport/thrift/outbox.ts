/**
 * What goes out on one connection: messages written one after the other, and sent together once a turn.
 *
 * @module
 */
import { beginHeader, endFrame } from "./header.ts";
import { Output } from "./output.ts";
import { writerOf, type ThriftProtocol } from "./protocol.ts";
import type { Framing } from "./splitter.ts";
import type { ThriftWriter } from "./types.ts";

/** How a message begins. */
export interface Outgoing {
  readonly framing: Framing;
  readonly protocol: ThriftProtocol;
  readonly name: string;
  readonly type: number;
  readonly seqid: number;
  /** Names and values in turn; none without a header. */
  readonly headers: readonly string[];
}

/** Where bytes go. */
export interface Sink {
  /** Sends bytes; whether they can be written is its business. */
  send(bytes: Buffer): void;
}

/** The messages of one connection. */
export class Outbox {
  readonly #sink: Sink;
  readonly #out = new Output();
  readonly #writers = new Map<ThriftProtocol, ThriftWriter>();
  #framing: Framing = "unframed";
  #start = 0;
  #writer: ThriftWriter | undefined = undefined;
  #isFlushing = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Begins a message; its struct is to be written, then `end` or `cancel`. */
  begin(message: Outgoing): ThriftWriter {
    const out = this.#out;
    const { framing, protocol, name, type, seqid } = message;
    this.#framing = framing;
    this.#start = out.at;
    if (framing === "headers") beginHeader(out, message);
    else if (framing === "framed") out.take(4);
    let writer = this.#writers.get(protocol);
    if (writer === undefined) this.#writers.set(protocol, (writer = writerOf(protocol, out)));
    this.#writer = writer;
    writer.writeMessageBegin(name, type, seqid);
    return writer;
  }

  /** The message is whole; gives its bytes. */
  end(): number {
    this.#writer!.writeMessageEnd();
    if (this.#framing !== "unframed") endFrame(this.#out, this.#start);
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      queueMicrotask(this.#flush);
    }
    return this.#out.at - this.#start;
  }

  /** The message could not be written: nothing of it is sent. */
  cancel(): void {
    this.#out.at = this.#start;
  }

  /** Takes what is written and not sent yet. */
  take(): Buffer {
    return this.#out.flush();
  }

  readonly #flush = (): void => {
    this.#isFlushing = false;
    if (this.#out.at > 0) this.#sink.send(this.take());
  };
}
