/**
 * The balancer itself: keeps members by identity, follows the source, and picks.
 *
 * @module
 */
import type { Instance, ListingChange } from "../discovery/index.ts";
import type { Subscription } from "../endpoint/index.ts";
import type { Clock } from "../time/index.ts";
import type { Balancer, MemberExplanation, MemberSnapshot } from "./balancer.ts";
import type { Entry, EntryOwner } from "./entry.ts";
import type { BalanceEvent, Because } from "./events.ts";
import { explained, snapshotOf } from "./explain.ts";
import { Ledger } from "./ledger.ts";
import type { Member } from "./member.ts";
import { Outliers, type OutlierOwner } from "./outlier.ts";
import { Routes } from "./routes.ts";
import type { PoolSettings } from "./settings.ts";
import { SlowStart } from "./slow-start.ts";
import { Ways } from "./ways.ts";

export class Pool<T> implements Balancer<T>, EntryOwner, OutlierOwner {
  readonly ledger: Ledger;
  readonly members: Entry<T>[] = [];
  readonly #settings: PoolSettings<T>;
  readonly #clock: Clock;
  readonly #ways: Ways<T>;
  readonly #routes: Routes<T>;
  readonly #byId = new Map<string, Entry<T>>();
  /** All that are listed, those outside the subset too. */
  readonly #listed = new Map<string, Instance>();
  #isClosed = false;
  readonly #outliers: Outliers | undefined;
  readonly #slowStart: SlowStart;
  #dueMs = Infinity;
  #follows: Subscription | undefined = undefined;

  constructor(settings: PoolSettings<T>) {
    this.#settings = settings;
    this.ledger = new Ledger(settings.learning);
    this.#clock = settings.clock;
    this.#outliers = settings.ejection === undefined ? undefined : new Outliers(settings.ejection, this);
    this.#slowStart = new SlowStart(settings.slowStartMs, (entry) => this.#routes.weigh(entry));
    this.#routes = new Routes(settings, this.ledger, (event) => this.#tell(event));
    this.#ways = new Ways(settings, (event) => this.#tell(event));
  }

  get text(): string {
    const { length } = this.members;
    return `${this.#settings.strategy.text} over ${length} ${length === 1 ? "instance" : "instances"}`;
  }

  /** Joins the source, or takes the list; throws what `open` throws for an instance of a list. */
  begin(): void {
    const { source, list, copies } = this.#settings;
    if (source === undefined) {
      this.apply({ added: list, removed: [], changed: [] }, true);
      for (const [id, count] of copies) {
        const entry = this.#byId.get(id);
        if (entry === undefined) continue;
        entry.copies = count;
        this.#routes.weigh(entry);
      }
      return;
    }
    this.#follows = source.subscribe((change) => this.apply(change));
    const { instances } = source.listing;
    if (instances.length > 0) this.apply({ added: instances, removed: [], changed: [] });
  }

  pick(nowMs: number, key?: string, avoid?: Member<T>): Member<T> | undefined {
    if (nowMs >= this.#dueMs) this.#look(nowMs);
    const group = this.#routes.find(key);
    if (group === undefined) return undefined;
    const chosen = group.chooser.choose(group, nowMs, key) as Entry<T>;
    return chosen === avoid ? this.#routes.other(group, chosen) : chosen;
  }

  find(id: string): Member<T> | undefined {
    return this.#byId.get(id);
  }

  async ready(signal?: AbortSignal): Promise<void> {
    await this.#settings.source?.ready(signal);
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#follows?.cancel();
      while (this.members.length > 0) this.#leave(this.members.at(-1)!);
      this.#listed.clear();
    }
    return this.#ways.ended();
  }

