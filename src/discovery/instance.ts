/**
 * An instance of a service as a registry tells of it: where it is, and what is known of it.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, checkString, shown } from "../internal/check.ts";

/**
 * What a registry says of an instance: `up` (or it says nothing), `down` (its checks fail), `draining` (it finishes what it
 * has, and takes no more).
 */
export type InstanceHealth = "up" | "down" | "draining";

/** One running copy of a service. Frozen: a change is a new object, and what did not change is the same object again. */
export interface Instance {
  /** Who it is, for as long as it runs: what was learned of it is kept under this name. The address where the registry has no ids. */
  readonly id: string;
  /** Where it is, as transports take it: `host:port`, `[::1]:port`, or a URL. Sources leave out what is neither. */
  readonly address: string;
  /** The name of its service; "" when nobody said. */
  readonly service: string;
  /** Its share of the calls beside the others', above 0. */
  readonly weight: number;
  /** 0 is called first; further groups only when too few of the ones before are well. */
  readonly priority: number;
  readonly zone: string | undefined;
  readonly version: string | undefined;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly health: InstanceHealth;
}

/** An instance as somebody tells of it: an address, or more. */
export interface InstanceInput {
  /** Default: the address. */
  readonly id?: string | undefined;
  readonly address: string;
  /** Default: "". */
  readonly service?: string | undefined;
  /** From 1e-6 to 1e6. Default: 1. */
  readonly weight?: number | undefined;
  /** An integer from 0 to 65535. Default: 0. */
  readonly priority?: number | undefined;
  readonly zone?: string | undefined;
  readonly version?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Default: "up". */
  readonly health?: InstanceHealth | undefined;
}

const NONE: readonly never[] = Object.freeze([]);
const EMPTY: Readonly<Record<string, string>> = Object.freeze({});

const NAMES = ["id", "address", "service", "weight", "priority", "zone", "version", "tags", "metadata", "health"];

/**
 * Makes an instance of what somebody tells, everything filled in.
 *
 * @throws {RangeError} when the address is empty, or a weight or priority out of range; TypeError when a part is of another kind.
 *
 * @example
 * ```ts
 * import { instance } from "servicekit/discovery";
 *
 * instance("10.0.0.1:8081").id; // => "10.0.0.1:8081"
 * instance({ address: "10.0.0.1:8081", id: "add-1", weight: 3 }).weight; // => 3
 * ```
 */
export function instance(given: string | InstanceInput): Instance {
  return made(given, "");
}

// What transports call: a URL, or `host:port`, for brokers also several with commas between. IPv6 needs its brackets.
const CALLABLE = /:\/\/|^(?:(?:\[[^\]]+\]|[^:,[\]\s]+):\d{1,5}(?:,(?!$)|$))+$/;

/**
 * An entry of a list as an instance, of the list's service where it does not say its own. Nobody could call one without a port:
 * it is refused here, where the list can be named, and not at the first call.
 */
export function listedInstance(entry: string | InstanceInput, service: string): Instance {
  const one = made(entry, service);
  if (CALLABLE.test(one.address)) return one;
  throw new RangeError(`address should be host:port or a URL, got ${shown(one.address)}`);
}

function made(given: string | InstanceInput, service: string): Instance {
  const input: InstanceInput = typeof given === "string" ? { address: given } : given;
  if (typeof input !== "object" || input === null)
    throw new TypeError(`an instance should be an address or have one, got ${shown(given)}`);
  checkNames("an instance", input, NAMES);
  const address = checkString("address", input.address);
  return Object.freeze({
    id: checkString("id", input.id ?? address),
    address,
    service: text("service", input.service) ?? service,
    weight: checkNumber("weight", input.weight ?? 1, { min: 1e-6, max: 1e6 }),
    priority: checkNumber("priority", input.priority ?? 0, { min: 0, max: 65_535, integer: true }),
    zone: text("zone", input.zone),
    version: text("version", input.version),
    tags: tagsOf(input.tags),
    metadata: metadataOf(input.metadata),
    health: checkOneOf("health", input.health ?? "up", ["up", "down", "draining"]),
  });
}

// What a registry or a file says may be of any kind, whatever the types promise.
function text(name: string, value: string | undefined): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new TypeError(`${name} should be a string, got ${shown(value)}`);
}

function tagsOf(tags: readonly string[] | undefined): readonly string[] {
  if (tags === undefined) return NONE;
  if (!Array.isArray(tags)) throw new TypeError(`tags should be a list of strings, got ${shown(tags)}`);
  return tags.length === 0 ? NONE : Object.freeze((tags as string[]).map((tag) => text("tag", tag ?? null)!));
}

function metadataOf(metadata: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  if (metadata === undefined) return EMPTY;
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata))
    throw new TypeError(`metadata should be names with strings, got ${shown(metadata)}`);
  // Without a prototype's setter: "__proto__" is a name like any other.
  const all = Object.entries(metadata).map(([name, value]) => [name, text(`metadata ${shown(name)}`, value ?? null)!]);
  return Object.freeze(Object.fromEntries(all) as Record<string, string>);
}
