/**
 * What Consul says of an instance, as an instance of ours.
 *
 * @module
 */
import type { InstanceHealth, InstanceInput } from "../index.ts";
import { number, record, text, texts, type Fields } from "../http/json-fields.ts";
import { fieldsIn, WEIGHT } from "../http/metadata-fields.ts";
import { joined } from "../place.ts";

/** The instances in an answer, and what of it cannot be used. */
export interface Entries {
  readonly instances: readonly InstanceInput[];
  readonly skipped: readonly Error[];
}

/** Reads an answer of `/v1/health/service/:name`; throws when it is none. Only instances with all `tags` are in. */
export function entriesOf(answer: unknown, tags: readonly string[]): Entries {
  if (!Array.isArray(answer)) throw new Error("the answer is no list of instances");
  const instances: { -readonly [N in keyof InstanceInput]: InstanceInput[N] }[] = [];
  const nodes: string[] = [];
  const skipped: Error[] = [];
  for (const entry of answer as readonly unknown[]) {
    try {
      const one = instanceOf(record(entry));
      if (!tags.every((tag) => one.tags?.includes(tag))) continue;
      instances.push(one);
      nodes.push(text(record(record(entry)["Node"])["Node"]) ?? "");
    } catch (error) {
      skipped.push(error as Error);
    }
  }
  // An id is one agent's. Where two agents gave the same, their names tell the instances apart.
  const times = new Map<string, number>();
  for (const { id } of instances) times.set(id!, (times.get(id!) ?? 0) + 1);
  for (const [index, one] of instances.entries()) if (times.get(one.id!)! > 1) one.id = `${nodes[index]}/${one.id}`;
  return { instances, skipped };
}

function instanceOf(entry: Fields): InstanceInput {
  const [service, node] = [record(entry["Service"]), record(entry["Node"])];
  const id = text(service["ID"]) ?? "";
  const host = text(service["Address"]) ?? text(node["Address"]);
  const port = service["Port"];
  const isPort = typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536;
  if (id === "" || host === undefined || !isPort) {
    throw new Error(`the instance "${id}" has no ${id === "" ? "id" : host === undefined ? "address" : "port"}`);
  }
  const metadata = texts(service["Meta"]);
  const { health, isWarned } = healthOf(entry["Checks"]);
  const weights = record(service["Weights"]);
  const own = fieldsIn(metadata);
  return {
    id,
    address: joined(host, port),
    service: text(service["Service"]) ?? "",
    ...own,
    weight: own.weight ?? number(weights[isWarned ? "Warning" : "Passing"], WEIGHT),
    zone: own.zone ?? texts(node["Meta"])["zone"] ?? text(node["Datacenter"]),
    tags: Array.isArray(service["Tags"]) ? service["Tags"].filter((tag) => typeof tag === "string") : undefined,
    metadata,
    health,
  };
}

/** The worst check decides, but for maintenance, which is somebody's will and no failure. */
function healthOf(checks: unknown): { readonly health: InstanceHealth; readonly isWarned: boolean } {
  let isDown = false;
  let isWarned = false;
  for (const check of Array.isArray(checks) ? (checks as readonly unknown[]) : []) {
    const { Status, CheckID } = record(check);
    if (Status === "passing") continue;
    if (/^_(?:service|node)_maintenance(?::|$)/.test(text(CheckID) ?? "")) return { health: "draining", isWarned };
    if (Status === "warning") isWarned = true;
    else isDown = true;
  }
  return { health: isDown ? "down" : "up", isWarned: isWarned && !isDown };
}
