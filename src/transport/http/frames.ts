/**
 * How the messages of a stream stand in a body: NDJSON, one JSON text a line, or Server-Sent Events (WHATWG HTML §9.2),
 * which browsers read by themselves. Knows no platform.
 *
 * @module
 */
import { policyError } from "../../errors/index.ts";
import { LineReader } from "./lines.ts";

/** What an event is: a message, the error a stream ends with, or the mark that it is complete. */
export type FrameKind = "message" | "error" | "end";

/** Takes events out of bytes. `push` a piece, then `take` until nothing comes. */
export interface FrameReader {
  push(chunk: Uint8Array): void;
  /** The body is over. */
  end(): void;
  /**
   * The text of the next event, undefined when more bytes are needed.
   *
   * @throws {ServiceError} too_large, or malformed_message when it is not UTF-8.
   */
  take(): string | undefined;
  /** What was taken last. */
  readonly kind: FrameKind;
}

/** One way to frame a stream. */
export interface Framing {
  readonly mediaType: string;
  /** Headers beside the content type. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whether empty frames may pass while there is nothing to say. */
  readonly beats: boolean;
  /** @param id names the event for a reader who comes back; "" for none. */
  frame(message: string, id: string): string;
  /** The last frame of a stream that failed. `problem` is a JSON text. */
  failure(problem: string): string;
  /** The last frame of a stream that is complete. */
  readonly end: string;
  reader(maxBytes: number): FrameReader;
}

/** The only key of the line that tells of a failure. No message may be an object with this key alone. */
export const ERROR_KEY = "$error";

/** How the line of a failure begins as we write it. */
export const ERROR_LINE: string = `{"${ERROR_KEY}":`;

// A stream is nobody's to store, and nginx holds back what is small unless told so.
const LIVE = [
  ["cache-control", "no-store"],
  ["x-accel-buffering", "no"],
] as const;

/** One JSON text a line. */
export const ndjson: Framing = {
  mediaType: "application/x-ndjson",
  headers: LIVE,
  beats: false,
  frame: (message) => `${message}\n`,
  failure: (problem) => `${ERROR_LINE}${problem}}\n`,
  end: "",
  reader: (maxBytes) => new NdjsonReader(maxBytes),
};

/** Server-Sent Events. */
export const sse: Framing = {
  mediaType: "text/event-stream",
  headers: LIVE,
  beats: true,
  frame: (message, id) => (id === "" ? `data: ${message}\n\n` : `id: ${id}\ndata: ${message}\n\n`),
  failure: (problem) => `event: error\ndata: ${problem}\n\n`,
  end: "event: end\ndata: {}\n\n",
  reader: (maxBytes) => new SseReader(maxBytes),
};

/** A comment, which keeps a connection from looking idle. */
export const BEAT = ":\n\n";

class NdjsonReader implements FrameReader {
  readonly #lines: LineReader;
  readonly kind = "message";

  constructor(maxBytes: number) {
    this.#lines = new LineReader(maxBytes);
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
  }

  take(): string | undefined {
    let line = this.#lines.take();
    // Blank lines are a peer's way to keep the connection busy.
    while (line !== undefined && line.length < 16 && line.trim() === "") line = this.#lines.take();
    return line;
  }
}

/** `data:`, the longest name of a field there is beside its text, and what a line ends with. */
const FIELD_BYTES = 16;

class SseReader implements FrameReader {
  readonly #lines: LineReader;
  readonly #maxBytes: number;
  #data: string | undefined = undefined;
  #event = "";
  kind: FrameKind = "message";

  constructor(maxBytes: number) {
    this.#lines = new LineReader(maxBytes + FIELD_BYTES);
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk);
  }

  // An event without its blank line is no event (§9.2.6): the stream was cut.
  end(): void {}

  take(): string | undefined {
    for (let line = this.#lines.take(); line !== undefined; line = this.#lines.take()) {
      if (line !== "") {
        this.#field(line);
        continue;
      }
      const [data, event] = [this.#data, this.#event];
      this.#data = undefined;
      this.#event = "";
      // Without data it is none (§9.2.6): some keep the connection busy so. That all is said needs no data.
      if (data === undefined || (data === "" && event !== "end")) continue;
      this.kind = event === "error" || event === "end" ? event : "message";
      return data;
    }
    return undefined;
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "event") this.#event = value;
    if (name !== "data") return;
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    // Each line is bounded; how many there are of one event is not. Text is at least as many bytes as it is long.
    if (this.#data.length > this.#maxBytes) throw policyError("too_large");
  }
}
