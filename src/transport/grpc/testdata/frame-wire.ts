/**
 * HTTP/2 by hand, for tests: frames are sent to the byte, right or wrong, and those that come back are read.
 *
 * @module
 */
import { connect, type Socket } from "node:net";

/** Types of frames (RFC 9113 §6). */
export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

/** A frame as it came. */
export interface WireFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** How the connection begins. */
export interface FrameWireOptions {
  /** Settings by their numbers. Default: none. */
  readonly settings?: Readonly<Record<number, number>> | undefined;
  /** Whether it says anything at first. Default: true. */
  readonly preface?: boolean | undefined;
}

/** One connection that speaks frames. */
export class FrameWire {
  readonly socket: Socket;
  readonly frames: WireFrame[] = [];
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  #rest: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #isOver = false;

  constructor(address: string, { settings = {}, preface = true }: FrameWireOptions = {}) {
    const { hostname, port } = new URL(address);
    this.socket = connect({ host: hostname, port: Number(port) });
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.closed = new Promise((resolve) =>
      this.socket.once("close", () => {
        this.#isOver = true;
        this.#wake();
        resolve();
      }),
    );
    if (!preface) return;
    this.socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const list = Object.entries(settings).map(([id, value]) => {
      const one = Buffer.alloc(6);
      one.writeUInt16BE(Number(id), 0);
      one.writeUInt32BE(value, 2);
      return one;
    });
    this.send(SETTINGS, [0, 0], Buffer.concat(list));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends one frame. */
  send(...frame: Parameters<typeof frameBytes>): this {
    this.socket.write(frameBytes(...frame));
    return this;
  }

  /** Sends bytes, and waits while they cannot go out, unless the connection ends. */
  async pour(bytes: Uint8Array): Promise<void> {
    if (this.#isOver || this.socket.write(bytes)) return;
    await Promise.race([this.closed, new Promise((resolve) => this.socket.once("drain", resolve))]);
  }

  /** The first frame that fits, when it has come; rejects when the connection ends without it. */
  async until(fits: (frame: WireFrame) => boolean): Promise<WireFrame> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      if (this.#isOver)
        throw new Error(`the connection ended, with frames ${this.frames.map(({ type }) => type).join()}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const length = this.#rest.length < 9 ? Infinity : this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) break;
      const [type, flags] = [this.#rest[3]!, this.#rest[4]!];
      const payload = this.#rest.subarray(9, 9 + length);
      this.frames.push({ type, flags, stream: this.#rest.readUInt32BE(5) & 0x7fffffff, payload });
      this.#rest = this.#rest.subarray(9 + length);
      if (type === SETTINGS && (flags & 1) === 0) this.send(SETTINGS, [1, 0]);
    }
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** A frame: its type, its flags and stream, its payload. */
export function frameBytes(
  type: number,
  [flags, stream]: readonly [flags: number, stream: number],
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields as literals that nobody remembers (RFC 7541 §6.2.2). */
export function fieldBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), ...[name, value].map(literal)]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([integer(bytes.length), bytes]);
}

// RFC 7541 §5.1, with a prefix of seven bits.
function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** The head of a gRPC call. */
export function callHead(path: string, more: readonly (readonly [string, string])[] = []): Buffer {
  return fieldBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "t"],
    [":path", path],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ...more,
  ]);
}
