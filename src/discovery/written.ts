/**
 * An instance as registries of plain values keep it: JSON with all that is known of it, or its address alone, as Go kit does.
 * Read is besides what SkyDNS, etcd's own naming and Curator (Spring Cloud) write.
 *
 * @module
 */
import { checkNumber } from "../internal/check.ts";
import { listedInstance, type Instance, type InstanceInput } from "./instance.ts";
import { joined } from "./place.ts";

/** An object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** What is known of an instance without what is written of it. */
export interface KnownByName {
  readonly id?: string | undefined;
  readonly service?: string | undefined;
}

const NAMES = ["id", "service", "weight", "priority", "zone", "version", "tags", "metadata", "health"] as const;

/** The JSON of an instance. What is as by default is left out. */
export function written(one: Instance): string {
  return JSON.stringify({
    id: one.id,
    address: one.address,
    service: one.service || undefined,
    weight: one.weight === 1 ? undefined : one.weight,
    priority: one.priority || undefined,
    zone: one.zone,
    version: one.version,
    tags: one.tags.length === 0 ? undefined : one.tags,
    metadata: Object.keys(one.metadata).length === 0 ? undefined : one.metadata,
    health: one.health === "up" ? undefined : one.health,
  });
}

/** Reads a value; throws an error for people when that is no instance. */
export function readWritten(value: string, known: KnownByName = {}): InstanceInput {
  return readFields(fieldsOf(value), known);
}

/** The fields of a value; what is no JSON is an address. */
export function fieldsOf(value: string): Fields {
  const text = value.trim();
  if (!/^[{"]/.test(text)) return { address: text };
  try {
    const parsed = JSON.parse(text) as unknown;
    return typeof parsed === "string" ? { address: parsed } : (parsed as Fields);
  } catch (cause) {
    throw new Error("it should be JSON or an address", { cause });
  }
}

/** The instance that fields tell of. */
export function readFields(fields: Fields, known: KnownByName): InstanceInput {
  const given: Record<string, unknown> = { ...known, address: addressOf(fields) };
  for (const name of NAMES) given[name] = field(fields, name) ?? given[name];
  const input = given as unknown as InstanceInput;
  // Whatever the fields are: it checks them all.
  const { address } = listedInstance(input, "");
  if (/:\/\/[^/]*@/.test(address)) throw new RangeError("address should have no credentials in it");
  return input;
}

/** A field of null is one that is not set. */
function field(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined;
}

function addressOf(fields: Fields): unknown {
  // `Addr` is how etcd's own naming has it, `host` SkyDNS; Curator has host and port apart as `address` and `port`.
  const host = field(fields, "address") ?? field(fields, "Addr") ?? field(fields, "host");
  const port = field(fields, "port");
  if (typeof host !== "string" || port === undefined) return host;
  return joined(host, checkNumber("port", port, { min: 1, max: 65_535, integer: true }));
}
