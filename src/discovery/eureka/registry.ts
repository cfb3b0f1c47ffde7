/**
 * A copy of what Eureka knows: of the service that is watched everything, of all others who is in which state, since the server's
 * check is over all of them.
 *
 * @module
 */
import type { InstanceHealth, InstanceInput } from "../index.ts";
import { number, record, text, texts, type Fields } from "../http/json-fields.ts";
import { fieldsIn } from "../http/metadata-fields.ts";
import { joined } from "../place.ts";

/** What of an instance of Eureka becomes its address. */
export interface Reading {
  /** The service, as Eureka writes it: in capitals. */
  readonly app: string;
  /** The name that the instances of ours get. */
  readonly service: string;
  readonly host: "ip" | "name";
  /** The secure port, as a URL. The other way round too when an instance has only that. */
  readonly isSecure: boolean;
}

/** The whole registry, as of the last answer. */
export class RegistryCopy {
  readonly #reading: Reading;
  /** The state of each instance, by service and id. */
  readonly #states = new Map<string, string>();
  readonly #ours = new Map<string, Fields>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** Takes an answer of `/apps`; throws when it is none. */
  static of(answer: unknown, reading: Reading): RegistryCopy {
    const copy = new RegistryCopy(reading);
    for (const [app, one] of instancesOf(answer)) copy.#put(app, one);
    return copy;
  }

  /** Takes an answer of `/apps/delta`. False: what it makes is not what the server has, and all is to be fetched anew. */
  apply(delta: unknown): boolean {
    for (const [app, one] of instancesOf(delta)) {
      if (one["actionType"] === "DELETED") this.#remove(app, one);
      else this.#put(app, one);
    }
    return this.hashCode() === hashCodeOf(delta);
  }

  /** How many instances are in each state, as the server writes it: `DOWN_1_UP_7_`. */
  hashCode(): string {
    const counts = new Map<string, number>();
    for (const state of this.#states.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    const sorted = [...counts].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return sorted.map(([state, count]) => `${state}_${count}_`).join("");
  }

  /** The instances of the service that is watched, and what of them cannot be used. */
  list(): { readonly instances: readonly InstanceInput[]; readonly skipped: readonly Error[] } {
    const [instances, skipped]: [InstanceInput[], Error[]] = [[], []];
    for (const [id, fields] of this.#ours) {
      try {
        instances.push(instanceOf(id, fields, this.#reading));
      } catch (error) {
        skipped.push(error as Error);
      }
    }
    return { instances, skipped };
  }

  #put(app: string, one: Fields): void {
    const id = idOf(one);
    this.#states.set(`${app}\n${id}`, text(one["status"]) ?? "UNKNOWN");
    if (app === this.#reading.app) this.#ours.set(id, one);
  }

  #remove(app: string, one: Fields): void {
    const id = idOf(one);
    this.#states.delete(`${app}\n${id}`);
    if (app === this.#reading.app) this.#ours.delete(id);
  }
}

/** The server's own count. */
function hashCodeOf(answer: unknown): string {
  return text(record(record(answer)["applications"])["apps__hashcode"]) ?? "";
}

/** Each instance with its service. The server writes one of one as an object, or as a list, as it is set up. */
function* instancesOf(answer: unknown): Generator<[app: string, instance: Fields]> {
  const { applications } = record(answer);
  if (typeof applications !== "object" || applications === null) throw new Error("the answer has no applications");
  for (const application of listOf(record(applications)["application"])) {
    const app = (text(record(application)["name"]) ?? "").toUpperCase();
    for (const one of listOf(record(application)["instance"])) yield [app, record(one)];
  }
}

function instanceOf(id: string, one: Fields, { service, host: kind, isSecure }: Reading): InstanceInput {
  const host = text(one[kind === "ip" ? "ipAddr" : "hostName"]) ?? text(one["hostName"]) ?? text(one["ipAddr"]);
  const plain = portOf(one["port"]);
  const secure = portOf(one["securePort"]);
  const takesSecure = isSecure || plain === undefined;
  const port = takesSecure ? secure : plain;
  if (host === undefined || port === undefined || id === "") {
    const what = host === undefined ? "address" : port === undefined ? `${isSecure ? "secure " : ""}port` : "id";
    throw new Error(`the instance "${id}" has no ${what}`);
  }
  const metadata = metadataOf(one["metadata"]);
  const fields = fieldsIn(metadata);
  const amazon = texts(record(one["dataCenterInfo"])["metadata"]);
  return {
    id,
    address: `${takesSecure ? "https://" : ""}${joined(host, port)}`,
    service,
    ...fields,
    zone: fields.zone ?? amazon["availability-zone"],
    tags: metadata["tags"]
      ?.split(",")
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ""),
    metadata,
    health: healthOf(one),
  };
}

/** What an operator has said goes before what the instance says. */
function healthOf(one: Fields): InstanceHealth {
  const override = text(one["overriddenStatus"]) ?? text(one["overriddenstatus"]);
  const status = override === undefined || override === "UNKNOWN" ? one["status"] : override;
  return status === "UP" ? "up" : status === "OUT_OF_SERVICE" ? "draining" : "down";
}

/** Undefined when it is switched off. */
function portOf(value: unknown): number | undefined {
  const { $: port, "@enabled": isEnabled } = record(value);
  return String(isEnabled) === "false" ? undefined : number(port, { min: 1, max: 65_535, integer: true });
}

function idOf(one: Fields): string {
  return text(one["instanceId"]) ?? text(one["hostName"]) ?? "";
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

/** Names that begin with "@" are the server's own, of how it writes. */
function metadataOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts(value)).filter(([name]) => !name.startsWith("@")));
}
