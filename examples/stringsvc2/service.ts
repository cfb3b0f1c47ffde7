/**
 * The string service: contract and functions. It knows no wire, no log and no metric.
 *
 * @module
 */
import { error, method, service } from "servicekit";
import { z } from "zod";

export const emptyString = error("empty_string", { code: "invalid_argument", message: "empty string" });

const request = z.object({ s: z.string().default("") });

export const strings = service("strings", {
  uppercase: method({ request, response: z.object({ v: z.string() }), errors: [emptyString], idempotent: true }),
  count: method({ request, response: z.object({ v: z.int() }), idempotent: true }),
});

export const basic = {
  uppercase: ({ s }: { s: string }) => (s === "" ? emptyString() : { v: s.toUpperCase() }),
  count: ({ s }: { s: string }) => ({ v: Buffer.byteLength(s) }),
};
