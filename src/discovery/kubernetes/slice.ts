/**
 * An EndpointSlice as instances. (Kubernetes API reference, `discovery.k8s.io/v1` EndpointSlice.)
 *
 * @module
 */
import { record, text, type Fields } from "../http/json-fields.ts";
import type { InstanceHealth, InstanceInput } from "../instance.ts";
import { joined } from "../place.ts";

/** Which of an endpoint's addresses is wanted. */
export type AddressFamily = "ipv4" | "ipv6";

/** What is wanted of each endpoint. */
export interface Wanted {
  readonly service: string;
  /** The port's name or number; undefined: the only one. */
  readonly port: string | number | undefined;
  readonly family: AddressFamily | undefined;
}

/** What a slice gives. */
export interface SliceInstances {
  /** Lower is taken first where two slices have the same instance. */
  readonly rank: number;
  readonly instances: readonly InstanceInput[];
  readonly problems: readonly Error[];
}

interface SlicePort {
  readonly name: string;
  readonly port: number | undefined;
  readonly appProtocol: string | undefined;
}

const NOTHING: SliceInstances = { rank: 9, instances: [], problems: [] };
const RANKS: Readonly<Record<string, number>> = { IPv4: 0, IPv6: 1, FQDN: 2 };

/** Reads a slice; what of it cannot be used is told as a problem. */
export function readSlice(given: Fields, wanted: Wanted): SliceInstances {
  const name = text(record(given["metadata"])["name"]) ?? "";
  const type = text(given["addressType"]) ?? "";
  const rank = RANKS[type];
  if (rank === undefined) return { ...NOTHING, problems: [problem(name, "its addressType is none that is known")] };
  if (wanted.family !== undefined && rank !== RANKS[wanted.family === "ipv4" ? "IPv4" : "IPv6"]) return NOTHING;
  const endpoints = listOf(given["endpoints"]);
  if (endpoints.length === 0) return NOTHING;
  const chosen = choose(portsOf(given["ports"]), wanted.port);
  if (typeof chosen === "string") return { ...NOTHING, problems: [problem(name, chosen)] };
  const [instances, problems]: [InstanceInput[], Error[]] = [[], []];
  for (const endpoint of endpoints) {
    const one = instanceOf(endpoint, chosen, wanted.service);
    if (one === undefined) problems.push(problem(name, "an endpoint has no address that can be called"));
    else instances.push(one);
  }
  return { rank, instances, problems };
}

/** All slices of a service as one list: an endpoint that two slices have, while it moves from one to the other, is one instance. */
export function mergeSlices(slices: Iterable<SliceInstances>): readonly InstanceInput[] {
  const merged = new Map<string, Ranked>();
  for (const { instances, rank } of slices) {
    for (const instance of instances) {
      const id = instance.id ?? instance.address;
      const before = merged.get(id);
      const one = { instance, rank };
      if (before === undefined || isBetter(one, before)) merged.set(id, one);
    }
  }
  return Array.from(merged.values(), ({ instance }) => instance);
}

interface Ranked {
  readonly instance: InstanceInput;
  readonly rank: number;
}

const HEALTHS: readonly (InstanceHealth | undefined)[] = ["up", "draining", "down"];

function isBetter(one: Ranked, before: Ranked): boolean {
  if (one.rank !== before.rank) return one.rank < before.rank;
  return HEALTHS.indexOf(one.instance.health) < HEALTHS.indexOf(before.instance.health);
}

function instanceOf(endpoint: Fields, { port, appProtocol }: SlicePort, service: string): InstanceInput | undefined {
  // The addresses of one endpoint are as good as each other; the first is what kube-proxy takes.
  const { addresses } = endpoint;
  const host = Array.isArray(addresses) ? text(addresses[0]) : undefined;
  if (host === undefined || !/^(?:[\w.-]+|[0-9a-f:.]+(?:%\w+)?)$/i.test(host)) return undefined;
  // None is chosen that has no number.
  const address = joined(host, port!);
  const target = record(endpoint["targetRef"]);
  const zones = listOf(record(endpoint["hints"])["forZones"]).map(({ name }) => text(name));
  const more: readonly (readonly [string, string | undefined])[] = [
    ["nodeName", text(endpoint["nodeName"])],
    ["hostname", text(endpoint["hostname"])],
    ["forZones", zones.filter((zone) => zone !== undefined).join(",") || undefined],
    ["appProtocol", appProtocol],
  ];
  return {
    // A pod keeps its name for as long as it runs, also where it has two addresses.
    id: text(target["name"]) ?? address,
    address,
    service,
    zone: text(endpoint["zone"]),
    metadata: Object.fromEntries(more.filter((pair): pair is [string, string] => pair[1] !== undefined)),
    health: healthOf(record(endpoint["conditions"])),
  };
}

/** What is not said counts as ready, as the API has it. */
function healthOf({ ready, serving, terminating }: Fields): InstanceHealth {
  if (terminating === true) return serving === false ? "down" : "draining";
  return ready === false ? "down" : "up";
}

function portsOf(given: unknown): readonly SlicePort[] {
  return listOf(given)
    .filter(({ protocol }) => (protocol ?? "TCP") === "TCP")
    .map(({ name, port, appProtocol }) => ({
      name: text(name) ?? "",
      port: typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined,
      appProtocol: text(appProtocol),
    }));
}

function choose(ports: readonly SlicePort[], wanted: string | number | undefined): SlicePort | string {
  // A headless service may name no ports, and a port without a number stands for all of them.
  const isOpen = ports.every(({ port }) => port === undefined);
  if (typeof wanted === "number" && isOpen) return { name: "", port: wanted, appProtocol: ports[0]?.appProtocol };
  if (wanted === undefined) {
    const [only] = ports;
    if (ports.length === 1 && only?.port !== undefined) return only;
    return ports.length === 0
      ? "it names no port: give its number as port"
      : `port should say which of ${shownPorts(ports)}`;
  }
  const found = ports.find(
    ({ name, port }) => port !== undefined && (typeof wanted === "number" ? port === wanted : name === wanted),
  );
  return found ?? `it has no port ${JSON.stringify(wanted)}, but ${shownPorts(ports) || "none"}`;
}

function shownPorts(ports: readonly SlicePort[]): string {
  return ports
    .slice(0, 10)
    .map(({ name, port }) => (name === "" ? `${port}` : `"${name}" (${port})`))
    .join(", ");
}

function problem(slice: string, what: string): Error {
  return new Error(`of slice ${slice.slice(0, 100)} ${what}`);
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(record) : [];
}
