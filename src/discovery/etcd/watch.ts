/**
 * How etcd is watched: the range at one revision, and every event after it, so nothing falls between. What is known is kept
 * from run to run, and a run that follows goes on from its revision.
 *
 * @module
 */
import { sleep } from "../../time/index.ts";
import type { InstanceInput } from "../instance.ts";
import type { Watch, WatchSession } from "../watch.ts";
import {
  fromBase64,
  rangeEnd,
  toBase64,
  type Gateway,
  type Header,
  type KeyValue,
  type RangeAnswer,
  type WatchMessage,
} from "./gateway.ts";
import type { Layout } from "./layout.ts";

/** A watch over the keys of a layout. */
export function etcdWatch(open: () => Gateway, layout: Layout, refreshMs: number): Watch {
  const follower = new Follower(layout, refreshMs);
  async function watchEtcd(session: WatchSession): Promise<void> {
    const gateway = open();
    try {
      await follower.run(session, gateway);
    } finally {
      gateway.close();
    }
  }
  // Two checks may be lost, no more.
  return Object.assign(watchEtcd, { silenceMs: Math.max(60_000, 3 * refreshMs) });
}

/** One run of the watch, or a part of it with a signal of its own. */
interface Run {
  readonly session: WatchSession;
  readonly gateway: Gateway;
  readonly signal: AbortSignal;
}

/** Keeps the keys of one service as they are in etcd. */
class Follower {
  readonly #layout: Layout;
  readonly #refreshMs: number;
  readonly #range: { readonly key: string; readonly range_end: string };
  /** By key; an Error: why what stands there cannot be used. */
  #known: Map<string, InstanceInput | Error> = new Map();
  #cluster = "";
  /** All that happened up to here is in `#known`; -1: nothing is known. */
  #revision = -1;
  /** How many messages the watch has sent: one that sends none while the store moves is dead. */
  #heard = 0;

  constructor(layout: Layout, refreshMs: number) {
    this.#layout = layout;
    this.#refreshMs = refreshMs;
    this.#range = { key: toBase64(layout.prefix), range_end: rangeEnd(layout.prefix) };
  }

