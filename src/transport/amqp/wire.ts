/**
 * The names that calls over AMQP have on the wire, and headers read without trust.
 *
 * @module
 */
import type { Carrier } from "../../endpoint/index.ts";
import type { Limits } from "../limits.ts";

/** On a reply: that it is an error, and its code. On a dead letter: what its last delivery ended with. */
export const ERROR_CODE = "x-error-code";

/** When a request was published, in milliseconds since 1970 on the clock of who did. */
export const SENT = "x-sent-ms";

/** How often a message was delivered before, as far as its own headers know. */
export const DELIVERIES = "x-deliveries";

/** What a quorum queue counts itself. */
export const QUORUM_DELIVERIES = "x-delivery-count";

/** Names that metadata may not have: those above, and what the broker makes of dead letters. */
export function isOwnHeader(name: string): boolean {
  return name === ERROR_CODE || name === SENT || name.startsWith("x-deliver") || isDeath(name);
}

/** Whether a header is the broker's diary of a message's deaths; a new message begins a new one. */
export function isDeath(name: string): boolean {
  return name.startsWith("x-death") || name.startsWith("x-first-death") || name.startsWith("x-last-death");
}

/** A table of headers, as it came. */
export type HeaderTable = Readonly<Record<string, unknown>>;

/** Stands for headers that the library cannot read. */
export const UNREADABLE: HeaderTable = Object.freeze({});

/** The headers of one message: those that are text, numbers or truth values, under their names in any case. */
export class Headers implements Carrier {
  readonly #values = new Map<string, string>();
  /** Whether there are more, or larger ones, than is allowed; then none can be read. */
  readonly isTooMuch: boolean;

  constructor(table: HeaderTable | undefined, limits: Limits) {
    this.isTooMuch = table === UNREADABLE || (table !== undefined && !this.#take(table, limits));
    if (this.isTooMuch) this.#values.clear();
  }

  #take(table: HeaderTable, { maxHeaders, maxHeaderBytes }: Limits): boolean {
    let [count, chars] = [0, 0];
    // Own names only: a table called __proto__ becomes the prototype of what the library reads it into.
    for (const name of Object.keys(table)) {
      const value = table[name];
      chars += name.length + sizeOf(value, maxHeaderBytes);
      if (++count > maxHeaders || chars > maxHeaderBytes) return false;
      if (typeof value === "string") this.#values.set(name.toLowerCase(), value);
      else if (typeof value === "number" || typeof value === "boolean")
        this.#values.set(name.toLowerCase(), String(value));
    }
    return true;
  }

  get(name: string): string | undefined {
    return this.#values.get(name.toLowerCase());
  }
}

/** How deep tables may stand in each other: what is deeper could not be passed on. */
const MAX_NESTING = 16;

// Of what is nested only roughly, and no further than it takes to know that it is too much.
function sizeOf(value: unknown, enough: number): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (value instanceof Uint8Array) return value.byteLength;
  let size = 8;
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const below: object[] = [];
    for (const table of level) {
      for (const [name, one] of Object.entries(table)) {
        size += name.length + 8;
        if (typeof one === "string") size += one.length;
        else if (one instanceof Uint8Array) size += one.byteLength;
        else if (typeof one === "object" && one !== null) below.push(one as object);
        if (size > enough || depth > MAX_NESTING) return enough + 1;
      }
    }
    level = below;
  }
  return size;
}

/** A header that counts, as a whole number from 0; what is none counts as 0. */
export function countOf(table: HeaderTable | undefined, name: string): number {
  if (table === undefined || !Object.hasOwn(table, name)) return 0;
  const value = table[name];
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? Math.min(value, 1_000_000) : 0;
}

/** Names and values in turn as a table of headers. */
export function tableOf(list: readonly string[]): Record<string, unknown> {
  const table: Record<string, unknown> = {};
  for (let i = 0; i < list.length; i += 2) table[list[i]!] = list[i + 1];
  return table;
}
