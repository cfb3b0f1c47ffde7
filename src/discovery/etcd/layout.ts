/**
 * Where instances stand in etcd and what is written there: this toolkit's own layout, which reads Go kit's as well, and
 * SkyDNS', which CoreDNS answers from.
 *
 * @module
 */
import { checkOneOf, checkString } from "../../internal/check.ts";
import type { Instance, InstanceInput } from "../instance.ts";
import { placeOf } from "../place.ts";
import { fieldsOf, readFields, readWritten, written, type Fields } from "../written.ts";

/** What decides where a service's instances are. */
export interface EtcdPlace {
  /**
   * `instances`: `PREFIX/SERVICE/ID` with the instance as JSON; an address alone, as Go kit writes it, is read too. `skydns`:
   * `PREFIX/DOMAIN/SERVICE/ID`, the domain's labels from the last to the first, as CoreDNS and SkyDNS have it. Default:
   * `instances`, which can say everything.
   */
  readonly layout?: "instances" | "skydns" | undefined;
  /** Default: `/services`, as in Go kit's examples; with `skydns` `/skydns`, where CoreDNS looks. */
  readonly prefix?: string | undefined;
  /** With `skydns`: the domain that the service's name stands in. Default: `local`, so that `add` is `add.local`. */
  readonly domain?: string | undefined;
}

/** The names of these options. */
export const PLACE: readonly (keyof EtcdPlace)[] = ["layout", "prefix", "domain"];

/** The place of one service. */
export interface Layout {
  /** What all its keys begin with. */
  readonly prefix: string;
  key(instance: Instance): string;
  /** What is written there; undefined: nothing is, for those who read could not tell that it should get no calls. */
  value(instance: Instance): string | undefined;
  /**
   * The instance that a key stands for.
   *
   * @throws {Error} when it stands for none.
   */
  read(key: string, value: string): InstanceInput;
}

const LABEL = { pattern: /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i, says: "a label of a DNS name" };
const DOMAIN = {
  pattern: /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i,
  says: "a DNS name without a dot at its end",
};
const SERVICE = { pattern: /^[^/]+$/, says: "a name without a slash" };
/** CoreDNS takes a priority of 0 for none, and gives 10 then. */
const SKYDNS_PRIORITY = 10;
const SKYDNS_WEIGHT = 100;
/** How long resolvers may keep an answer, in seconds: no longer than a caller would want to call what is gone. */
const SKYDNS_TTL = 5;

/** The layout that the options choose. */
export function layoutOf(service: string, options: EtcdPlace): Layout {
  const layout = checkOneOf("layout", options.layout ?? "instances", ["instances", "skydns"]);
  const { prefix = layout === "skydns" ? "/skydns" : "/services", domain } = options;
  const root = checkString("prefix", prefix, { pattern: /[^/]/, says: "a key such as /services" }).replace(/\/+$/, "");
  if (layout === "skydns") return skydns(checkString("service", service, LABEL), root, domain ?? "local");
  if (domain !== undefined) throw new RangeError('domain should only be given with layout "skydns"');
  return instances(checkString("service", service, SERVICE), root);
}

function instances(service: string, root: string): Layout {
  const prefix = `${root}/${service}/`;
  return {
    prefix,
    key: ({ id }) => prefix + encodeURIComponent(id),
    value: written,
    read: (key, value) => readWritten(value, { id: decoded(key.slice(prefix.length)), service }),
  };
}

function skydns(service: string, root: string, domain: string): Layout {
  const labels = checkString("domain", domain, DOMAIN).split(".").reverse();
  const prefix = `${[root, ...labels, service].join("/")}/`;
  return {
    prefix,
    // A part of a DNS name: 10.0.0.1:8081 becomes 10-0-0-1-8081.
    key: ({ id }) => prefix + labelOf(id),
    value(instance) {
      if (instance.health !== "up") return undefined;
      const { host, port } = placeOf(instance.address);
      const priority = instance.priority + SKYDNS_PRIORITY;
      const weight = Math.max(1, Math.round(instance.weight * SKYDNS_WEIGHT));
      return JSON.stringify({ host, port, priority, weight, ttl: SKYDNS_TTL, instance });
    },
    read(key, value) {
      const known = { id: decoded(key.slice(prefix.length)), service };
      const fields = fieldsOf(value);
      // What is written beside the fields of SkyDNS says more than they can.
      if (fields["instance"] instanceof Object) return readFields(fields["instance"] as Fields, known);
      const priority = Number(fields["priority"] || SKYDNS_PRIORITY);
      const weight = Number(fields["weight"] || SKYDNS_WEIGHT);
      const scaled = { priority: Math.max(0, priority - SKYDNS_PRIORITY), weight: weight / SKYDNS_WEIGHT };
      return readFields({ ...fields, ...scaled }, known);
    },
  };
}

function labelOf(id: string): string {
  const label = id
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return checkString("id", label.slice(0, 63).replace(/-$/, ""), {
    pattern: LABEL.pattern,
    says: "one that makes a DNS label",
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
