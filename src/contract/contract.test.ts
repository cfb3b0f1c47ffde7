import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { served } from "../../test/served.ts";
import {
  error,
  key,
  method,
  service,
  type Client,
  type Gate,
  type Handlers,
  type Middleware,
  type Service,
} from "../index.ts";
import { routes } from "../transport/http/index.ts";
import { shapeOf, type Result } from "./index.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const tooBig = error("too_big", { code: "out_of_range", details: z.object({ max: z.number() }) });
const pair = z.object({ a: z.int(), b: z.int() });
const sum = z.object({ v: z.int() });
const words = z.object({ a: z.string(), b: z.string() });

const add = service("add", {
  sum: method({ request: pair, response: sum, errors: [twoZeroes, tooBig], idempotent: true }),
  concat: method({ request: words, response: z.object({ v: z.string() }) }),
  count: method({ request: z.object({ to: z.int() }), response: sum, stream: "server" }),
});

const user = key<{ readonly id: string }>("user");
const noUser = error("no_user", { code: "unauthenticated" });
const auth: Gate = (context, { name }) =>
  context.metadata("authorization") === undefined ? noUser() : context.with(user, { id: name });
const small: Middleware<{ a: number }> = (next) =>
  function small(request, context) {
    if (request.a > 9) throw tooBig({ max: 9 });
    return next(request, context);
  };

const handlers: Handlers<typeof add.methods> = {
  sum: ({ a, b }) => (a === 0 && b === 0 ? twoZeroes() : { v: a + b }),
  concat: async ({ a, b }, context) => ({ v: a + b + (await Promise.resolve(context.need(user).id)) }),
  async *count({ to }) {
    for (let i = 0; i < to; i++) yield await Promise.resolve({ v: i });
  },
};

// The design's sketch, as it is used: it compiles, and it runs.
describe("the sketch of a service", () => {
  it("is served with its gates, policies and middlewares", async () => {
    const implementation = add.implement(handlers, {
      gates: [auth],
      methods: { sum: { limit: { perSecond: 1, burst: 4 }, use: [small] } },
    });
    await using server = await served(implementation);
    const ask = async (
      path: string,
      body: string,
      headers: Readonly<Record<string, string>> = { Authorization: "me" },
    ): Promise<unknown> => {
      const { status, body: text } = await server.ask({ path, headers, body });
      const answer = JSON.parse(text) as { v?: unknown; reason?: unknown };
      return [status, answer.v ?? answer.reason];
    };
    expect(await ask("/add/sum", '{"a":1,"b":2}')).toEqual([200, 3]);
    expect(await ask("/add/sum", '{"a":0,"b":0}')).toEqual([400, "two_zeroes"]);
    expect(await ask("/add/sum", '{"a":10,"b":0}')).toEqual([400, "too_big"]);
    expect(await ask("/add/sum", '{"a":1,"b":2}', {})).toEqual([401, "no_user"]);
    expect(await ask("/add/sum", '{"a":1,"b":2}')).toEqual([429, "rate_limited"]);
    expect(await ask("/add/concat", '{"a":"x","b":"y"}')).toEqual([200, "xyconcat"]);
  });

  it("has a client whose declared errors are a switch that must be complete", () => {
    type Remote = Client<typeof add.methods>;
    expectTypeOf<Parameters<Remote["sum"]>[0]>().toEqualTypeOf<{ a: number; b: number }>();
    expectTypeOf<Awaited<ReturnType<Remote["concat"]["try"]>>>().toEqualTypeOf<Result<{ v: string }, never>>();
    const told = (result: Awaited<ReturnType<Remote["sum"]["try"]>>): number => {
      if (result.ok) return result.value.v;
      switch (result.error.reason) {
        case "two_zeroes":
          return 0;
        case "too_big":
          return result.error.details.max;
      }
    };
    expect(told({ ok: false, error: tooBig({ max: 9 }) })).toBe(9);
  });

  it("has clients that are handlers where nothing transforms, and only there", () => {
    const born = z.object({ at: z.iso.datetime().transform((text) => new Date(text)) });
    const dates = service("dates", { get: method({ request: z.object({}), response: born }) });
    type M<S> = S extends Service<infer X> ? X : never;
    expectTypeOf<Client<M<typeof add>>>().toExtend<Handlers<M<typeof add>>>();
    expectTypeOf<Handlers<M<typeof add>>>().not.toExtend<Client<M<typeof add>>>();
    expectTypeOf<Client<M<typeof dates>>>().not.toExtend<Handlers<M<typeof dates>>>();
  });

  it("does not compile where it is wrong", () => {
    const other = error("other", { code: "aborted" });
    // @ts-expect-error a response of another shape
    const shape = () => add.implement({ ...handlers, sum: () => ({ w: 1 }) });
    // @ts-expect-error an error the contract does not declare
    const undeclared = () => add.implement({ ...handlers, sum: () => other() });
    const profiles = service("profiles", { get: method({ request: z.object({ id: z.string() }), response: pair }) });
    // @ts-expect-error the path names no field
    const path = () => routes(profiles, { get: "GET /profiles/{uid}" });
    // @ts-expect-error nor does the query
    const query = () => routes(profiles, { get: { path: "GET /profiles/{id}", query: ["nope"] } });
    expect([shape, undeclared, path, query].length).toBe(4);
  });
});

