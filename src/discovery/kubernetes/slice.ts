/**
 * An EndpointSlice as instances. (Kubernetes API reference, `discovery.k8s.io/v1` EndpointSlice.)
 *
 * @module
 */
import type { InstanceHealth, InstanceInput } from "../instance.ts";

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

type Given = Readonly<Record<string, unknown>>;

const NOTHING: SliceInstances = { rank: 9, instances: [], problems: [] };
const RANKS: Readonly<Record<string, number>> = { IPv4: 0, IPv6: 1, FQDN: 2 };

/** Reads a slice; what of it cannot be used is told as a problem. */
export function readSlice(given: Given, wanted: Wanted): SliceInstances {
  const name = textOf(objectOf(given["metadata"])["name"]) ?? "";
  const type = textOf(given["addressType"]) ?? "";
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
  const merged = new Map<string, { readonly instance: InstanceInput; readonly rank: number }>();
  for (const { instances, rank } of slices) {
    for (const instance of instances) {
      const id = instance.id ?? instance.address;
      const before = merged.get(id);
      if (before === undefined || isBetter(instance, rank, before)) merged.set(id, { instance, rank });
    }
  }
  return Array.from(merged.values(), ({ instance }) => instance);
}

const HEALTHS: readonly (InstanceHealth | undefined)[] = ["up", "draining", "down"];

function isBetter(
  instance: InstanceInput,
  rank: number,
  before: { readonly instance: InstanceInput; readonly rank: number },
): boolean {
  if (rank !== before.rank) return rank < before.rank;
  return HEALTHS.indexOf(instance.health) < HEALTHS.indexOf(before.instance.health);
}

function instanceOf(endpoint: Given, { port, appProtocol }: SlicePort, service: string): InstanceInput | undefined {
  // The addresses of one endpoint are as good as each other; the first is what kube-proxy takes.
  const host = textOf((endpoint["addresses"] as readonly unknown[] | undefined)?.[0]);
  if (host === undefined || !/^(?:[\w.-]+|[0-9a-f:.]+(?:%\w+)?)$/i.test(host)) return undefined;
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const target = objectOf(endpoint["targetRef"]);
  const zones = listOf(objectOf(endpoint["hints"])["forZones"]).map(({ name }) => textOf(name));
  const more: readonly (readonly [string, string | undefined])[] = [
    ["nodeName", textOf(endpoint["nodeName"])],
    ["hostname", textOf(endpoint["hostname"])],
    ["forZones", zones.filter((zone) => zone !== undefined).join(",") || undefined],
    ["appProtocol", appProtocol],
  ];
  return {
    // A pod keeps its name for as long as it runs, also where it has two addresses.
    id: textOf(target["name"]) ?? address,
    address,
    service,
    zone: textOf(endpoint["zone"]),
    metadata: Object.fromEntries(more.filter((pair): pair is [string, string] => pair[1] !== undefined)),
    health: healthOf(objectOf(endpoint["conditions"])),
  };
}

/** What is not said counts as ready, as the API has it. */
function healthOf({ ready, serving, terminating }: Given): InstanceHealth {
  if (terminating === true) return serving === false ? "down" : "draining";
  return ready === false ? "down" : "up";
}

function portsOf(given: unknown): readonly SlicePort[] {
  return listOf(given)
    .filter(({ protocol }) => (protocol ?? "TCP") === "TCP")
    .map(({ name, port, appProtocol }) => ({
      name: textOf(name) ?? "",
      port: typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined,
      appProtocol: textOf(appProtocol),
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

function objectOf(value: unknown): Given {
  return typeof value === "object" && value !== null ? (value as Given) : {};
}

function listOf(value: unknown): readonly Given[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
