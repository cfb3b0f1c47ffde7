/**
 * Multipart uploads over HTTP, read while they arrive: fields and files of any size, none of them held in memory.
 *
 * @module
 */
export { multipart } from "./codec.ts";
export { partsSchema } from "./parts.ts";
export type { MultipartOptions } from "./limits.ts";
export type { Part } from "./part.ts";
export type { PartInit, PartsInit } from "./write.ts";
