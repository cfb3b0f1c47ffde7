// What a user writes first, compiled against the packed tarball. Types only: nothing here runs.
import { error, method, service, ServiceError } from "servicekit";
import { z } from "zod";

const twoZeroes = error("two_zeroes", { code: "invalid_argument" });

export const add = service("add", {
  sum: method({
    request: z.object({ a: z.int(), b: z.int() }),
    response: z.object({ v: z.int() }),
    errors: [twoZeroes],
    idempotent: true,
  }),
});

export const implementation = add.implement({
  sum: ({ a, b }) => (a === 0 && b === 0 ? twoZeroes() : { v: a + b }),
});

// @ts-expect-error a field that the schema does not have
add.implement({ sum: ({ c }) => ({ v: c }) });

export function codeOf(thrown: unknown): string {
  return ServiceError.is(thrown) ? thrown.code : "none";
}
