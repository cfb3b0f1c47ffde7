/**
 * Hashes of keys and ids: the same in every process and on every machine, so that clients agree. Not secure.
 *
 * @module
 */

/** How many hashes there are. */
export const HASHES = 0x8000_0000;

/** 31 bits of a text, which are a plain whole number to the engine (FNV-1a over its UTF-16 units, mixed). */
export function hash(text: string, seed: number = 0): number {
  let state = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return mix(state) >>> 1;
}

/** Mixes 32 bits so that each of them changes about half of the others (Murmur3's last step). */
export function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
