/**
 * Reads a file of instances. Only its form is judged here; entries that are none are left out later, one by one.
 *
 * @module
 */
import type { InstanceInput } from "../index.ts";

/**
 * The list in a text, or the one of `service` in it.
 *
 * @throws {Error} when there is none.
 */
export function parseInstances(text: string, service: string | undefined): readonly (string | InstanceInput)[] {
  const read = JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text) as unknown;
  if (Array.isArray(read)) return (read as InstanceInput[]).filter((one) => isOf(one, service));
  if (typeof read !== "object" || read === null)
    throw new Error("it should be a list of instances, or one for each service");
  if (service === undefined) throw new Error("it has lists for several services: say which by the option service");
  const found: unknown = Object.hasOwn(read, service) ? (read as Record<string, unknown>)[service] : [];
  if (!Array.isArray(found)) throw new Error(`what it has for ${service} should be a list of instances`);
  return found as InstanceInput[];
}

// One list may hold instances of several services, each of which says its own.
function isOf(one: string | InstanceInput | null, service: string | undefined): boolean {
  const own = typeof one === "object" ? one?.service : undefined;
  return service === undefined || own === undefined || own === service;
}
