import { z } from "zod";
import { expectTypeOf, it } from "vitest";
import {
  service,
  method,
  error,
  key,
  type Middleware,
  type StreamMiddleware,
  type Gate,
  type Client,
  type Service,
  type Handlers,
} from "../index.ts";
import { routes } from "../transport/http/routes.ts";
import type { Result } from "./index.ts";
const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const tooBig = error("too_big", { code: "out_of_range", details: z.object({ max: z.number() }) });
const pair = z.object({ a: z.int(), b: z.int() }),
  v = z.object({ v: z.int() });
export const add = service("add", {
  sum: method({ request: pair, response: v, errors: [twoZeroes, tooBig], idempotent: true }),
  concat: method({ request: z.object({ a: z.string(), b: z.string() }), response: z.object({ v: z.string() }) }),
  count: method({ request: z.object({ to: z.int() }), response: v, stream: "server" }),
});
const profile = z.object({ id: z.string(), name: z.string(), born: z.iso.datetime().transform((s) => new Date(s)) });
const profiles = service("profiles", {
  get: method({
    request: z.object({ id: z.string(), fields: z.string().optional() }),
    response: profile,
    idempotent: true,
  }),
  put: method({ request: z.object({ id: z.string(), profile }), response: z.object({}) }),
});
const user = key<{ id: string }>("user");
const noUser = error("no_user", { code: "unauthenticated" });
const auth: Gate = (context, m) => (context.metadata("authorization") ? context.with(user, { id: m.name }) : noUser());
const small: Middleware<{ a: number }> = (next) =>
  function small(request, context) {
    if (request.a > 9) throw tooBig({ max: 9 });
    return next(request, context);
  };
const impl = add.implement(
  {
    sum: ({ a, b }) => (a === 0 && b === 0 ? twoZeroes() : a > 9 ? tooBig({ max: 9 }) : { v: a + b }),
    concat: async ({ a, b }, context) => ({ v: a + b + context.need(user).id }),
    async *count({ to }) {
      for (let i = 0; i < to; i++) yield { v: i };
    },
  },
  { gates: [auth], methods: { sum: { limit: { perSecond: 1, burst: 1 }, use: [small] } } },
);
const rest = routes(profiles, {
  get: { path: "GET /profiles/{id}", query: ["fields"] },
  put: { path: "PUT /profiles/{id}", body: "profile" },
});
const store = profiles.implement({
  get: ({ id }) => ({ id, name: "x", born: new Date(0).toISOString() }),
  put: ({ profile: p }) => (p.born.getTime(), {}),
});
declare const remote: Client<typeof add.methods>;
const tenant: Middleware<{ tenant: string }> = (n) => n;
const h = {
  concat: () => ({ v: "" }),
  async *count() {
    yield { v: 1 };
  },
};
const other = error("other", { code: "aborted" });
declare const plain: Middleware;
declare const st: StreamMiddleware;
const h2 = {
  sum: () => ({ v: 1 }),
  concat: () => ({ v: "" }),
  async *count() {
    yield { v: 1 };
  },
};
type Y<A, B> = A extends B ? true : false;
type M<S> = S extends Service<infer X> ? X : never;
export const y1: Y<Client<M<typeof add>>, Handlers<M<typeof add>>> = true;
export const y2: Y<Handlers<M<typeof add>>, Client<M<typeof add>>> = false;
export const y3: Y<Client<M<typeof profiles>>, Handlers<M<typeof profiles>>> = false;
it("types", () => {
  void impl;
  void rest;
  void store;
  expectTypeOf<Parameters<typeof remote.sum>[0]>().toEqualTypeOf<{ a: number; b: number }>();
  expectTypeOf<Awaited<ReturnType<typeof remote.sum.try>>["ok"]>().toEqualTypeOf<boolean>();
  type R = Awaited<ReturnType<typeof remote.concat.try>>;
  expectTypeOf<R>().toEqualTypeOf<Result<{ v: string }, never>>();
  async () => {
    const r = await remote.sum.try({ a: 0, b: 0 }, { timeoutMs: 50 });
    if (r.ok) return r.value.v;
    switch (r.error.reason) {
      case "two_zeroes":
        return 0;
      case "too_big":
        return r.error.details.max;
    }
  };
  // @ts-expect-error undeclared error / wrong response
  () => add.implement({ ...h, sum: () => ({ w: 1 }) });
  // @ts-expect-error
  () => add.implement({ ...h, sum: () => ({ v: 1 }) }, { methods: { sum: { use: [tenant] } } });
  // @ts-expect-error
  () => add.implement({ ...h, sum: () => ({ v: 1 }) }, { methods: { nope: {} } });
  // @ts-expect-error no field {uid}
  () => routes(profiles, { get: "GET /profiles/{uid}" });
  routes(profiles, { get: "GET /profiles/{id}" });
  // @ts-expect-error unknown field in query
  () => routes(profiles, { get: { path: "GET /p/{id}", query: ["nope"] } });
  // @ts-expect-error undeclared error returned
  () => add.implement({ ...h, sum: () => other() });
  () => add.implement(h2, { methods: { count: { use: [st] } } });
  // @ts-expect-error a unary middleware on a stream method
  () => add.implement(h2, { methods: { count: { use: [plain] } } });
  () => add.implement(remote);
});
