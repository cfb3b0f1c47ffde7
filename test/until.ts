/**
 * Waiting for what nothing announces, in tests that cannot have a virtual clock because node's own time-outs are what
 * they are about.
 *
 * @module
 */
import type { Socket } from "node:net";
import { sleep } from "../src/time/index.ts";

/** Resolves when the condition holds; the test's own time-out bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

/**
 * Resolves when a number has stood still for a hundred looks at it: what fills up, and is bounded, is full then. What a slow
 * machine makes of it too early is a smaller number.
 */
export async function still(now: () => number): Promise<void> {
  let [last, looks] = [now(), 0];
  while (looks < 100) {
    await sleep(2);
    looks = now() === last ? looks + 1 : 0;
    last = now();
  }
}

/** Resolves when this much time has passed, for tests of what must not happen meanwhile. */
export function passing(ms: number): Promise<void> {
  return sleep(ms);
}

/** Resolves when a socket is closed. */
export function closed(socket: Socket): Promise<void> {
  return socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once("close", () => resolve()));
}
