/**
 * The last known list in a file, so that a program that starts while its registry is away has something to go by.
 *
 * @module
 */
import { open, readFile, rename, rm } from "node:fs/promises";
import { checkString } from "../../internal/check.ts";
import type { Snapshot } from "../index.ts";

let saves = 0;

/**
 * Keeps a snapshot in a file. It is written beside its place and then renamed, so that there is always a whole one; the
 * folder has to be there. Two processes on one machine may share it: the last who writes wins.
 *
 * @throws {RangeError} when the path is empty.
 *
 * @example
 * ```ts
 * import { rmSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { fileSnapshot } from "servicekit/discovery/file";
 *
 * const path = `${tmpdir()}/add-instances-${process.pid}.json`;
 * const snapshot = fileSnapshot(path);
 * await snapshot.load(); // => undefined
 * await snapshot.save("{}");
 * await snapshot.load(); // => "{}"
 * rmSync(path);
 * ```
 */
export function fileSnapshot(path: string): Snapshot {
  checkString("path", path);
  return {
    async load() {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async save(text) {
      const beside = `${path}.${process.pid}-${++saves}.tmp`;
      try {
        const handle = await open(beside, "w", 0o644);
        try {
          await handle.writeFile(text);
          // A rename may reach the disk before what was written: after a power cut the file would be empty.
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(beside, path);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    },
  };
}
