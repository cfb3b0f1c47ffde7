/**
 * How EndpointSlices are watched: a list, then every event after it, again and again, since an API server ends each watch
 * after a while. When it no longer knows the version to go on from (410), the list is read anew.
 *
 * @module
 */
import { RegistryError } from "../http/index.ts";
import { record, text } from "../http/json-fields.ts";
import type { Watch, WatchSession } from "../watch.ts";
import type { SliceApi, SliceEvent } from "./api.ts";
import { mergeSlices, readSlice, type SliceInstances, type Wanted } from "./slice.ts";
import { isOlder } from "./version.ts";

/** How slices are watched. */
export interface SliceWatchSettings {
  readonly wanted: Wanted;
  /** After how many seconds the server is to end a watch: a sign of life, if nothing else is. */
  readonly timeoutSeconds: number;
}

/** A watch over the slices of one service. */
export function sliceWatch(open: () => Promise<SliceApi>, settings: SliceWatchSettings): Watch {
  const follower = new Follower(settings);
  return async function watchSlices(session: WatchSession) {
    const api = await open();
    try {
      session.signal.throwIfAborted();
      await follower.run(session, api);
    } finally {
      api.close();
    }
  };
}

interface Known {
  readonly version: string;
  /** Undefined: it was deleted, and an older event about it says nothing. */
  readonly slice: SliceInstances | undefined;
}

/** So many deleted slices are remembered. */
const MAX_GONE = 1000;
/** A watch that ends sooner, and says nothing, was not ended by its time. */
const MIN_WATCH_MS = 500;

class Follower {
  readonly #settings: SliceWatchSettings;
  #known: Map<string, Known> = new Map();
  #gone = 0;
  /** All up to here is known; undefined: nothing is. */
  #version: string | undefined = undefined;

  constructor(settings: SliceWatchSettings) {
    this.#settings = settings;
  }

  async run(session: WatchSession, api: SliceApi): Promise<void> {
    if (this.#version === undefined || session.position !== this.#version) await this.#list(session, api);
    for (let [wasGone, wasShort] = [false, false]; ;) {
      const startMs = session.clock.now();
      const end = await this.#follow(session, api);
      const isShort = end === "silent" && session.clock.now() - startMs < MIN_WATCH_MS;
      // Once may be a server that is being restarted.
      if (isShort && wasShort) throw new Error("the API server ends every watch at once");
      if (end === "gone" && wasGone)
        throw new Error("the API server does not know the version that it gave a moment ago");
      if (end === "gone") await this.#list(session, api);
      [wasGone, wasShort] = [end === "gone", isShort];
    }
  }

  async #list(session: WatchSession, api: SliceApi): Promise<void> {
    const read = async (): Promise<void> => {
      const known = new Map<string, Known>();
      const version = await api.list(session.signal, (slice) => this.#note(known, slice));
      session.signal.throwIfAborted();
      [this.#known, this.#gone, this.#version] = [known, 0, version];
    };
    try {
      await read();
    } catch (error) {
      // A list of many pages may become too old while it is read.
      if (!isGone(error)) throw error;
      await read();
    }
    this.#tell(session);
  }

  #tell(session: WatchSession): void {
    const slices: SliceInstances[] = [];
    for (const { slice } of this.#known.values()) {
      if (slice === undefined) continue;
      slices.push(slice);
      for (const problem of slice.problems) session.skipped(problem);
    }
    session.list(mergeSlices(slices), this.#version);
  }

  async #follow(session: WatchSession, api: SliceApi): Promise<"gone" | "silent" | "ended"> {
    const { signal } = session;
    const from = { version: this.#version!, timeoutSeconds: this.#settings.timeoutSeconds };
    let end: "silent" | "ended" = "silent";
    try {
      for await (const event of api.watch(from, signal, () => session.alive())) {
        signal.throwIfAborted();
        if (event.type === "ERROR") throw failureOf(event);
        this.#apply(session, event);
        end = "ended";
      }
    } catch (error) {
      if (isGone(error)) {
        this.#forget(session);
        return "gone";
      }
      if (isNotOurs(error)) this.#forget(session);
      throw error;
    }
    return end;
  }

  #apply(session: WatchSession, { type, object }: SliceEvent): void {
    const { name, version } = metaOf(object);
    if (type === "BOOKMARK") this.#advance(version);
    else if (type === "DELETED") this.#delete(name, version);
    else if (type === "ADDED" || type === "MODIFIED") {
      if (this.#note(this.#known, object)) this.#advance(version);
    }
    this.#tell(session);
  }

  /** Takes a slice, unless a later state of it is known. */
  #note(known: Map<string, Known>, object: unknown): boolean {
    const { name, version } = metaOf(object);
    const before = known.get(name);
    if (before !== undefined && isOlder(version, before.version)) return false;
    const slice = readSlice(record(object), this.#settings.wanted);
    known.set(name, { version, slice });
    return true;
  }

  #delete(name: string, version: string): void {
    const before = this.#known.get(name);
    if (before !== undefined && isOlder(version, before.version)) return;
    this.#known.delete(name);
    this.#known.set(name, { version, slice: undefined });
    this.#advance(version);
    if (before?.slice === undefined && before !== undefined) return;
    if (++this.#gone <= MAX_GONE) return;
    for (const [oldest, { slice }] of this.#known) {
      if (slice !== undefined) continue;
      this.#known.delete(oldest);
      this.#gone--;
      return;
    }
  }

  #advance(version: string): void {
    if (version !== "" && !isOlder(version, this.#version!)) this.#version = version;
  }

  #forget(session: WatchSession): void {
    this.#version = undefined;
    session.forget();
  }
}

function metaOf(object: unknown): { readonly name: string; readonly version: string } {
  const { name, resourceVersion } = record(record(object)["metadata"]);
  return { name: text(name) ?? "", version: text(resourceVersion) ?? "" };
}

function failureOf({ object }: SliceEvent): RegistryError {
  const { code, message } = record(object);
  const status = typeof code === "number" ? code : undefined;
  const said = text(message)?.slice(0, 200) ?? "it gave no reason";
  return new RegistryError(`the API server ended the watch: ${said}`, { status, excerpt: said });
}

function isGone(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 410;
}

/** Whether the server says that it has not come as far yet, or cannot read the version at all: it is another one now. */
function isNotOurs(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return error.status === 400 || (error.status === 504 && /too large resource version/i.test(error.excerpt));
}
