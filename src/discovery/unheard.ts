/**
 * What nobody would hear of: a registry that is away is no secret, also where no log, listener or health was given.
 *
 * @module
 */

/** Where things may be told. */
export interface Ears {
  readonly onEvent?: unknown;
  readonly log?: unknown;
  readonly health?: unknown;
}

interface Globals {
  readonly process?: { emitWarning?(text: string): void };
}

/** Warns the process, if nobody else hears. */
export function tellUnheard({ onEvent, log, health }: Ears, text: string): void {
  if (onEvent !== undefined || log !== undefined || health !== undefined) return;
  (globalThis as Globals).process?.emitWarning?.(text);
}
