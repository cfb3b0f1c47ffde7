/**
 * Watches one file: its folder tells of changes, its content decides whether there was one, and a look now and then finds
 * what the folder did not tell.
 *
 * @module
 */
import { watch as watchFolder, type FSWatcher } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Clock } from "../../time/index.ts";
import type { Watch, WatchSession } from "../index.ts";
import { parseInstances } from "./parse-instances.ts";

// Editors and tools write in several steps; between the first and the last the file is empty or cut off.
const CALM_MS = 50;

// After so many calm moments a broken file is not being written any more.
const PATIENCE = 5;

/** The largest file that is read: above that it is something else than a list of instances. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Makes the watch of a file; `service` picks a list of it. */
export function watchFile(path: string, service: string | undefined, intervalMs: number): Watch {
  async function follow(session: WatchSession): Promise<void> {
    const { signal, clock } = session;
    const bell = new Bell(clock, signal);
    let folder: FSWatcher | undefined;
    let last: string | undefined;
    // The folder and not the file: after a rename the file would be another.
    try {
      folder = watchFolder(dirname(path), { persistent: false }, (_, name) => {
        if (name === null || name === basename(path)) bell.ring();
      });
      folder.on("error", () => bell.ring());
    } catch {
      // No folder, or no watches left: the look now and then is enough, and reading tells of the rest.
    }
    try {
      for (let misses = 0; !signal.aborted;) {
        bell.hush();
        const text = await read(path, signal);
        if (signal.aborted) return;
        if (text === last) {
          misses = 0;
          session.alive();
          await bell.wait(intervalMs);
          continue;
        }
        try {
          const entries = parseInstances(text, service);
          last = text;
          misses = 0;
          session.list(entries);
        } catch (error) {
          // It may be half written: only what stays broken is.
          if (++misses >= PATIENCE) throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
        }
        await (misses === 0 ? bell.wait(intervalMs) : bell.pause(CALM_MS));
      }
    } finally {
      folder?.close();
      bell.close();
    }
  }
  // It looks by itself; silence could only mean a file system that hangs.
  return Object.assign(follow, { intervalMs: CALM_MS, silenceMs: Math.max(30_000, intervalMs * 3) });
}

async function read(path: string, signal: AbortSignal): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, more than the ${MAX_BYTES} that are read`);
  return readFile(path, { encoding: "utf8", signal });
}

/** Wakes whoever waits, once what rang has been calm for a moment. */
class Bell {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #hasRung = false;
  #wake: (() => void) | undefined = undefined;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener("abort", this.#end);
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  /** What rang before is seen to. */
  hush(): void {
    this.#hasRung = false;
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#end);
  }

  /** Until it rings, and a moment longer; or until the time is over. */
  async wait(ms: number): Promise<void> {
    if (!this.#hasRung) await this.pause(ms);
    if (this.#hasRung) await this.pause(CALM_MS, false);
  }

  pause(ms: number, mayWake = true): Promise<void> {
    return new Promise((resolve) => {
      if (this.#signal.aborted) return resolve();
      const end = (): void => {
        timer.cancel();
        this.#wake = undefined;
        this.#stop = undefined;
        resolve();
      };
      const timer = this.#clock.expire(ms, { expire: end });
      this.#stop = end;
      if (mayWake) this.#wake = end;
    });
  }

  #stop: (() => void) | undefined = undefined;
  readonly #end = (): void => this.#stop?.();
}
