/**
 * What a call over HTTP begins with: its time, and the metadata in its headers.
 *
 * @module
 */
import type { CallStart, Carrier } from "../../endpoint/index.ts";
import { TIMEOUT } from "../names.ts";
import { timeoutOf } from "../timeout.ts";
import type { HttpHeaders } from "./message.ts";
import type { Plan } from "./plan.ts";

class Headers implements Carrier {
  readonly #headers: HttpHeaders;

  constructor(headers: HttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    const value = this.#headers[name] ?? this.#headers[name.toLowerCase()];
    return typeof value === "string" ? value : undefined;
  }
}

/** Metadata as node's headers hold it. */
export function headersOf(headers: HttpHeaders): Carrier {
  return new Headers(headers);
}

/** What a call over HTTP begins with. */
export function startOf(plan: Plan, headers: HttpHeaders, startMs: number): CallStart {
  const { info, around } = plan.bound;
  const timeoutMs = timeoutOf(headers[TIMEOUT], info.timeoutMs);
  return { startMs, timeoutMs, transport: "http", incoming: new Headers(headers), values: around.values };
}
