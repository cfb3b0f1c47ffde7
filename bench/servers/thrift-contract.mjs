// The contract of the Thrift benchmark; its IDL is what the package's code is generated from.
import { method, service } from "servicekit";
import { z } from "zod";

const int = z.int();
export const add = service("add", {
  sum: method({ request: z.object({ a: int, b: int }), response: z.object({ v: int }), idempotent: true }),
});
