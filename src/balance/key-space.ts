/**
 * What a way of hashing consistently is made of.
 *
 * @module
 */
import type { Member } from "./member.ts";

/** Where a key's instances are found. `seek` goes to a key's first one, `next` to the one after; both may repeat themselves. */
export interface KeySpace {
  /** At least one member is in. */
  seek(hashed: number, nowMs: number): Member<unknown>;
  next(): Member<unknown>;
  add(member: Member<unknown>): void;
  remove(member: Member<unknown>): void;
  change(member: Member<unknown>): void;
  /** It is not in the group any more; only for what remembers those that were removed. */
  left?(member: Member<unknown>): void;
}

/** Its weight as if it had its full share. */
export function fullWeight({ instance, copies }: Member<unknown>): number {
  return instance.weight * copies;
}
