/**
 * What is known of an instance, as texts among its metadata: for registries that have no place of their own for it.
 *
 * @module
 */
import type { Range } from "../../internal/check.ts";
import type { Instance, InstanceInput } from "../index.ts";
import { number } from "./json-fields.ts";

/** What a weight may be. */
export const WEIGHT: Range = { min: 1e-6, max: 1e6 };

/** What a priority may be. */
const PRIORITY: Range = { min: 0, max: 65_535, integer: true };

/** The metadata with the fields in them; the weight where the registry cannot say it otherwise. */
export function withFields(instance: Instance, hasWeight: boolean): Readonly<Record<string, string>> {
  const { zone, version, priority, weight, metadata } = instance;
  return {
    ...metadata,
    ...(zone === undefined ? {} : { zone }),
    ...(version === undefined ? {} : { version }),
    ...(priority === 0 ? {} : { priority: String(priority) }),
    ...(hasWeight ? { weight: String(weight) } : {}),
  };
}

/** The fields that stand in metadata; what makes no sense is left out. */
export function fieldsIn(
  metadata: Readonly<Record<string, string>>,
): Pick<InstanceInput, "weight" | "priority" | "zone" | "version"> {
  const { weight, priority, zone, version } = metadata;
  return { weight: number(weight, WEIGHT), priority: number(priority, PRIORITY), zone, version };
}