  explain(): readonly MemberExplanation[] {
    const nowMs = this.#now();
    const explanations: MemberExplanation[] = [];
    for (const instance of this.#listed.values()) {
      const { parts } = this.#routes;
      explanations.push(explained({ instance, entry: this.#byId.get(instance.id), parts, nowMs }));
    }
    return explanations;
  }

  snapshot(): readonly MemberSnapshot[] {
    const nowMs = this.#now();
    return this.members.map((entry) => snapshotOf(entry, nowMs));
  }

  /** Takes what has changed; `isStrict`: what `open` throws is thrown on. */
  apply(change: Omit<ListingChange, "listing">, isStrict: boolean = false): void {
    if (this.#isClosed) return;
    const { subset } = this.#settings;
    const isFirst = this.members.length === 0;
    for (const instance of change.removed) {
      this.#listed.delete(instance.id);
      subset?.remove(instance.id);
      const entry = this.#byId.get(instance.id);
      if (entry !== undefined) this.#leave(entry);
    }
    for (const instances of [change.changed, change.added]) {
      for (const instance of instances) {
        if (!this.#listed.has(instance.id)) subset?.add(instance.id);
        this.#listed.set(instance.id, instance);
        if (subset === undefined || this.#byId.has(instance.id)) this.#take(instance, isFirst, isStrict);
      }
    }
    if (subset === undefined) return;
    const chosen = new Set(subset.chosen());
    for (const entry of [...this.members]) if (!chosen.has(entry.instance.id)) this.#leave(entry);
    for (const id of chosen) if (!this.#byId.has(id)) this.#take(this.#listed.get(id)!, isFirst, isStrict);
  }

  failed(entry: Entry<unknown>, startMs: number, nowMs: number): void {
    if (this.#outliers === undefined || !entry.isListed) return;
    this.#outliers.failed(entry, startMs, nowMs);
    this.#dueMs = Math.min(this.#outliers.dueMs, this.#slowStart.dueMs);
  }

  left(entry: Entry<unknown>): void {
    this.#ways.end(entry as Entry<T>);
  }

  ejected(entry: Entry<unknown>, because: Because, forMs: number): void {
    this.#routes.rank(entry);
    this.#tell({ kind: "ejected", instance: entry.instance, because, forMs });
  }

  spared(entry: Entry<unknown>, because: Because): void {
    this.#tell({ kind: "spared", instance: entry.instance, because });
  }

  returned(entry: Entry<unknown>, nowMs: number): void {
    this.#slowStart.begin(entry, nowMs);
    this.#routes.rank(entry);
    this.#tell({ kind: "returned", instance: entry.instance });
  }

  /** Takes an instance as it is now: it may be new, changed, or the same. */
  #take(instance: Instance, isFirst: boolean, isStrict: boolean): void {
    const known = this.#byId.get(instance.id);
    if (known?.instance.address === instance.address) return this.#alter(known, instance);
    // Another address is another process: what was learned of the old one is not true of it.
    if (known !== undefined) this.#leave(known);
    const entry = this.#ways.open(instance, this, isStrict);
    if (entry === undefined) return;
    this.#byId.set(instance.id, entry);
    entry.index = this.members.push(entry) - 1;
    entry.share = 1;
    entry.weight = instance.weight * entry.copies;
    if (!isFirst) this.#starts(entry);
    this.#routes.join(entry);
    if (this.#settings.onEvent !== undefined) this.#tell({ kind: "added", instance });
  }

  #alter(entry: Entry<T>, instance: Instance): void {
    const before = entry.instance;
    if (before === instance) return;
    entry.instance = instance;
    if (before.health !== "up" && instance.health === "up") this.#starts(entry);
    const isMoved =
      before.priority !== instance.priority || before.zone !== instance.zone || before.version !== instance.version;
    if (isMoved) {
      this.#routes.part(entry);
      this.#routes.join(entry);
    } else if (before.health !== instance.health) this.#routes.rank(entry);
    this.#routes.weigh(entry);
    if (this.#settings.onEvent !== undefined) this.#tell({ kind: "changed", instance });
  }

  #leave(entry: Entry<T>): void {
    entry.isListed = false;
    this.#outliers?.forget(entry);
    this.#slowStart.forget(entry);
    this.#routes.part(entry);
    const last = this.members.pop()!;
    if (last !== entry) {
      this.members[entry.index] = last;
      last.index = entry.index;
    }
    this.#byId.delete(entry.instance.id);
    this.#ways.leave(entry);
    if (!this.#isClosed && this.#settings.onEvent !== undefined)
      this.#tell({ kind: "removed", instance: entry.instance });
  }

  #starts(entry: Entry<T>): void {
    this.#slowStart.begin(entry, this.#clock.now());
    this.#dueMs = Math.min(this.#dueMs, this.#slowStart.dueMs);
  }

  /** Does what time has made due: it comes with picks, so that there is no timer and an idle balancer costs nothing. */
  #look(nowMs: number): void {
    const outliers = this.#outliers;
    if (outliers !== undefined && nowMs >= outliers.dueMs) outliers.look(nowMs);
    if (nowMs >= this.#slowStart.dueMs) this.#slowStart.step(nowMs);
    this.#dueMs = Math.min(outliers?.dueMs ?? Infinity, this.#slowStart.dueMs);
  }

  #now(): number {
    const nowMs = this.#clock.now();
    this.#look(nowMs);
    this.#routes.plan();
    return nowMs;
  }

  #tell(event: BalanceEvent): void {
    try {
      this.#settings.onEvent?.(event);
    } catch {
      // News must neither fail a call nor stop half-way what they tell of.
    }
  }
}