describe("a method", () => {
  it("has defaults that do no harm", () => {
    const { kind, idempotent, timeoutMs, errors } = method({ request: pair, response: sum });
    expect([kind, idempotent, timeoutMs, errors]).toEqual(["unary", false, undefined, []]);
  });

  it("refuses what it is wrongly declared with, by name", () => {
    const right = { request: pair, response: sum };
    const wrong: readonly (readonly [unknown, string])[] = [
      [undefined, "method should be given an object, got undefined"],
      ["sum", 'method should be given an object, got "sum"'],
      [{ ...right, request: undefined }, "request should be a Standard Schema, got undefined"],
      [{ ...right, response: null }, "response should be a Standard Schema, got null"],
      [{ ...right, response: { "~standard": {} } }, "response should be a Standard Schema, got an object"],
      [{ ...right, errors: twoZeroes }, "errors should be a list, got function declared"],
      [{ ...right, errors: [{}] }, "errors should hold what error() returns, got an object"],
      [{ ...right, errors: [() => 1] }, "errors should hold what error() returns, got function (anonymous)"],
      [
        { ...right, errors: [twoZeroes, error("two_zeroes", { code: "aborted" })] },
        'errors should each have a reason of its own, got "two_zeroes" twice',
      ],
      [{ ...right, stream: "both" }, 'stream should be one of "unary", "server", "client", "bidi", got "both"'],
      [{ ...right, idempotent: "no" }, 'idempotent should be true or false, got "no"'],
      [{ ...right, timeoutMs: 0 }, "timeoutMs should be a number from 1 to 86400000, got 0"],
      [{ ...right, timeoutMs: Infinity }, "timeoutMs should be a number from 1 to 86400000, got Infinity"],
      [{ ...right, timeout: 5 }, 'method has no option "timeout", it has request, response, errors'],
    ];
    for (const [spec, says] of wrong) expect(() => method(spec as never)).toThrow(says);
  });
});

describe("a service", () => {
  const one = method({ request: pair, response: sum });

  it("refuses names that could not be a path, a label or a property", () => {
    for (const name of ["", "a b", "1a", "a.", ".a", "a..b", "a/b", "ä", "__proto__", "a".repeat(65), undefined, 5]) {
      expect(() => service(name as never, { one })).toThrow("the service's name should be letters, digits and _");
    }
    for (const name of ["a-b", "", "1a", "a.b", "a b", "_a", "ü", "a".repeat(65)]) {
      expect(() => service("x", { [name]: one })).toThrow(
        "a method of x should be a letter, then up to 63 letters, digits or _",
      );
    }
    expect(service("a.b.c", { a1_B: one }).name).toBe("a.b.c");
  });

  it("refuses methods named like a part of every object or promise", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf", "then"]) {
      expect(() => service("x", { [name]: one })).toThrow(
        `a method of x should not be named like a part of every object or promise, got "${name}"`,
      );
    }
    expect(() => service("x", JSON.parse('{"__proto__":1}') as never)).toThrow("a method of x should be a letter");
  });

  it("refuses what is no method", () => {
    for (const what of [undefined, null, pair, () => 1, "sum", {}]) {
      expect(() => service("x", { one: what } as never)).toThrow("x.one should be what method() returns, got");
    }
  });
});