  async run(given: WatchSession, gateway: Gateway): Promise<void> {
    const run = { session: given, gateway, signal: given.signal };
    if (given.position === undefined || given.position !== this.#position) await this.#list(run);
    // Twice: what was compacted away is listed again at once, but not for ever.
    if ((await this.#together(run)) === "compacted") {
      await this.#list(run);
      await this.#together(run);
    }
    throw new Error("etcd no longer keeps what happened since it was listed");
  }

  get #position(): string {
    return `${this.#cluster}/${this.#revision}`;
  }

  /** Follows and checks at once; the first that ends ends the other. */
  async #together(run: Run): Promise<"compacted"> {
    const both = new AbortController();
    const end = (): void => both.abort(run.signal.reason);
    run.signal.addEventListener("abort", end, { once: true });
    if (run.signal.aborted) end();
    const part = { ...run, signal: both.signal };
    const runs = [this.#follow(part), this.#check(part)] as const;
    try {
      return await Promise.race(runs);
    } finally {
      run.signal.removeEventListener("abort", end);
      both.abort(new Error("the other one has ended"));
      await Promise.allSettled(runs);
    }
  }

  async #list({ session, gateway, signal }: Run): Promise<void> {
    const answer = await gateway.ask<RangeAnswer>("/v3/kv/range", this.#range, { signal, keepsAlive: false });
    signal.throwIfAborted();
    this.#known = new Map();
    for (const kv of answer.kvs ?? []) this.#put(kv);
    this.#cluster = answer.header.cluster_id;
    this.#revision = Number(answer.header.revision ?? 0);
    this.#tell(session);
  }

  #tell(session: WatchSession): void {
    const instances: InstanceInput[] = [];
    for (const one of this.#known.values()) {
      if (one instanceof Error) session.skipped(one);
      else instances.push(one);
    }
    session.list(instances, this.#position);
  }

  async #follow(run: Run): Promise<"compacted"> {
    const { session, gateway, signal } = run;
    const from = { start_revision: String(this.#revision + 1), progress_notify: true, fragment: true };
    let fragments: WatchMessage["events"] & object = [];
    for await (const message of gateway.watch({ ...this.#range, ...from }, signal)) {
      signal.throwIfAborted();
      this.#heard++;
      if (Number(message.compact_revision ?? 0) > 0) {
        this.#forget(session);
        return "compacted";
      }
      if (message.canceled === true) {
        throw new Error(`etcd ended the watch: ${(message.cancel_reason ?? "it gave no reason").slice(0, 200)}`);
      }
      if (message.created === true) {
        // A member that lags behind the one that was asked for the list is no other store.
        if (Number(message.header.revision ?? 0) < this.#revision) await this.#changes(run);
        else this.#compare(session, message.header);
        session.alive();
        continue;
      }
      fragments = fragments.concat(message.events ?? []);
      if (message.fragment === true) continue;
      this.#apply(session, fragments, message.header);
      fragments = [];
    }
    throw new Error("etcd ended the watch");
  }

  #apply(session: WatchSession, events: WatchMessage["events"] & object, header: Header): void {
    // A message without events tells how far the watch has come.
    let revision = events.length === 0 ? Math.max(this.#revision, Number(header.revision ?? 0)) : this.#revision;
    for (const { type, kv } of events) {
      const at = Number(kv.mod_revision);
      // A check may have seen it before.
      if (at <= this.#revision) continue;
      revision = Math.max(revision, at);
      if (type === "DELETE") this.#known.delete(fromBase64(kv.key));
      else this.#put(kv);
    }
    if (revision === this.#revision) return session.alive();
    this.#revision = revision;
    this.#tell(session);
  }

  #put(kv: KeyValue): void {
    const key = fromBase64(kv.key);
    try {
      this.#known.set(key, this.#layout.read(key, fromBase64(kv.value)));
    } catch (error) {
      const problem = `what stands at ${key.slice(0, 200)} is no instance: ${(error as Error).message}`;
      this.#known.set(key, new Error(problem, { cause: error }));
    }
  }

  /**
   * Asks now and then whether anything has changed since the last revision that is known: it is a sign of life, which etcd's
   * watch gives every ten minutes only, and it finds what a dead watch did not tell.
   */
  async #check(run: Run): Promise<never> {
    const { session, signal } = run;
    let missed = -1;
    for (;;) {
      const delayMs = this.#refreshMs * (0.9 + 0.2 * session.random.fraction());
      await sleep(delayMs, { clock: session.clock, signal, keepsAlive: false });
      if (!(await this.#changes(run))) {
        missed = -1;
        this.#tell(session);
        continue;
      }
      if (missed === this.#heard) throw new Error("etcd's watch does not tell of what changes");
      missed = this.#heard;
      await this.#list(run);
    }
  }

  /**
   * Whether the store holds other keys than are known, as its leader has it. If not, they are as they were up to the revision of
   * the answer, so that a service which never changes is not left behind by compactions.
   */
  async #changes({ session, gateway, signal }: Run): Promise<boolean> {
    const since = { min_mod_revision: String(this.#revision + 1), keys_only: true, limit: "1" };
    const body = { ...this.#range, ...since };
    const more = { signal, keepsAlive: false };
    const { header, kvs, count } = await gateway.ask<RangeAnswer>("/v3/kv/range", body, more);
    signal.throwIfAborted();
    this.#compare(session, header);
    if ((kvs ?? []).length > 0 || Number(count ?? 0) !== this.#known.size) return true;
    this.#revision = Math.max(this.#revision, Number(header.revision ?? 0));
    return false;
  }

  /** Begins anew when this is not the store that was listed, or one that was set back to an older state. */
  #compare(session: WatchSession, { cluster_id: cluster, revision }: Header): void {
    if (cluster === this.#cluster && Number(revision ?? 0) >= this.#revision) return;
    this.#forget(session);
    throw new Error("etcd's data are others than before");
  }

  #forget(session: WatchSession): void {
    this.#revision = -1;
    session.forget();
  }
}
