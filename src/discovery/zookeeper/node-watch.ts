/**
 * Watches the children of a node: each is an instance.
 *
 * @module
 */
import type { ServiceError } from "../../errors/index.ts";
import { shown } from "../../internal/check.ts";
import type { InstanceInput, Watch, WatchSession } from "../index.ts";
import type { Connection } from "./connection.ts";
import type { Link } from "./link.ts";
import { exists, getChildren, getData, type Asking, type Stat } from "./operations.ts";

/** What is watched, and over what. */
export interface NodeWatch {
  readonly connection: Connection;
  /** The node whose children are the instances. */
  readonly path: string;
  /** Reads a child; undefined: it is not an instance. Throws for people when it should be one. */
  readonly decode: (data: Uint8Array, name: string) => InstanceInput | undefined;
}

/** A connection that stood this long was a good one: when it breaks, another is looked for at once. */
const STEADY_MS = 1000;
/** How many nodes are read at the same time: more only fills the server's queue. */
const AT_ONCE = 64;

/** The watch of a node's children. */
export function watchNode(plan: NodeWatch): Watch {
  async function watchZookeeper(session: WatchSession): Promise<void> {
    const release = plan.connection.hold();
    // At once, and not when what waits has woken: who leaves leaves nothing.
    session.signal.addEventListener("abort", release, { once: true });
    try {
      for (;;) {
        const link = await plan.connection.link(session.signal);
        const sinceMs = session.clock.now();
        const following = new Following(plan, session, link);
        try {
          await following.run();
        } catch (error) {
          const wasGood = session.clock.now() - sinceMs >= STEADY_MS;
          // Of an ensemble another server may take over: only when none does has the registry failed.
          if (session.signal.aborted || link.isUp || !wasGood) throw error;
        } finally {
          following.end();
        }
      }
    } finally {
      release();
    }
  }
  // Signs of life come with the heart-beats: one in a third of the session's time.
  return Object.assign(watchZookeeper, { silenceMs: Math.max(60_000, plan.connection.sessionTimeoutMs) });
}

/** A child that is an instance. */
interface Listed {
  readonly input: InstanceInput;
  readonly czxid: bigint;
}

/** A child as it was read. */
type Child = Listed | { readonly error: Error } | "ignored";

/** The watch over one connection. */
class Following {
  readonly #plan: NodeWatch;
  readonly #session: WatchSession;
  readonly #asking: Asking;
  readonly #children = new Map<string, Child>();
  readonly #stale = new Set<string>();
  readonly #stop: () => void;
  readonly #abort = (): void => this.#wake(this.#session.signal.reason as Error);
  #isChanged = true;
  #error: Error | undefined = undefined;
  #waiting: (() => void) | undefined = undefined;

  constructor(plan: NodeWatch, session: WatchSession, link: Link) {
    this.#plan = plan;
    this.#session = session;
    // Without the signal: who leaves has let go of the connection, and many listeners at once look like a leak.
    this.#asking = { link };
    this.#stop = link.listen({
      changed: (path) => this.#changed(path),
      // While a list is on its way it is not known whether the last one still holds.
      heard: () => {
        if (this.#waiting !== undefined) session.alive();
      },
      lost: (error: ServiceError) => this.#wake(error),
    });
    session.signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Lists whenever something has changed; only ever rejects. */
  async run(): Promise<never> {
    for (;;) {
      // Before it is asked: what changes from then on is told again.
      this.#isChanged = false;
      const names = await this.#names();
      if (names !== undefined) {
        await this.#read(names);
        if (this.#error === undefined) this.#list();
      }
      await this.#untilChanged();
    }
  }

  end(): void {
    this.#stop();
    this.#session.signal.removeEventListener("abort", this.#abort);
  }

  #changed(path: string): void {
    const own = this.#plan.path;
    if (path !== own && !path.startsWith(`${own}/`)) return;
    if (path !== own) this.#stale.add(path.slice(own.length + 1));
    this.#isChanged = true;
    this.#waiting?.();
  }

  #wake(error: Error): void {
    this.#error ??= error;
    this.#waiting?.();
  }

  async #untilChanged(): Promise<void> {
    while (this.#error === undefined && !this.#isChanged) {
      await new Promise<void>((resolve) => (this.#waiting = resolve));
      this.#waiting = undefined;
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** Undefined: it appeared while it was looked for, so look again. */
  async #names(): Promise<readonly string[] | undefined> {
    const { path } = this.#plan;
    const names = await getChildren(this.#asking, path, true);
    if (names !== undefined) return names.sort();
    if ((await exists(this.#asking, path, true)) === undefined) return [];
    this.#isChanged = true;
    return undefined;
  }

  async #read(names: readonly string[]): Promise<void> {
    const present = new Set(names);
    for (const name of this.#children.keys()) if (!present.has(name)) this.#children.delete(name);
    for (const name of this.#stale) if (!present.has(name)) this.#stale.delete(name);
    const missing = names.filter((name) => !this.#children.has(name) || this.#stale.has(name));
    let next = 0;
    const readSome = async (): Promise<void> => {
      while (next < missing.length && this.#error === undefined) await this.#readOne(missing[next++]!);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, missing.length) }, readSome));
  }

  async #readOne(name: string): Promise<void> {
    // Before it is asked, as above.
    this.#stale.delete(name);
    const found = await getData(this.#asking, `${this.#plan.path}/${name}`);
    // Gone since it was listed: that is told.
    if (found === undefined) this.#children.delete(name);
    else this.#children.set(name, this.#child(name, found));
  }

  #child(name: string, { data, stat }: { readonly data: Uint8Array; readonly stat: Stat }): Child {
    try {
      const input = this.#plan.decode(data, name);
      return input === undefined ? "ignored" : { input, czxid: stat.czxid };
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      return { error: new Error(`node ${shown(name)} cannot be used: ${words}`, { cause: error }) };
    }
  }

  #list(): void {
    // One that registered anew may stand beside its last self until that one's session is over: the younger counts.
    const youngest = new Map<string, Listed>();
    for (const child of this.#children.values()) {
      if (child === "ignored") continue;
      if ("error" in child) {
        this.#session.skipped(child.error);
        continue;
      }
      const id = child.input.id ?? child.input.address;
      const other = youngest.get(id);
      if (other === undefined || child.czxid > other.czxid) youngest.set(id, child);
    }
    this.#session.list([...youngest.values()].map(({ input }) => input));
  }
}
