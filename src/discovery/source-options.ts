/**
 * What every source may be told, whichever registry stands behind it, with every default and its reason.
 *
 * @module
 */
import { checkFunction, checkNumber, shown } from "../internal/check.ts";
import type { Logger } from "../log/index.ts";
import type { Registry } from "../metrics/index.ts";
import { systemClock, systemRandom, type Clock, type Random } from "../time/index.ts";
import { listedInstance, type Instance, type InstanceInput } from "./instance.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SourceEvent } from "./source.ts";

/** What every source may be told. Times are in milliseconds. */
export interface SourceOptions {
  /** What to go by until the registry has answered. Default: nothing. */
  readonly seed?: readonly (string | InstanceInput)[] | undefined;
  /** Keeps the last list over restarts, e.g. `fileSnapshot(path)`. It is gone by until the registry has answered. Default: none. */
  readonly snapshot?: Snapshot | undefined;
  /** How often a registry that is only asked is asked, from 10 to a day; jittered by a tenth. Default: the registry's own, mostly 10 s. */
  readonly intervalMs?: number | undefined;
  /**
   * After how long without a sign of life the connection is given up and begun anew, from 10; Infinity: never. Default: the
   * registry's own, mostly 60 s: a server that is frozen closes nothing.
   */
  readonly silenceMs?: number | undefined;
  /**
   * The first wait after a failure is drawn from 0 to this, from 1; it doubles with each failure. Default: 1000. With less, a
   * thousand clients that lost a registry would ask together: at 100, one in six in one tenth of a second.
   */
  readonly retryBaseMs?: number | undefined;
  /**
   * The longest wait is drawn from 0 to this, from 1. Default: 10 s: when it is back, everybody is within that, and no
   * twentieth of them at once. Until it has answered once, 1.5 s at most: there is nothing else to go by.
   */
  readonly retryMaxMs?: number | undefined;
  /** How long the last list is gone by while the registry cannot be asked; then it is empty. Default: Infinity: old instances are better than none. */
  readonly maxStaleMs?: number | undefined;
  /** How long an empty list must be said before it is believed. Default: 60 s: it is a registry's mistake more often than the truth. */
  readonly emptyGraceMs?: number | undefined;
  /** Takes an empty list at once. Default: false. */
  readonly allowEmpty?: boolean | undefined;
  /**
   * A list that is shorter by more than this part all of a sudden, by 2 instances at least, is believed only after `forMs`; what it adds is taken at
   * once. Default: 0.5 and 30 s; false: every list is believed.
   */
  readonly guard?: LossGuardOptions | false | undefined;
  /** Is told what happens. Default: nobody; `listing.error` says it too. What it throws is dropped. */
  readonly onEvent?: ((event: SourceEvent) => void) | undefined;
  /** Writes a line for each event. Default: none; without log and `onEvent` a registry that cannot be asked is a process warning, once per spell. */
  readonly log?: Pick<Logger, "debug" | "info" | "warn"> | undefined;
  /** Gets `discovery_instances`, `discovery_changes_total`, `discovery_failures_total` and `discovery_stale`. Default: none. */
  readonly metrics?: Pick<Registry, "gauge" | "counter"> | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** When a shrinking list is not believed. */
export interface LossGuardOptions {
  /** From 0 to 1. Default: 0.5. */
  readonly ratio?: number | undefined;
  /** Default: 30 s. */
  readonly forMs?: number | undefined;
}

const DAY_MS = 86_400_000;

const NAMES: { readonly [Name in keyof SourceOptions]-?: true } = {
  seed: true,
  snapshot: true,
  intervalMs: true,
  silenceMs: true,
  retryBaseMs: true,
  retryMaxMs: true,
  maxStaleMs: true,
  emptyGraceMs: true,
  allowEmpty: true,
  guard: true,
  onEvent: true,
  log: true,
  metrics: true,
  clock: true,
  random: true,
};

/** The names of `SourceOptions`, for those who check the names of their own options. */
export const sourceOptionNames: readonly string[] = Object.keys(NAMES);

/**
 * Of the options of a registry's source, those that every source has: what its factory passes on to `source`.
 *
 * @example
 * ```ts
 * import { sourceOptions } from "servicekit/discovery";
 *
 * const given = { token: "x", silenceMs: 5000 };
 * sourceOptions(given); // => { silenceMs: 5000 }
 * ```
 */
export function sourceOptions(options: SourceOptions): SourceOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(NAMES, name)));
}

/** Options with every default filled in. */
export interface SourceSettings {
  readonly seed: readonly Instance[];
  readonly snapshot: Snapshot | undefined;
  readonly intervalMs: number;
  readonly silenceMs: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  readonly maxStaleMs: number;
  readonly emptyGraceMs: number;
  readonly loss: { readonly ratio: number; readonly forMs: number } | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Checks the options and fills in the defaults, those of the watch first. */
export function sourceSettings(
  options: SourceOptions,
  own: { readonly service: string; readonly intervalMs?: number | undefined; readonly silenceMs?: number | undefined },
): SourceSettings {
  const { guard, seed = [], snapshot } = options;
  if (!Array.isArray(seed)) throw new TypeError(`seed should be a list of instances, got ${shown(seed)}`);
  if (options.onEvent !== undefined) checkFunction("onEvent", options.onEvent);
  if (snapshot !== undefined) {
    checkFunction("snapshot.load", snapshot.load);
    checkFunction("snapshot.save", snapshot.save);
  }
  const time = (name: "retryBaseMs" | "retryMaxMs" | "maxStaleMs" | "emptyGraceMs", defaultMs: number): number =>
    checkNumber(name, options[name] ?? defaultMs, name.startsWith("retry") ? { min: 1, max: DAY_MS } : { min: 0 });
  const graceMs = time("emptyGraceMs", 60_000);
  return {
    seed: (seed as readonly (string | InstanceInput)[]).map((one) => listedInstance(one, own.service)),
    snapshot,
    intervalMs: checkNumber("intervalMs", options.intervalMs ?? own.intervalMs ?? 10_000, { min: 10, max: DAY_MS }),
    silenceMs: checkNumber("silenceMs", options.silenceMs ?? own.silenceMs ?? 60_000, { min: 10 }),
    retryBaseMs: time("retryBaseMs", 1000),
    retryMaxMs: time("retryMaxMs", 10_000),
    maxStaleMs: time("maxStaleMs", Infinity),
    emptyGraceMs: options.allowEmpty === true ? 0 : graceMs,
    loss:
      guard === false
        ? undefined
        : {
            ratio: checkNumber("guard.ratio", guard?.ratio ?? 0.5, { min: 0, max: 1 }),
            forMs: checkNumber("guard.forMs", guard?.forMs ?? 30_000, { min: 0 }),
          },
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}
