/**
 * Gathers calls that are made at the same time into one message.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { checkNames, checkNumber } from "../../internal/check.ts";
import type { Clock, Timer } from "../../time/index.ts";
import type { Entry } from "./client-entry.ts";

/** How calls are gathered. */
export interface JsonrpcBatchOptions {
  /** Calls of one batch, 1 to 10,000. Default: 100, what servers of this toolkit take. */
  readonly maxCalls?: number | undefined;
  /**
   * How long the first call of a batch waits for others, 0 to 1000 ms. Default: 0, until whatever is ready to run now has
   * run: calls that one event leads to go together, and none is late.
   */
  readonly waitMs?: number | undefined;
}

/** How calls are gathered, every default filled in. */
export interface BatchSettings {
  readonly maxCalls: number;
  readonly waitMs: number;
}

/** Checks how calls are to be gathered. */
export function batchSettings(options: JsonrpcBatchOptions): BatchSettings {
  checkNames("batch", options, ["maxCalls", "waitMs"]);
  return {
    maxCalls: checkNumber("maxCalls", options.maxCalls ?? 100, { min: 1, max: 10_000, integer: true }),
    waitMs: checkNumber("waitMs", options.waitMs ?? 0, { min: 0, max: 1000 }),
  };
}

/** What a gatherer is made of. */
export interface GatherOptions extends BatchSettings {
  /** Times the wait. */
  readonly clock: Clock;
  /** Texts longer than this together go separately: the peer may refuse larger bodies. */
  readonly maxBytes: number;
  /** Tells which entries may go together, beside what is known of their calls; undefined for one that goes alone. */
  keyOf(entry: Entry): string | undefined;
  /** Sends entries as one message. */
  send(entries: readonly Entry[]): void;
}

interface Group {
  readonly entries: Entry[];
  bytes: number;
  timer: Timer | undefined;
}

/** Entries that wait for company. */
export class Gatherer {
  readonly #options: GatherOptions;
  readonly #groups = new Map<string, Group>();

  constructor(options: GatherOptions) {
    this.#options = options;
  }

  /** Takes an entry in. What `keyOf` throws is thrown. */
  add(entry: Entry): void {
    const { maxCalls, maxBytes, send } = this.#options;
    const own = this.#options.keyOf(entry);
    if (own === undefined) return send([entry]);
    const key = `${keyOf(entry.call)}\n${own}`;
    const bytes = Buffer.byteLength(entry.text) + 1;
    let group = this.#groups.get(key);
    if (group !== undefined && group.bytes + bytes > maxBytes) {
      this.#flush(key, group);
      group = undefined;
    }
    group ??= this.#open(key);
    group.entries.push(entry);
    group.bytes += bytes;
    if (group.entries.length >= maxCalls) this.#flush(key, group);
  }

  #open(key: string): Group {
    const { clock, waitMs } = this.#options;
    const group: Group = { entries: [], bytes: 2, timer: undefined };
    const flush = (): void => this.#flush(key, group);
    this.#groups.set(key, group);
    // A tick asked for by a microtask comes when no microtask is left.
    if (waitMs === 0) queueMicrotask(() => process.nextTick(flush));
    else group.timer = clock.after(waitMs, flush);
    return group;
  }

  #flush(key: string, group: Group): void {
    if (this.#groups.get(key) !== group) return;
    this.#groups.delete(key);
    group.timer?.cancel();
    const wanted = group.entries.filter(({ isOver }) => !isOver);
    if (wanted.length > 0) this.#options.send(wanted);
  }

  /** Sends what waits. */
  flush(): void {
    for (const [key, group] of this.#groups) this.#flush(key, group);
  }
}

// A batch has one set of headers. What is sent for one caller must not go out with the credentials of another, nor
// under another's request id.
function keyOf(call: ActiveCall): string {
  const key = [call.parent?.requestId ?? "", String(call.attempt)];
  for (const [name, value] of call.outgoingIfAny ?? []) key.push(name, value);
  return key.join("\n");
}
