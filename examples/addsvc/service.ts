/**
 * The add service: its contract, its rules, and what stands around the rules. It knows no wire.
 *
 * @module
 */
import { error, method, service, type Context, type Handlers } from "servicekit";
import { logOf } from "servicekit/log";
import type { Registry } from "servicekit/metrics";
import { z } from "zod";

export const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
export const overflow = error("int_overflow", { code: "out_of_range", message: "integer overflow" });
export const tooLong = error("max_size_exceeded", { code: "out_of_range", message: "result exceeds maximum size" });

// Absent fields are Go's zero values.
const int = z.int().default(0), text = z.string().default("");

export const add = service("add", {
  sum: method({
    request: z.object({ a: int, b: int }),
    response: z.object({ v: z.int() }),
    errors: [twoZeroes, overflow],
    idempotent: true,
  }),
  concat: method({
    request: z.object({ a: text, b: text }),
    response: z.object({ v: z.string() }),
    errors: [tooLong],
    idempotent: true,
  }),
});

export type AddService = Handlers<typeof add.methods>;

const MAX = 2 ** 31 - 1, MIN = -(2 ** 31), MAX_BYTES = 10;

export const basic: AddService = {
  sum({ a, b }) {
    if (a === 0 && b === 0) return twoZeroes();
    if ((b > 0 && a > MAX - b) || (b < 0 && a < MIN - b)) return overflow();
    return { v: a + b };
  },
  concat: ({ a, b }) => (Buffer.byteLength(a) + Buffer.byteLength(b) > MAX_BYTES ? tooLong() : { v: a + b }),
};

/** Logs every call with its arguments and outcome. */
export function logging(next: AddService): AddService {
  const logged = <A extends { a: unknown; b: unknown }, R>(name: string, handler: (request: A, context: Context) => R) =>
    async (request: A, context: Context): Promise<Awaited<R>> => {
      const result = await handler(request, context);
      const { v = null, message = null } = result as { v?: unknown; message?: unknown };
      logOf(context).info("", { method: name, a: request.a, b: request.b, v, err: message });
      return result;
    };
  return { sum: logged("Sum", next.sum), concat: logged("Concat", next.concat) };
}

/** Counts what was summed and concatenated. */
export function instrumenting(next: AddService, metrics: Registry): AddService {
  const name = (what: string, help: string) => metrics.counter({ name: `example_addsvc_${what}`, help });
  const ints = name("integers_summed", "Total count of integers summed via the Sum method.");
  const chars = name("characters_concatenated", "Total count of characters concatenated via the Concat method.");
  return {
    async sum(request, context) {
      const result = await next.sum(request, context);
      // A counter only grows: a negative sum took Go kit's service down.
      if ("v" in result) ints.inc(Math.max(0, result.v));
      return result;
    },
    async concat(request, context) {
      const result = await next.concat(request, context);
      if ("v" in result) chars.inc(Buffer.byteLength(result.v));
      return result;
    },
  };
}
