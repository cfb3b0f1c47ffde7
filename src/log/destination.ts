/**
 * The default destination: the standard output of the process, by its shape, so that this door loads where there is none.
 *
 * @module
 */

/** The part of a standard stream that is used. */
export interface Stream {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly writable?: boolean | undefined;
  readonly writableLength?: number | undefined;
  on?(event: "error", run: (error: unknown) => void): unknown;
}

/** The part of a process that is used. */
export interface Host {
  readonly stdout?: Stream | undefined;
  readonly env?: { readonly [name: string]: string | undefined } | undefined;
  on?(event: "exit", run: () => void): unknown;
}

/** Where lines go when nothing else was said. */
export interface Destination {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly isColoured: boolean;
  /** Runs `run` when the process exits by itself or by `process.exit`. */
  onExit(run: () => void): void;
}

/** The most bytes a slow reader may leave waiting in the stream; beyond it the destination counts as failing. */
const MAX_WAITING = 8_388_608;

/** A batch of the default size with its last line, and some characters that take more than one byte. */
const BUFFER_BYTES = 49_152;

/** The standard output of `host`, or the console where there is none. */
export function standardOutput(host: Host | undefined = (globalThis as { process?: Host }).process): Destination {
  const stream = host?.stdout;
  if (stream === undefined) return consoleOutput;
  const isTerminal = stream.isTTY === true;
  // A reader that went away emits "error", and without a listener that would end the process.
  stream.on?.("error", ignore);
  return {
    write: writeTo(stream),
    isTerminal,
    // https://no-color.org: any value but an empty one.
    isColoured: isTerminal && !host?.env?.["NO_COLOR"],
    onExit: (run) => void host?.on?.("exit", run),
  };
}

// Handing a stream the batch as a string costs 60 to 120 ns a line more than encoding it here into bytes that are used
// again, which they may be as soon as the stream has nothing waiting.
function writeTo(stream: Stream): (text: string) => void {
  const encoder = new TextEncoder();
  let bytes: Uint8Array | undefined = undefined;
  return function write(text) {
    const { writable, writableLength } = stream;
    if (writable === false) throw new Error("the standard output is closed");
    if (writableLength === undefined) return void stream.write(text);
    if (writableLength > MAX_WAITING) throw new Error("the reader of the standard output is too slow");
    bytes ??= new Uint8Array(BUFFER_BYTES);
    const { read, written } = encoder.encodeInto(text, bytes);
    if (read < text.length) return void stream.write(text);
    stream.write(bytes.subarray(0, written));
    if (stream.writableLength !== 0) bytes = undefined;
  };
}

const consoleOutput: Destination = {
  write: (text) => (globalThis as { console?: { log(text: string): void } }).console?.log(text.trimEnd()),
  isTerminal: false,
  isColoured: false,
  onExit: ignore,
};

function ignore(): void {}
