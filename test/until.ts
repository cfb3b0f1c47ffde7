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

/** Resolves when this much time has passed, for tests of what must not happen meanwhile. */
export function passing(ms: number): Promise<void> {
  return sleep(ms);
}

/** Resolves when a socket is closed. */
export function closed(socket: Socket): Promise<void> {
  return socket.destroyed ? Promise.resolve() : new Promise((resolve) => socket.once("close", () => resolve()));
}
