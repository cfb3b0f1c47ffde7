/**
 * Spans in Zipkin's second JSON form (zipkin-api, zipkin2-api.yaml).
 *
 * @module
 */
import type { SpanData, SpanEvent } from "../trace/index.ts";

/** Who took part, as Zipkin has it. */
export interface Endpoint {
  readonly serviceName?: string | undefined;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  readonly port?: number | undefined;
}

/** A span as it is sent. `shared` is never there: our servers begin a span of their own below the caller's. */
export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string | undefined;
  readonly name: string;
  readonly kind?: "SERVER" | "CLIENT" | undefined;
  /** Microseconds since 1970. */
  readonly timestamp: number;
  /** Microseconds, from 1. */
  readonly duration: number;
  readonly localEndpoint: Endpoint;
  readonly remoteEndpoint?: Endpoint | undefined;
  readonly annotations?: readonly { readonly timestamp: number; readonly value: string }[] | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

// The names that Zipkin's own instrumentation has for the same things, Go kit's among them.
const TAGS: ReadonlyMap<string, string> = new Map([
  ["http.response.status_code", "http.status_code"],
  ["http.response.body.size", "http.response.size"],
  ["http.request.body.size", "http.request.size"],
  ["rpc.grpc.status_code", "grpc.status_code"],
]);

const KINDS = { server: "SERVER", client: "CLIENT", internal: undefined } as const;

/** One span; `local` is what is known of this side besides its name. */
export function zipkinSpan(span: SpanData, local: Endpoint): ZipkinSpan {
  const { parentSpanId, kind, events } = span;
  const peer = span.attributes["network.peer.address"];
  const remote = kind === "internal" || typeof peer !== "string" ? {} : endpointOf(peer);
  const named = span.attributes["peer.service"];
  if (kind === "client" && typeof named === "string") remote.serviceName = named;
  const tags = tagsOf(span);
  return {
    traceId: span.traceId,
    id: span.spanId,
    parentId: parentSpanId === "" ? undefined : parentSpanId,
    name: span.name,
    kind: KINDS[kind],
    timestamp: micros(span.startUnixMs),
    duration: Math.max(1, micros(span.durationMs)),
    localEndpoint: { serviceName: span.service, ...local },
    remoteEndpoint: Object.keys(remote).length === 0 ? undefined : remote,
    annotations: events.length === 0 ? undefined : events.map(annotationOf),
    tags: tags.size === 0 ? undefined : Object.fromEntries(tags),
  };
}

function tagsOf({ attributes, status, statusMessage, links, refused }: SpanData): Map<string, string> {
  const tags = new Map<string, string>();
  for (const [name, value] of Object.entries(attributes)) tags.set(TAGS.get(name) ?? name, String(value));
  // Its presence is what marks a span as failed; a handler's own tag of this name stands.
  if (status === "error" && !tags.has("error")) tags.set("error", statusMessage || tags.get("error.type") || "error");
  if (links.length > 0) tags.set("links", links.map(({ traceId, spanId }) => `${traceId}/${spanId}`).join(","));
  if (refused > 0) tags.set("otel.dropped_attributes_count", String(refused));
  return tags;
}

function annotationOf({ name, unixMs, attributes }: SpanEvent): { timestamp: number; value: string } {
  const value = Object.keys(attributes).length === 0 ? name : `${name}: ${JSON.stringify(attributes)}`;
  return { timestamp: micros(unixMs), value };
}

// In two parts: a date times a thousand has no room for its fraction.
function micros(ms: number): number {
  const wholeMs = Math.floor(ms);
  return wholeMs * 1000 + Math.round((ms - wholeMs) * 1000);
}

/** `127.0.0.1`, `127.0.0.1:80`, `::1`, `[::1]:80`; of anything else nothing: Zipkin looks no name up. */
export function endpointOf(address: string): { -readonly [Name in keyof Endpoint]: Endpoint[Name] } {
  // What a socket that listens on both families says of an IPv4 peer.
  const text = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const four = /^(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?$/.exec(text);
  if (four !== null) return withPort({ ipv4: four[1]! }, four[2]);
  const six = /^(?:\[([\da-f:.]+)\](?::(\d{1,5}))?|([\da-f]*:[\da-f:.]*:[\da-f.]*))$/i.exec(text);
  return six === null ? {} : withPort({ ipv6: six[1] ?? six[3]! }, six[2]);
}

function withPort(endpoint: Endpoint, port: string | undefined): Endpoint {
  return port === undefined || Number(port) > 65_535 ? endpoint : { ...endpoint, port: Number(port) };
}
