/**
 * Request ids: unique across processes, cheap to make, safe to print.
 *
 * @module
 */
import { hex } from "./random.ts";

let prefix = "";
let count = 0;

// Fresh random bytes for each id cost 55 ns; a secure prefix of the process and a count are as unique and cost 10.
export function newRequestId(): string {
  if (count % 0x100_0000 === 0) prefix = hex(8);
  return prefix + (0x100_0000 + (count++ % 0x100_0000)).toString(16);
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
