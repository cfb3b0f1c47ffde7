/**
 * The bounds of an upload.
 *
 * @module
 */
import { checkNames, checkNumber } from "../../internal/check.ts";

/** What an upload may be. */
export interface MultipartOptions {
  /** Parts of one body, from 1. Default: 100. */
  readonly maxParts?: number | undefined;
  /** Bytes of a part without a file name, from 0. Default: 64 KiB. */
  readonly maxFieldBytes?: number | undefined;
  /** Bytes of a part with a file name, from 0. Default: 100 MiB. Nothing of it is held in memory. */
  readonly maxFileBytes?: number | undefined;
  /** Bytes of a whole body, from 0. Default: 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** Bytes of the headers of one part, 64 to 1 MiB. Default: 8 KiB. */
  readonly maxHeaderBytes?: number | undefined;
  /** Headers of one part, from 1. Default: 16; a part needs two. */
  readonly maxHeaders?: number | undefined;
}

/** The bounds with every default filled in. */
export interface MultipartSettings {
  readonly maxParts: number;
  readonly maxFieldBytes: number;
  readonly maxFileBytes: number;
  readonly maxBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
}

const NAMES = ["maxParts", "maxFieldBytes", "maxFileBytes", "maxBytes", "maxHeaderBytes", "maxHeaders"] as const;

/** Checks bounds and fills in the defaults. */
export function multipartSettings(options: MultipartOptions): MultipartSettings {
  checkNames("multipart", options, NAMES);
  const bound = (name: (typeof NAMES)[number], usual: number, min: number): number =>
    checkNumber(name, options[name] ?? usual, { min, max: Number.MAX_SAFE_INTEGER, integer: true });
  return {
    maxParts: bound("maxParts", 100, 1),
    maxFieldBytes: bound("maxFieldBytes", 65_536, 0),
    maxFileBytes: bound("maxFileBytes", 100 * 2 ** 20, 0),
    maxBytes: bound("maxBytes", 2 ** 30, 0),
    maxHeaderBytes: checkNumber("maxHeaderBytes", options.maxHeaderBytes ?? 8192, {
      min: 64,
      max: 2 ** 20,
      integer: true,
    }),
    maxHeaders: bound("maxHeaders", 16, 1),
  };
}
