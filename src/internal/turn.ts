/**
 * Letting others have their turn of the event loop.
 *
 * @module
 */

type Immediate = (run: (argument: never) => void, argument: unknown) => unknown;

const { setImmediate: immediate } = globalThis as unknown as { readonly setImmediate?: Immediate };

/** Runs `run(argument)` once the loop has looked at everything else. Not a wait: it takes no time to speak of. */
export function nextTurn<T>(run: (argument: T) => void, argument: T): void {
  if (immediate !== undefined) immediate(run as (argument: never) => void, argument);
  else setTimeout(run as (argument: unknown) => void, 0, argument);
}
