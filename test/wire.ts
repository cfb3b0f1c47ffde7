/**
 * HTTP/1.1 by hand, for tests: what is sent is sent to the byte, and what comes back is read without forgiveness. A client
 * library would put right what a test wants to be wrong.
 *
 * @module
 */
import { connect, type Socket } from "node:net";

/** An answer as it was read. */
export interface WireAnswer {
  readonly status: number;
  /** Names in lower case; a header that came twice is a list. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/** How an answer is to be read. */
export interface ReadOptions {
  /** Whether it answers HEAD: then no body follows, whatever its headers say. */
  readonly isHead?: boolean | undefined;
}

/** One connection. */
export class Wire {
  readonly socket: Socket;
  /** Resolves when the connection is made. */
  readonly connected: Promise<void>;
  /** Resolves when the peer has closed the connection, or reset it. */
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(address: string) {
    const { hostname, port } = new URL(address);
    this.socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    this.connected = new Promise((resolve) => this.socket.once("connect", () => resolve()));
    this.socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      const over = (): void => {
        this.#isOver = true;
        this.#wake();
        resolve();
        this.socket.destroy();
      };
      this.socket.once("end", over);
      this.socket.once("close", over);
    });
  }

  /** Sends text as latin1, or bytes, as they are. */
  send(data: string | Uint8Array): this {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
    return this;
  }

  /** Everything that has come and was not read as an answer. */
  get rest(): string {
    return this.#received.toString("latin1");
  }

  /** Reads the next answer; rejects when the connection ends before it does. */
  async answer(options: ReadOptions = {}): Promise<WireAnswer> {
    for (;;) {
      const read = readAnswer(this.#received, options, this.#isOver);
      if (read !== undefined) {
        this.#received = this.#received.subarray(read.length);
        return read.answer;
      }
      if (this.#isOver) throw new Error(`the connection ended, having said ${JSON.stringify(this.rest)}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Resolves when something has come that matches. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.rest)) {
      if (this.#isOver) throw new Error(`the connection ended, having said ${JSON.stringify(this.rest)}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Sends one request over a connection of its own and reads the answer. */
export async function exchange(address: string, data: string | Uint8Array, options?: ReadOptions): Promise<WireAnswer> {
  const wire = new Wire(address);
  try {
    return await wire.send(data).answer(options);
  } finally {
    wire.close();
  }
}

/** What a request is made of. */
export interface RequestParts {
  readonly verb?: string | undefined;
  readonly path: string;
  /** Besides Host, and Content-Length when there is a body. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
}

/** A well-formed request; with a body, JSON unless its headers say otherwise. */
export function request({ verb, path, headers = {}, body }: RequestParts): string {
  const bytes = body === undefined ? undefined : Buffer.from(body, "utf8");
  const lines = Object.entries({
    Host: "test",
    ...(bytes === undefined ? {} : { "Content-Type": "application/json", "Content-Length": String(bytes.length) }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${verb ?? (body === undefined ? "GET" : "POST")} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  return head + (bytes?.toString("latin1") ?? "");
}

interface Read {
  readonly answer: WireAnswer;
  readonly length: number;
}

function readAnswer(received: Buffer, { isHead = false }: ReadOptions, isOver: boolean): Read | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(`${first} `)?.[1];
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(first)}`);
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^:\s]+): ?(.*)$/.exec(line) ?? [];
    if (name === "") throw new Error(`not a header: ${JSON.stringify(line)}`);
    const lower = name.toLowerCase();
    const before = headers[lower];
    headers[lower] = before === undefined ? value : [before, value].flat();
  }
  const head = { status: Number(status), headers };
  const start = end + 4;
  const hasBody = !isHead && head.status >= 200 && head.status !== 204 && head.status !== 304;
  if (!hasBody) return { answer: { ...head, body: "" }, length: start };
  if (headers["transfer-encoding"] !== undefined) {
    const read = readChunks(received, start);
    return read && { answer: { ...head, body: read.body }, length: read.length };
  }
  if (headers["content-length"] === undefined && !isOver) return undefined;
  const length = headers["content-length"] === undefined ? received.length - start : Number(headers["content-length"]);
  if (received.length < start + length) return undefined;
  return { answer: { ...head, body: received.toString("utf8", start, start + length) }, length: start + length };
}

function readChunks(received: Buffer, start: number): { readonly body: string; readonly length: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const line = received.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(received.toString("latin1", at, line), 16);
    const next = line + 2 + size + 2;
    if (received.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(parts).toString("utf8"), length: next };
    parts.push(received.subarray(line + 2, line + 2 + size));
    at = next;
  }
}
