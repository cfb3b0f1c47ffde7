/**
 * What the registrars of all registries have in common: the instance as the registry wants it, and a name.
 *
 * @module
 */
import { checkNames } from "../internal/check.ts";
import type { InstanceInput } from "./instance.ts";
import { registrar, type Registrar } from "./registrar.ts";
import { registrarOptionNames, registrarOptions, shaped, type RegistrarOptions } from "./registrar-options.ts";
import type { Announcer } from "./watch.ts";

/** What the registrar of a registry may be told beside the way to it. */
export interface RegisteredOptions extends Omit<RegistrarOptions, "announcer" | "instance"> {
  /** The name of the service, when the instance does not say it. Default: the instance's. */
  readonly service?: string | undefined;
}

/** One kind of registry. */
export interface RegistryKind {
  /** For people, e.g. `consul`. */
  readonly kind: string;
  /** The names of the registry's own options. */
  readonly names: readonly string[];
  /** The instance as the registry wants it; throws when there is no place for it: what is tried for ever should be able to succeed. */
  shape(input: InstanceInput): InstanceInput;
  /** The way to the registry, under this name. */
  announcer(name: string): Announcer;
}

/** Makes the registrar of an instance, its service filled in. */
export function registered(
  instance: RegistrarOptions["instance"],
  options: RegisteredOptions,
  { kind, names, shape, announcer }: RegistryKind,
): Registrar {
  checkNames(`${kind}Registrar`, options, ["service", ...names, ...registrarOptionNames]);
  const given = shaped(instance, (one) => shape({ ...one, service: one.service || options.service }));
  const service = typeof given === "function" ? options.service : given.service;
  const way = announcer(service === undefined ? kind : `${kind} ${service}`);
  return registrar({ ...registrarOptions(options), announcer: way, instance: given });
}
