/**
 * Instances from a JSON file: for a handful of machines, for what a template or a configuration tool writes, for tests.
 *
 * @module
 */
import { resolve } from "node:path";
import { checkNames, checkString } from "../../internal/check.ts";
import { source, sourceOptionNames, sourceOptions, type Source, type SourceOptions } from "../index.ts";
import { watchFile } from "./watch-file.ts";

/** How a file is watched. */
export interface FileOptions extends SourceOptions {
  /** Which list of a file that has several. Default: the file is one list. */
  readonly service?: string | undefined;
}

/**
 * Makes a source of a JSON file: a list of addresses and instances, or an object with such a list for each service
 * (`{"add": ["10.0.0.1:8081", {"address": "10.0.0.2:8081", "weight": 2}]}`). A change is seen at once where the system tells
 * of it, and within `intervalMs` (default 10 s) elsewhere. A file that is missing, half written or broken changes nothing; `listing.error`
 * says what is wrong with it.
 *
 * @throws {RangeError} when an option is wrong.
 *
 * @example
 * ```ts
 * import { rmSync, writeFileSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { file } from "servicekit/discovery/file";
 *
 * const path = `${tmpdir()}/instances-${process.pid}.json`;
 * writeFileSync(path, '{"add": ["10.0.0.1:8081"]}');
 * const { instances } = await file(path, { service: "add" }).ready();
 * instances[0]?.address; // => "10.0.0.1:8081"
 * rmSync(path);
 * ```
 */
export function file(path: string, options: FileOptions = {}): Source {
  checkString("path", path);
  checkNames("file", options, ["service", ...sourceOptionNames]);
  // A file that is missing costs little to look for, and comes back the moment somebody writes it.
  const { service, intervalMs = 10_000, retryBaseMs = 100, retryMaxMs = 1000 } = options;
  if (service !== undefined) checkString("service", service);
  const name = service === undefined ? `file ${path}` : `file ${path} ${service}`;
  const watch = watchFile(resolve(path), service, intervalMs);
  return source({
    ...sourceOptions(options),
    retryBaseMs,
    retryMaxMs,
    name,
    ...(service === undefined ? {} : { service }),
    watch,
  });
}
