/**
 * Metadata in HTTP/2 headers and trailers, both ways. The values of names that end in `-bin` are base64 on the wire and for
 * us, so bytes are nowhere decoded but by who wants them.
 *
 * @module
 */
import type { Carrier } from "../../endpoint/index.ts";
import { policyError } from "../../errors/index.ts";
import type { Owner } from "../outgoing.ts";

/** Headers or trailers as node's HTTP/2 has them. */
export type Fields = Readonly<Record<string, string | string[] | undefined>>;

/** Names that HTTP/2 or gRPC itself gives a meaning; `grpc-` is reserved as a whole. */
const OWN: ReadonlySet<string> = new Set([
  ...["te", "content-type", "content-length", "content-encoding", "accept-encoding", "host", "expect"],
  // RFC 9113 §8.2.2: no message in HTTP/2 may have them.
  ...["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings"],
]);

/** Which names are gRPC's. */
export const GRPC: Owner = {
  name: "gRPC",
  isOwn: (name) => name.startsWith("grpc-") || name.startsWith(":") || OWN.has(name),
};

/** Headers or trailers that came as metadata: names in any case, several values joined, `-bin` as padded base64. */
export function incomingMetadata(headers: Fields): Carrier {
  return new IncomingFields(headers);
}

class IncomingFields implements Carrier {
  readonly #fields: Fields;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  get(name: string): string | undefined {
    const lower = name.toLowerCase();
    // node's object has no prototype; somebody else's may, where "constructor" is a name that every object has.
    const value = Object.hasOwn(this.#fields, lower) ? this.#fields[lower] : undefined;
    if (value === undefined) return undefined;
    if (lower.endsWith("-bin")) {
      const values = (Array.isArray(value) ? value : [value]).flatMap((one) => one.split(","));
      return values.map(padded).join(",");
    }
    return typeof value === "string" ? value : value.join(", ");
  }
}

// Go leaves the padding out, grpc-js does not; both may be sent (gRPC over HTTP/2, "Binary-Header").
function padded(base64: string): string {
  const text = base64.trim();
  return text.length % 4 === 0 ? text : text.padEnd(text.length + 4 - (text.length % 4), "=");
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * A flat list of names, in lower case, and values as headers for node's HTTP/2; a name that stands twice keeps both values.
 *
 * @throws {ServiceError} invalid_request when a name is gRPC's own, or the value of one in `-bin` is no base64, which many
 * peers fail the whole call for.
 */
export function outgoingFields(list: readonly string[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (let i = 0; i < list.length; i += 2) addField(fields, list[i]!, list[i + 1]!);
  return fields;
}

/** The same for one name and value. */
export function addField(fields: Record<string, string | string[]>, name: string, value: string): void {
  if (GRPC.isOwn(name))
    throw policyError("invalid_request", { message: `metadata "${name}" is gRPC's own and cannot be set` });
  if (name.endsWith("-bin") && !BASE64.test(value))
    throw policyError("invalid_request", { message: `metadata "${name}" should be base64` });
  // Defined and not assigned: "__proto__" is a name like any other.
  const there = Object.hasOwn(fields, name) ? fields[name]! : undefined;
  const all = there === undefined ? value : Array.isArray(there) ? [...there, value] : [there, value];
  if (name === "__proto__") Object.defineProperty(fields, name, { value: all, enumerable: true, configurable: true });
  else fields[name] = all;
}
