/**
 * The metadata of the request that opened a socket: its headers, and for browsers, which can set none, named parameters
 * of its query.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Carrier } from "../../endpoint/index.ts";
import { headersOf } from "../http/start.ts";

/** What a browser may say without being given a name: nothing that decides who it is. */
export const QUERY_METADATA: readonly string[] = [
  "request-timeout-ms",
  "request-criticality",
  "x-request-id",
  "x-correlation-id",
  "traceparent",
  "tracestate",
];

/** Reads headers first, then those parameters. */
export function socketMetadata(headers: IncomingHttpHeaders, url: string, names: ReadonlySet<string>): Carrier {
  const carrier = headersOf(headers);
  const mark = url.indexOf("?");
  if (mark < 0) return carrier;
  let query: URLSearchParams | undefined;
  return {
    get(name) {
      const given = carrier.get(name);
      if (given !== undefined) return given;
      const lower = name.toLowerCase();
      if (!names.has(lower)) return undefined;
      query ??= new URLSearchParams(url.slice(mark + 1));
      return query.get(lower) ?? undefined;
    },
  };
}
