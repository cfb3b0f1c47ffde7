/**
 * Request ids: unique across processes, cheap to make, safe to print.
 *
 * @module
 */
import { hex } from "./random.ts";

// Three hex digits each: two look-ups are an id's count, where toString(16) costs ten times as much.
const DIGITS: readonly string[] = Array.from({ length: 4096 }, (_, n) => n.toString(16).padStart(3, "0"));

let random = "";
let prefix = "";
let count = 0;

/** A new request id: random bytes of this process, renewed now and then, and a count. */
export function newRequestId(): string {
  if ((count & 4095) === 0) {
    // Fresh random bytes for each id would cost 55 ns.
    if (count === 0) random = hex(8);
    // Joined: a concatenation would be taken apart again wherever an id is written.
    prefix = [random, DIGITS[count >>> 12]].join("");
  }
  const id = prefix + DIGITS[count & 4095]!;
  count = (count + 1) & 0xff_ffff;
  return id;
}

/** Whether an id that came from outside may be used as it is: 1 to 128 visible ASCII characters. */
export function isRequestId(id: string | undefined): id is string {
  if (id === undefined || id.length === 0 || id.length > 128) return false;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (code < 0x21 || code > 0x7e || code === 0x22 || code === 0x5c) return false;
  }
  return true;
}
