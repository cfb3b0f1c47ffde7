/**
 * What the span of a call is named and what it says at the end, in OpenTelemetry's words where it has any.
 *
 * @module
 */
import { OTHER, type Call, type MethodInfo } from "../endpoint/index.ts";
import type { Outcome, ServiceError } from "../errors/index.ts";
import type { OpenAttributes } from "./recorded-span.ts";
import type { SpanData } from "./span-data.ts";

/** What the spans of one method have in common; made once. */
export interface MethodSpans {
  readonly name: string;
  readonly kind: SpanData["kind"];
  readonly service: string;
  readonly method: string;
  readonly isStream: boolean;
}

/** The span of a call as it ends: one recorded here, or a form of another tracer's. */
export interface EndingSpan {
  readonly attributes: OpenAttributes;
  /** Messages of a stream. */
  readonly received: number;
  readonly sent: number;
  /** Says what it ended with; see `failureOf`. */
  fail(error: ServiceError, isFault: boolean): void;
  end(durationMs: number): void;
}

// The codes that are the server's own fault; any other error is its answer (OpenTelemetry, RPC spans, gRPC server).
const faults: ReadonlySet<Outcome> = new Set<Outcome>([
  "unknown",
  "deadline_exceeded",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
]);

/** The names of what a transport knows. */
interface TransportKeys {
  readonly status: string;
  readonly requestBytes: string;
  readonly responseBytes: string;
}

const rpcKeys: TransportKeys = {
  status: "rpc.status_code",
  requestBytes: "rpc.request.body.size",
  responseBytes: "rpc.response.body.size",
};

const httpKeys: TransportKeys = {
  status: "http.response.status_code",
  requestBytes: "http.request.body.size",
  responseBytes: "http.response.body.size",
};

const keysOf: ReadonlyMap<string, TransportKeys> = new Map([
  ["http", httpKeys],
  ["jsonrpc", httpKeys],
  ["grpc", { ...rpcKeys, status: "rpc.grpc.status_code" }],
]);

/** The common part of a method's spans. */
export function methodSpans({ service, name, side, kind }: MethodInfo): MethodSpans {
  return {
    name: service === OTHER ? OTHER : `${service}/${name}`,
    kind: side,
    service,
    method: name,
    isStream: kind !== "unary",
  };
}

/** Ends the span of a call with what became of the call. */
export function endCallSpan(span: EndingSpan, call: Call, spans: MethodSpans): void {
  const { attributes } = span;
  const keys = keysOf.get(call.transport) ?? rpcKeys;
  if (call.transport !== "") attributes["rpc.system"] = call.transport;
  attributes["rpc.service"] = spans.service;
  attributes["rpc.method"] = spans.method;
  if (call.outcome !== undefined) attributes["rpc.response.status_code"] = call.outcome;
  if (call.status !== 0) attributes[keys.status] = call.status;
  attributes[keys.requestBytes] = call.requestBytes;
  attributes[keys.responseBytes] = call.responseBytes;
  if (call.peer !== "") attributes["network.peer.address"] = call.peer;
  if (call.attempts > 1) attributes["rpc.attempts"] = call.attempts;
  if (spans.isStream) {
    attributes["rpc.messages.received"] = span.received;
    attributes["rpc.messages.sent"] = span.sent;
  }
  if (call.error !== undefined) span.fail(call.error, spans.kind === "client" || faults.has(call.error.code));
  span.end(call.durationMs);
}
