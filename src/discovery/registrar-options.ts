/**
 * What a registrar may be told, and what it tells.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber, checkOneOf, checkString, shown } from "../internal/check.ts";
import type { Logger } from "../log/index.ts";
import type { Registry } from "../metrics/index.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import type { Instance, InstanceInput } from "./instance.ts";
import type { Announcer } from "./watch.ts";

/** What a registrar is made of. Times are in milliseconds, up to an hour. */
export interface RegistrarOptions {
  /** The way to the registry. It is closed with the registrar. */
  readonly announcer: Announcer;
  /**
   * What is made known. A function is called at start with the addresses of the members of the run group that have started
   * before (`http://127.0.0.1:8081`), for servers that take any free port.
   */
  readonly instance:
    | string
    | InstanceInput
    | ((...addresses: readonly string[]) => string | InstanceInput | Promise<string | InstanceInput>);
  /** How long `start` waits for the registry. It goes on in the background then. Default: 5000: a service that serves nobody is better than none. */
  readonly startMs?: number | undefined;
  /** Whether `start` fails when the instance is not registered within `startMs`. Default: false. */
  readonly required?: boolean | undefined;
  /**
   * What is done when the service stops, before its servers do. Default: "deregister". "mark" says that it is draining, for
   * registries whose readers know what to do with that; it is taken out at the end.
   */
  readonly onDrain?: "deregister" | "mark" | undefined;
  /** How long deregistering may hold up the stop. Default: 5000. */
  readonly closeMs?: number | undefined;
  /** How long one request to the registry may take, from 10. Default: 3000: frozen servers close nothing. */
  readonly callMs?: number | undefined;
  /** The first wait after a failure is drawn from 0 to this, from 1. Default: 100; it doubles with each failure. */
  readonly retryBaseMs?: number | undefined;
  /** The longest wait is drawn from 0 to this, from 1. Default: 2000: the instance is missing until then. */
  readonly retryMaxMs?: number | undefined;
  /** Is told what happens. Default: nobody; `state` says it too. What it throws is dropped. */
  readonly onEvent?: ((event: RegistrarEvent) => void) | undefined;
  /** Writes a line for each event. Default: none; without log, `onEvent` and `health` trouble is a process warning, once per spell. */
  readonly log?: Pick<Logger, "debug" | "info" | "warn"> | undefined;
  /** Gets `discovery_registered` and `discovery_registration_failures_total`. Default: none. */
  readonly metrics?: Pick<Registry, "gauge" | "counter"> | undefined;
  /** A part of this health says whether the instance is registered. Default: none. */
  readonly health?: { set(part: string, ok: boolean, message?: string): void } | undefined;
  /** Which part. Default: "registration". */
  readonly healthPart?: string | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** Where a registration is in its life: `lost` means that the registry has forgotten it, or did not answer when told that it lives. */
export type RegistrationState = "registering" | "registered" | "lost" | "draining" | "gone";

/** Where a registration is, since when, and what went wrong last. */
export interface Registration {
  readonly state: RegistrationState;
  /** On the registrar's clock. */
  readonly sinceMs: number;
  /** Why it is not registered, or why it could not be taken out; undefined while all is well. */
  readonly error: Error | undefined;
}

/** What has happened to a registration. */
export type RegistrarEvent =
  | { readonly kind: "registered"; readonly registrar: string; readonly instance: Instance; readonly isAgain: boolean }
  /** It is known with what `update` or `drain` changed. */
  | { readonly kind: "updated"; readonly registrar: string; readonly instance: Instance }
  | { readonly kind: "lost"; readonly registrar: string; readonly error: Error }
  /** The registry did not do what it was asked. */
  | { readonly kind: "retry"; readonly registrar: string; readonly error: Error; readonly delayMs: number }
  | { readonly kind: "draining"; readonly registrar: string }
  | { readonly kind: "gone"; readonly registrar: string; readonly error: Error | undefined };

/** Options with every default filled in. */
export interface RegistrarSettings {
  readonly announcer: Announcer;
  readonly given: RegistrarOptions["instance"];
  readonly startMs: number;
  readonly required: boolean;
  readonly onDrain: "deregister" | "mark";
  readonly closeMs: number;
  readonly callMs: number;
  readonly retry: { readonly baseMs: number; readonly maxMs: number };
  readonly clock: Clock;
  readonly random: Random;
}

const HOUR_MS = 3_600_000;

const NAMES: { readonly [Name in keyof RegistrarOptions]-?: true } = {
  announcer: true,
  instance: true,
  startMs: true,
  required: true,
  onDrain: true,
  closeMs: true,
  callMs: true,
  retryBaseMs: true,
  retryMaxMs: true,
  onEvent: true,
  log: true,
  metrics: true,
  health: true,
  healthPart: true,
  clock: true,
  random: true,
};

/** The names of what every registrar may be told but the way to its registry and the instance, for those who check the names of their own options. */
export const registrarOptionNames: readonly string[] = Object.keys(NAMES).filter(
  (name) => name !== "announcer" && name !== "instance",
);

/**
 * Of the options of a registry's registrar, those that every registrar has: what its factory passes on to `registrar`.
 *
 * @example
 * ```ts
 * import { registrarOptions } from "servicekit/discovery";
 *
 * const given = { token: "x", startMs: 1000 };
 * registrarOptions(given); // => { startMs: 1000 }
 * ```
 */
export function registrarOptions(options: Partial<RegistrarOptions>): Omit<RegistrarOptions, "announcer" | "instance"> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => registrarOptionNames.includes(name)));
}

