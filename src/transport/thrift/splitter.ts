/**
 * Messages out of the bytes of a connection, whatever stands around them: THeader frames, plain frames, or nothing. What a
 * connection speaks is seen by its first bytes, which differ for all of them.
 *
 * @module
 */
import { policyError, ServiceError } from "../../errors/index.ts";
import type { Limits } from "../limits.ts";
import { MAGIC, readHeader, type ThriftHeaders } from "./header.ts";
import { protocolOf, type ThriftProtocol } from "./protocol.ts";
import type { Scanner } from "./scanner.ts";
import { scannerOf } from "./scanners.ts";
import { malformed } from "./types.ts";

/** What stands around messages: a frame with headers, a frame, or nothing. */
export type Framing = "headers" | "framed" | "unframed";

/** A message as it came. */
export interface Incoming {
  readonly framing: Framing;
  readonly protocol: ThriftProtocol;
  readonly headers: ThriftHeaders | undefined;
  readonly body: Buffer;
  /** The number in the header; 0 without one. */
  readonly seqid: number;
  /** Why it is not to be read any further than its head; then `body` may be cut short. */
  readonly error: ServiceError | undefined;
  /** Whether nothing after it can be read. */
  readonly isLast: boolean;
}

/** Which messages are taken. */
export interface Spoken {
  readonly framings: readonly Framing[];
  /** Undefined for all. */
  readonly protocol: ThriftProtocol | undefined;
}

/** How much of a message that is too large is waited for, to learn its number. */
const HEAD_BYTES = 32_768;

const FRAME_HEAD = 4;

/** What of a header is not counted with its names and values. */
const HEADER_FIXED = 64;

/** Cuts the bytes of one connection into messages. */
export class Splitter {
  readonly #limits: Limits;
  readonly #spoken: Spoken;
  readonly #take: (incoming: Incoming) => void;
  #framing: Framing | undefined = undefined;
  #protocol: ThriftProtocol = "binary";
  #scanner: Scanner | undefined = undefined;
  /** A message that is not whole yet. */
  #held: Buffer = EMPTY;
  #length = 0;
  #isOver = false;

  constructor(limits: Limits, spoken: Spoken, take: (incoming: Incoming) => void) {
    this.#limits = limits;
    this.#spoken = spoken;
    this.#take = take;
  }

  /** Whether a message has begun and is not whole. */
  get isPartial(): boolean {
    return this.#length > 0;
  }

  /** Takes what came, and gives the messages that are whole; throws when it is no message and nothing can be answered. */
  push(chunk: Buffer): void {
    const isHeld = this.#length > 0;
    const bytes = isHeld ? this.#append(chunk) : chunk;
    let at = 0;
    while (at < bytes.length && !this.#isOver) {
      const used = this.#next(at === 0 ? bytes : bytes.subarray(at));
      if (used === 0) break;
      at += used;
    }
    if (this.#isOver || at === bytes.length) this.#keep(EMPTY, 0);
    // Messages that were given may still be read: what follows them gets memory of its own.
    else if (!isHeld || at > 0) this.#keep(Buffer.from(bytes.subarray(at)), bytes.length - at);
  }

  #keep(held: Buffer, length: number): void {
    this.#held = held;
    this.#length = length;
  }

