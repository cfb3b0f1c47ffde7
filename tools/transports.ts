/**
 * The table of docs/transports.md: its columns, its rows, and what a test says of the cell it belongs to.
 *
 * @module
 */

/** One column: a transport, and the file whose tests fill it. A column is asked for as soon as its file is there. */
export interface Column {
  readonly name: string;
  readonly file: string;
}

/** All columns, in the order of the page. */
export const COLUMNS: readonly Column[] = [
  { name: "local", file: "src/transport/local/local.test.ts" },
  { name: "http", file: "src/transport/http/http.test.ts" },
  { name: "http2", file: "src/transport/http/http2.test.ts" },
  { name: "fetch", file: "src/transport/fetch/every.test.ts" },
  { name: "websocket", file: "src/transport/websocket/websocket.test.ts" },
  { name: "jsonrpc", file: "src/transport/jsonrpc/jsonrpc.test.ts" },
  { name: "grpc", file: "src/transport/grpc/grpc.test.ts" },
  { name: "nats", file: "src/transport/nats/nats.test.ts" },
  { name: "amqp", file: "src/transport/amqp/amqp.test.ts" },
  { name: "thrift header", file: "src/transport/thrift/thrift.test.ts" },
  { name: "thrift binary", file: "src/transport/thrift/thrift.test.ts" },
  { name: "thrift compact", file: "src/transport/thrift/thrift.test.ts" },
];

/** All rows, in the order of the page, each with what it promises. */
export const ROWS: Readonly<Record<string, string>> = {
  hooks: "before, after, error encoder, error handler and finalizer: same names, same order; lists add up",
  codecs: "each method's messages by its contract, or as the user says; only declared fields leave",
  errors: "code, public message, typed details and retry hint survive both ways; nothing else leaves",
  deadlines: "the time left travels; what is late is not begun, and what takes too long is called off",
  cancellation: "the caller's signal calls the handler off",
  metadata: "names and values both ways, in any case, bytes too, within bounds",
  trace: "W3C and B3, request id and attempt",
  limits: "sizes and numbers bounded, refused early and by name",
  streams: "to the caller, from the caller, both ways at once, no faster than either side takes them",
  drain: "takes nothing new, finishes what is in flight, then closes",
  "one-way": "accepted, acknowledged, and done by itself",
  bytes: "understood by foreign peers of the protocol, and the other way round",
};

/**
 * Tests of examples against foreign peers: examples import public doors only, so they do not mark themselves. Each counts for
 * the transports whose `named` its title matches.
 */
export const EXAMPLES: readonly { readonly file: RegExp; readonly named: RegExp; readonly transport: string }[] = [
  { file: /^examples\/addsvc\/interop\.test\.ts$/, named: /over HTTP|is an error$|on the limit$/, transport: "http" },
  { file: /^examples\/addsvc\/interop\.test\.ts$/, named: /JSON-RPC|is an error$|on the limit$/, transport: "jsonrpc" },
  { file: /^examples\/addsvc\/interop\.test\.ts$/, named: /gRPC/, transport: "grpc" },
  { file: /^examples\/addsvc\/interop\.test\.ts$/, named: /Thrift/, transport: "thrift binary" },
  { file: /^examples\/stringsvc4\/interop\.test\.ts$/, named: /./, transport: "nats" },
];

/** What a test says of the cell it belongs to. */
export interface Cell {
  /** A column's name. */
  readonly transport: string;
  /** A row's name. */
  readonly property: string;
  /** What was seen, as a sentence. */
  readonly sentence: string;
  /** Why the protocol has no such thing. */
  readonly skip?: string | undefined;
  /** Why it could not be tried on this machine. */
  readonly missing?: string | undefined;
}

declare module "vitest" {
  interface TaskMeta {
    /** The cell a case of the suite belongs to. */
    cell?: Cell;
    /** The transports whose foreign peers a test tries. */
    bytes?: readonly string[];
  }
}
