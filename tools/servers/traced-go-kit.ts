/**
 * A service of Go kit's that is traced by its own tracing/zipkin, and stands between two others.
 *
 * @module
 */
import { started, type Fetched, type Started } from "./fetched.ts";
import { goProgram } from "./go-program.ts";

/** Its program. */
export function tracedGoKitProgram(): Fetched {
  return goProgram(new URL("./gokit/", import.meta.url));
}

/** Runs it: it tells `zipkin` of its spans, and asks `next` for its answers. */
export function tracedGoKit(program: string, zipkin: string, next: string): Promise<Started> {
  return started({ line: (port) => [program, `127.0.0.1:${port}`, zipkin, next], ready: "/health" });
}
