/**
 * The last known list, kept where it outlives the process.
 *
 * @module
 */
import { instance, type Instance, type InstanceInput } from "./instance.ts";

/** Where a list is kept: `fileSnapshot` of `servicekit/discovery/file`, or a place of one's own. */
export interface Snapshot {
  /** What was saved last; undefined: nothing yet. */
  load(): Promise<string | undefined>;
  save(text: string): Promise<void>;
}

/** The text of a list. */
function snapshotText(instances: readonly Instance[]): string {
  return `${JSON.stringify({ snapshot: 1, instances })}\n`;
}

/**
 * The list of a text.
 *
 * @throws {Error} when it is none.
 */
export function snapshotInstances(text: string): readonly Instance[] {
  const read = JSON.parse(text) as { snapshot?: unknown; instances?: unknown } | null;
  if (read?.snapshot !== 1 || !Array.isArray(read.instances)) throw new Error("it is not a snapshot of instances");
  return read.instances.map((one) => instance(one as InstanceInput));
}

/** Saves lists one after the other; while one is being saved only the newest waits. */
export class SnapshotSaver {
  readonly #snapshot: Snapshot;
  readonly #failed: (error: unknown) => void;
  #next: readonly Instance[] | undefined = undefined;
  #isSaving = false;

  constructor(snapshot: Snapshot, failed: (error: unknown) => void) {
    this.#snapshot = snapshot;
    this.#failed = failed;
  }

  save(instances: readonly Instance[]): void {
    this.#next = instances;
    if (!this.#isSaving) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isSaving = true;
    while (this.#next !== undefined) {
      const instances = this.#next;
      this.#next = undefined;
      try {
        await this.#snapshot.save(snapshotText(instances));
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#isSaving = false;
  }
}
