/**
 * Whether an instance is still what it was, so that a refresh makes nothing new where nothing changed.
 *
 * @module
 */
import type { Instance, InstanceInput } from "./instance.ts";

/** Whether `instance(input)` would be equal to `known`, told without making it. */
export function sameInstance(known: Instance, input: InstanceInput, service: string): boolean {
  // A misspelt name is no instance, also where all the rest is as it was.
  for (const name in input) if (!(name in known)) return false;
  return (
    known.address === input.address &&
    known.id === (input.id ?? input.address) &&
    known.service === (input.service ?? service) &&
    known.weight === (input.weight ?? 1) &&
    known.priority === (input.priority ?? 0) &&
    known.zone === input.zone &&
    known.version === input.version &&
    known.health === (input.health ?? "up") &&
    sameTags(known.tags, input.tags) &&
    sameMetadata(known.metadata, input.metadata)
  );
}

function sameTags(known: readonly string[], given: readonly string[] | undefined): boolean {
  if (!Array.isArray(given)) return given === undefined && known.length === 0;
  return known.length === given.length && known.every((tag, at) => tag === given[at]);
}

function sameMetadata(
  known: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>> | undefined,
): boolean {
  // What a file says may be of any kind.
  if ((given as unknown) === null) return false;
  // Without a list of names: this runs for each instance of each refresh.
  let more = 0;
  for (const name in given) {
    if (known[name] !== given[name]) return false;
    more++;
  }
  for (const _ in known) more--;
  return more === 0;
}