  #append(chunk: Buffer): Buffer {
    const length = this.#length + chunk.length;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, Math.min(this.#held.length * 2, this.#maxFrame)));
      this.#held.copy(grown, 0, 0, this.#length);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#length);
    this.#length = length;
    return this.#held.subarray(0, length);
  }

  get #maxFrame(): number {
    return this.#limits.maxBodyBytes + this.#limits.maxHeaderBytes + HEADER_FIXED;
  }

  /** Takes the message that `bytes` begin with; gives how many bytes it had, 0 when it is not whole. */
  #next(bytes: Buffer): number {
    if (this.#framing === undefined && !this.#detect(bytes)) return 0;
    return this.#framing === "unframed" ? this.#unframed(bytes) : this.#framed(bytes);
  }

  #detect(bytes: Buffer): boolean {
    const first = bytes[0]!;
    let framing: Framing;
    let protocol = protocolOf(first);
    if (first > 0 && protocol !== undefined) framing = "unframed";
    else if (first > 0x7f) throw malformed("the first bytes are those of no protocol");
    else if (bytes.length < FRAME_HEAD + 2) return false;
    else if (bytes.readUInt16BE(FRAME_HEAD) === MAGIC) framing = "headers";
    // What old peers send without a frame begins with a name, and no name begins as a protocol does.
    else framing = (protocol = protocolOf(bytes[FRAME_HEAD])) === undefined ? "unframed" : "framed";
    this.#framing = framing;
    this.#protocol = protocol ?? "binary";
    this.#check();
    if (framing === "unframed") {
      const { maxBodyBytes: maxBytes, maxDepth } = this.#limits;
      this.#scanner = scannerOf(this.#protocol, { maxBytes, maxDepth });
    }
    return true;
  }

  #check(): void {
    const { framings } = this.#spoken;
    if (!framings.includes(this.#framing!))
      throw malformed(`messages should be ${framings.map((framing) => NAMES[framing]).join(" or ")}`);
    if (this.#framing !== "headers") this.#checkProtocol(this.#protocol);
  }

  #checkProtocol(protocol: ThriftProtocol): void {
    const { protocol: wanted } = this.#spoken;
    if (wanted !== undefined && wanted !== protocol) throw malformed(`the protocol should be ${wanted}`);
  }

  #unframed(bytes: Buffer): number {
    let end: number | undefined;
    try {
      end = this.#scanner!.scan(bytes, bytes.length);
    } catch (thrown) {
      this.#give({ body: bytes, error: thrown as ServiceError, isLast: true });
      return bytes.length;
    }
    if (end === undefined) return 0;
    this.#scanner!.reset();
    this.#give({ body: bytes.subarray(0, end) });
    return end;
  }

  #framed(bytes: Buffer): number {
    if (bytes.length < FRAME_HEAD) return 0;
    const length = bytes.readInt32BE(0);
    if (length <= 0) throw malformed("the length of a frame is not positive");
    const end = FRAME_HEAD + length;
    const max = this.#framing === "headers" ? this.#maxFrame : this.#limits.maxBodyBytes;
    if (length > max) return this.#oversized(bytes, end);
    if (bytes.length < end) return 0;
    const frame = bytes.subarray(FRAME_HEAD, end);
    if (this.#framing === "headers") this.#headed(frame, false);
    else {
      const protocol = protocolOf(frame[0]);
      if (protocol === undefined) throw malformed("a frame holds no message");
      this.#checkProtocol(protocol);
      this.#protocol = protocol;
      this.#give({ body: frame });
    }
    return end;
  }

  // Of what is too large only the head is read, so that the caller hears of it.
  #oversized(bytes: Buffer, end: number): number {
    const enough = Math.min(end, HEAD_BYTES, this.#limits.maxHeaderBytes + HEADER_FIXED);
    if (bytes.length < enough) return 0;
    const frame = bytes.subarray(FRAME_HEAD);
    if (this.#framing === "headers") this.#headed(frame, true);
    else this.#give({ body: frame, error: policyError("too_large"), isLast: true });
    return bytes.length;
  }

  #headed(frame: Buffer, isLast: boolean): void {
    if (frame.length < 10 || frame.readUInt16BE(0) !== MAGIC) throw malformed("a frame has no header");
    const seqid = frame.readInt32BE(4);
    try {
      const { protocol, headers, bodyAt } = readHeader(frame, this.#limits);
      this.#checkProtocol(protocol);
      this.#protocol = protocol;
      const body = frame.subarray(bodyAt);
      const isLarge = isLast || body.length > this.#limits.maxBodyBytes;
      this.#give({ body, headers, seqid, isLast, error: isLarge ? policyError("too_large") : undefined });
    } catch (thrown) {
      if (!ServiceError.is(thrown)) throw thrown;
      this.#give({ body: EMPTY, seqid, isLast, error: thrown });
    }
  }

  #give(given: Partial<Incoming> & { readonly body: Buffer }): void {
    const { body, headers, seqid = 0, error, isLast = false } = given;
    this.#isOver = isLast;
    this.#take({ framing: this.#framing!, protocol: this.#protocol, headers, body, seqid, error, isLast });
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

const NAMES: Readonly<Record<Framing, string>> = {
  headers: "framed with headers (THeader)",
  framed: "framed",
  unframed: "without frames",
};
