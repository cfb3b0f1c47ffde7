/**
 * What a call knows of its method, for tests that make calls by hand.
 *
 * @module
 */
import type { MethodInfo } from "../src/endpoint/index.ts";

/** A method of a server that may be called twice, in all that is not said otherwise. */
export function methodInfo(said: Partial<MethodInfo> = {}): MethodInfo {
  return {
    service: "add",
    name: "sum",
    kind: "unary",
    side: "server",
    idempotent: true,
    errors: [],
    timeoutMs: 3000,
    ...said,
  };
}
