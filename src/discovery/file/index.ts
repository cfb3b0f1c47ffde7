/**
 * Instances from a file that is watched, and snapshots of lists in files.
 *
 * @module
 */
export { file, type FileOptions } from "./file.ts";
export { fileSnapshot } from "./file-snapshot.ts";