/** An instance as a registry wants it: at once where it is known, else when it is made. */
export function shaped(
  given: RegistrarOptions["instance"],
  shape: (input: InstanceInput) => InstanceInput,
): InstanceInput | ((...addresses: readonly string[]) => Promise<InstanceInput>) {
  const whole = (one: string | InstanceInput): InstanceInput => shape(typeof one === "string" ? { address: one } : one);
  return typeof given === "function" ? async (...addresses) => whole(await given(...addresses)) : whole(given);
}

/** Checks the options and fills in the defaults. */
export function registrarSettings(options: RegistrarOptions): RegistrarSettings {
  checkNames("registrar", options, Object.keys(NAMES));
  const { announcer, instance } = options;
  if (typeof announcer !== "object" || announcer === null)
    throw new TypeError(`announcer should be the way to a registry, got ${shown(announcer)}`);
  checkString("announcer.name", announcer.name);
  checkNumber("announcer.renewMs", announcer.renewMs, { min: 10 });
  for (const name of ["register", "renew", "deregister"] as const) checkFunction(`announcer.${name}`, announcer[name]);
  if (!["string", "object", "function"].includes(typeof instance) || instance === null)
    throw new TypeError(`instance should be an address, have one, or give one, got ${shown(instance)}`);
  if (options.onEvent !== undefined) checkFunction("onEvent", options.onEvent);
  if (options.health !== undefined) checkFunction("health.set", options.health.set);
  const time = (name: "startMs" | "closeMs" | "callMs" | "retryBaseMs" | "retryMaxMs", other: number): number =>
    checkNumber(name, options[name] ?? other, {
      min: name === "callMs" ? 10 : name.startsWith("retry") ? 1 : 0,
      max: HOUR_MS,
    });
  return {
    announcer,
    given: instance,
    startMs: time("startMs", 5000),
    required: options.required ?? false,
    onDrain: checkOneOf("onDrain", options.onDrain ?? "deregister", ["deregister", "mark"]),
    closeMs: time("closeMs", 5000),
    callMs: time("callMs", 3000),
    retry: { baseMs: time("retryBaseMs", 100), maxMs: time("retryMaxMs", 2000) },
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}