describe("an implementation", () => {
  it("takes handlers that use `this`: of an object, of a class, inherited ones too", () => {
    const two = service("two", {
      own: method({ request: pair, response: sum }),
      inherited: method({ request: pair, response: sum }),
    });
    class Base {
      protected n = 1;
      inherited(): { v: number } {
        return { v: (this.n += 1) };
      }
    }
    class Mine extends Base {
      own(): { v: number } {
        return { v: (this.n += 10) };
      }
    }
    const mine = new Mine();
    const { handlers } = two.implement(mine);
    expect([handlers["own"]!({} as never, {} as never), handlers["inherited"]!({} as never, {} as never)]).toEqual([
      { v: 11 },
      { v: 12 },
    ]);
    const literal = {
      n: 5,
      own() {
        return { v: this.n };
      },
      inherited: () => ({ v: 0 }),
    };
    expect(two.implement(literal).handlers["own"]!({} as never, {} as never)).toEqual({ v: 5 });
  });

  it("refuses what does not fit, by name", () => {
    const sum = { sum: () => ({ v: 1 }) };
    const one = service("one", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
    const wrong: readonly (readonly [unknown, unknown, string])[] = [
      [undefined, undefined, "one should be implemented by an object of handlers, got undefined"],
      [() => 1, undefined, "one should be implemented by an object of handlers, got function"],
      [{}, undefined, "one.sum should have a handler, got undefined"],
      [{ sum: 5 }, undefined, "one.sum should have a handler, got 5"],
      [{ ...sum, summ: () => 1 }, undefined, 'one has no method "summ" for the handler, it has sum'],
      [sum, { methods: { summ: {} } }, 'one has no method "summ" for the policy, it has sum'],
      [sum, { method: {} }, 'one.implement has no option "method", it has gates, observers, methods'],
      [sum, { gates: auth }, "gates should be a list of functions, got function auth"],
      [sum, { gates: [5] }, "gates[0] should be a function, got 5"],
      [sum, { observers: {} }, "observers should be a list of functions, got an object"],
      [sum, { methods: { sum: { use: small } } }, "one.sum: use should be a list of functions, got function small"],
      [sum, { methods: { sum: { use: [undefined] } } }, "one.sum: use[0] should be a function, got undefined"],
      [
        sum,
        { methods: { sum: { limits: {} } } },
        'one.sum: the policy has no option "limits", it has timeoutMs, limit, breaker, gates, use',
      ],
      [
        sum,
        { methods: { sum: { timeoutMs: Number.NaN } } },
        "one.sum: timeoutMs should be a number from 1 to 86400000, got NaN",
      ],
      [sum, { methods: { sum: { limit: true } } }, "one.sum: limit should be an object or false, got true"],
      [
        sum,
        { methods: { sum: { limit: { perSecond: 1, per: "tenant" } } } },
        'one.sum: limit.per should be one of "method", "peer", got "tenant"',
      ],
      [sum, { methods: { sum: { limit: { persecond: 1 } } } }, 'one.sum: limit has no option "persecond"'],
      [sum, { methods: { sum: { breaker: null } } }, "one.sum: breaker should be an object or false, got null"],
    ];
    for (const [given, attach, says] of wrong)
      expect(() => one.implement(given as never, attach as never)).toThrow(says);
  });

  it("does not mind values beside its handlers, and policies that are undefined", () => {
    const one = service("one", { sum: method({ request: pair, response: sum }) });
    const given = { sum: () => ({ v: 1 }), name: "mine", cache: new Map<string, number>() };
    expect(
      Object.keys(one.implement(given, { gates: undefined, methods: { sum: undefined } as never }).handlers),
    ).toEqual(["sum"]);
  });
});

describe("the shape of a schema", () => {
  it("validates and has a JSON Schema, whichever library it comes from", () => {
    for (const schema of [
      z.object({ a: z.int() }),
      type({ a: "number.integer" }),
      toStandardJsonSchema(v.object({ a: v.pipe(v.number(), v.integer()) })),
    ]) {
      const shape = shapeOf(schema);
      expect(shape.validate({ a: 1 })).toMatchObject({ value: { a: 1 } });
      expect(shape.validate({ a: "x" })).toHaveProperty("issues");
      expect(shape.jsonSchema()).toMatchObject({
        type: "object",
        properties: { a: { type: "integer" } },
        required: ["a"],
      });
    }
  });

  it("is of the wire form where a schema transforms", () => {
    const schema = z.object({ at: z.iso.datetime().transform((text) => new Date(text)), n: z.int().default(3) });
    expect(shapeOf(schema).jsonSchema()).toMatchObject({
      properties: { at: { type: "string" }, n: { type: "integer" } },
      required: ["at"],
    });
  });

  it("says which adapter is missing where there is none", () => {
    const without = (vendor: string) =>
      ({ "~standard": { version: 1, vendor, validate: (value: unknown) => ({ value }) } }) as const;
    expect(() => shapeOf(v.object({})).jsonSchema()).toThrow(
      'wrap it in toStandardJsonSchema() of "@valibot/to-json-schema"',
    );
    for (const [vendor, advice] of [
      ["zod", "use zod 4.2 or newer"],
      ["arktype", "use arktype 2.1.28 or newer"],
      ["yup", "use a library that follows Standard JSON Schema"],
      ["constructor", "use a library that follows"],
    ] as const) {
      expect(() => shapeOf(without(vendor)).jsonSchema()).toThrow(
        `the ${vendor} schema should give its JSON Schema, it does not: ${advice}`,
      );
    }
  });
});
