/**
 * The add service: its contract, its rules, and what stands around the rules. It knows no wire.
 *
 * @module
 */
import { error, method, service, ServiceError, type Context, type Handlers } from "servicekit";
import { logOf, type Fields } from "servicekit/log";
import type { Registry } from "servicekit/metrics";
import { z } from "zod";

export const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
export const overflow = error("int_overflow", { code: "out_of_range", message: "integer overflow" });
export const tooLong = error("max_size_exceeded", { code: "out_of_range", message: "result exceeds maximum size" });

// An absent field is Go's zero value.
const int = z.int().default(0);
const text = z.string().default("");

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

const MAX = 2 ** 31 - 1;
const MIN = -(2 ** 31);
const MAX_BYTES = 10;

/** The rules. A sum is held to 32 bits only where something is added: 5000000000 + 0 is fine, as in Go. */
export const basic: AddService = {
  sum({ a, b }) {
    if (a === 0 && b === 0) return twoZeroes();
    if ((b > 0 && a > MAX - b) || (b < 0 && a < MIN - b)) return overflow();
    return { v: a + b };
  },
  concat: ({ a, b }) => (Buffer.byteLength(a) + Buffer.byteLength(b) > MAX_BYTES ? tooLong() : { v: a + b }),
};

/** Writes a line per call: what was asked, and what came of it. */
export function logging(next: AddService): AddService {
  return {
    sum: async (request, context) => told(context, { method: "Sum", ...request }, await next.sum(request, context)),
    concat: async (request, context) =>
      told(context, { method: "Concat", ...request }, await next.concat(request, context)),
  };
}

function told<R extends { v: unknown } | ServiceError>(context: Context, asked: Fields, result: R): R {
  const isError = ServiceError.is(result);
  logOf(context).info("", { ...asked, v: isError ? null : result.v, err: isError ? result.message : null });
  return result;
}

/** Counts what was summed and concatenated. */
export function instrumenting(next: AddService, metrics: Registry): AddService {
  const ints = metrics.counter({
    name: "example_addsvc_integers_summed",
    help: "Total count of integers summed via the Sum method.",
  });
  const bytes = metrics.counter({
    name: "example_addsvc_characters_concatenated",
    help: "Total count of characters concatenated via the Concat method.",
  });
  return {
    async sum(request, context) {
      const result = await next.sum(request, context);
      // A counter only grows. Go kit adds what is negative too, and its service panics.
      if (!ServiceError.is(result)) ints.inc(Math.max(0, result.v));
      return result;
    },
    async concat(request, context) {
      const result = await next.concat(request, context);
      if (!ServiceError.is(result)) bytes.inc(Buffer.byteLength(result.v));
      return result;
    },
  };
}
