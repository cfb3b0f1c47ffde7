/**
 * Zipkin: spans in its second JSON form to its server.
 *
 * @module
 */
export { zipkinTraces, type ZipkinOptions, type ZipkinStats, type ZipkinTraces } from "./traces.ts";
