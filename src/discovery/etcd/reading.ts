/**
 * What stands at a key, read as an instance: JSON of this toolkit, of SkyDNS or of etcd's own naming, or an address alone.
 * It comes from outside, so each field is looked at.
 *
 * @module
 */
import type { InstanceHealth, InstanceInput } from "../instance.ts";

/** What is known without the value. */
export interface KnownByKey {
  readonly id: string;
  readonly service: string;
}

/** Reads a value; throws an Error that says what is wrong with it. */
export function readInstance(value: string, known: KnownByKey): InstanceInput {
  const text = value.trim();
  if (text === "") throw new Error("it is empty");
  if (!/^[{"]/.test(text)) return { ...known, address: checkedAddress(text) };
  const parsed = parse(text);
  if (typeof parsed === "string") return { ...known, address: checkedAddress(parsed) };
  const given = parsed as Readonly<Record<string, unknown>>;
  return {
    id: stringOf(given, "id") ?? known.id,
    service: stringOf(given, "service") || known.service,
    address: checkedAddress(addressOf(given)),
    weight: numberOf(given, "weight"),
    priority: numberOf(given, "priority"),
    zone: stringOf(given, "zone"),
    version: stringOf(given, "version"),
    tags: tagsOf(given["tags"]),
    metadata: metadataOf(given["metadata"]),
    health: healthOf(given["health"]),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is no JSON");
  }
}

function addressOf(given: Readonly<Record<string, unknown>>): string {
  // `Addr` is how etcd's own naming package writes it.
  const address = stringOf(given, "address") ?? stringOf(given, "Addr");
  if (address !== undefined) return address;
  const [host, port] = [stringOf(given, "host"), numberOf(given, "port")];
  if (host === undefined || port === undefined) throw new Error("it has neither an address nor a host and a port");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`its port is ${port}`);
  return host.includes(":") ? `[${host.replaceAll(/^\[|\]$/g, "")}]:${port}` : `${host}:${port}`;
}

function checkedAddress(address: string): string {
  const hasPort = /^(?:[^\s:/@[\]]+|\[[0-9a-f:.]+(?:%\w+)?\]):[1-9]\d{0,4}$/i.test(address);
  if (hasPort || /^[a-z][a-z0-9+.-]*:\/\/[^\s@]+$/i.test(address)) return address;
  throw new Error("its address is neither host:port nor a URL");
}

function stringOf(given: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = given[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw new Error(`its ${name} is no text`);
}

function numberOf(given: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = given[name] ?? undefined;
  if (value === undefined || typeof value === "number") return value;
  throw new Error(`its ${name} is no number`);
}

function tagsOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((tag) => typeof tag === "string")) return value;
  throw new Error("its tags are no list of texts");
}

function metadataOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [["", undefined]];
  if (entries.every(([, text]) => typeof text === "string")) return value as Readonly<Record<string, string>>;
  throw new Error("its metadata are no texts by name");
}

function healthOf(value: unknown): InstanceHealth | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === "up" || value === "down" || value === "draining") return value;
  throw new Error("its health is none of up, down, draining");
}
