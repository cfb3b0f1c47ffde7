/**
 * What stands in an instance's node: JSON as we write it, an address as Go kit does, or what Curator writes (Spring Cloud).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { shown } from "../../internal/check.ts";
import type { Instance, InstanceHealth, InstanceInput } from "../index.ts";
import { joined } from "../place.ts";

/** How an instance is written: `json` with all that is known of it, or its `address` alone, for Go kit's `sd/zk`. */
export type NodeFormat = "json" | "address";

/** What is written for an instance. What is as by default is left out. */
export function encodeNode(one: Instance, format: NodeFormat): Buffer {
  if (format === "address") return Buffer.from(one.address);
  return Buffer.from(
    JSON.stringify({
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
    }),
  );
}

/** Reads what stands in a node; throws an error for people when that is no instance. */
export function decodeNode(data: Uint8Array): InstanceInput {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString().trim();
  if (!text.startsWith("{")) return { address: checkAddress(text) };
  const fields = parse(text);
  const address = optional(fields, "address", "string");
  const port = optional(fields, "port", "number");
  return {
    id: optional(fields, "id", "string"),
    // Curator has them apart.
    address: checkAddress(address !== undefined && port !== undefined ? joined(address, port) : address),
    service: optional(fields, "service", "string"),
    weight: optional(fields, "weight", "number"),
    priority: optional(fields, "priority", "number"),
    zone: optional(fields, "zone", "string"),
    version: optional(fields, "version", "string"),
    tags: strings(fields["tags"], "tags"),
    metadata: record(fields["metadata"]),
    health: health(fields["health"]),
  };
}

type Fields = Readonly<Record<string, unknown>>;

interface Types {
  string: string;
  number: number;
}

function parse(text: string): Fields {
  try {
    return JSON.parse(text) as Fields;
  } catch (cause) {
    throw new Error("its data is not JSON", { cause });
  }
}

function checkAddress(text: string | undefined): string {
  const isOne =
    text !== undefined && /^(?:[a-z][a-z0-9+.-]*:\/\/\S+|(?:\[[0-9a-f:.]+\]|[^\s:/[\]]+):\d{1,5})$/i.test(text);
  if (isOne) return text;
  throw new Error(`its data should be JSON with an address, or an address like "host:port", got ${shown(text)}`);
}

// A field of null is one that is not set.
function optional<T extends keyof Types>(fields: Fields, name: string, type: T): Types[T] | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value === type) return value as Types[T];
  throw new Error(`its ${name} should be a ${type}, got ${shown(value)}`);
}

function strings(value: unknown, name: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw new Error(`its ${name} should be a list of strings, got ${shown(value)}`);
}

function record(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object" && Object.values(value).every((one) => typeof one === "string"))
    return value as Record<string, string>;
  throw new Error(`its metadata should be an object of strings, got ${shown(value)}`);
}

function health(value: unknown): InstanceHealth | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === "up" || value === "down" || value === "draining") return value;
  throw new Error(`its health should be "up", "down" or "draining", got ${shown(value)}`);
}
