import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import type { Context, Gate, Middleware, StreamMiddleware } from "../endpoint/index.ts";
import { error, type Schema, type ServiceError } from "../errors/index.ts";
import {
  method,
  service,
  type AnyService,
  type CallOptions,
  type Client,
  type Handlers,
  type Implementation,
  type Method,
  type Methods,
  type Result,
  type TypesIn,
} from "./index.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument" });
const tooBig = error("too_big", { code: "out_of_range", details: z.object({ max: z.string().transform(Number) }) });

const date = z.iso.datetime().transform((text) => new Date(text));
const profiles = service("profiles", {
  get: method({
    request: z.object({ id: z.string(), deep: z.boolean().default(false), note: z.string().optional() }),
    response: z.object({ name: z.string(), born: date }),
    errors: [twoZeroes, tooBig],
    idempotent: true,
  }),
  list: method({ request: z.object({ after: date }), response: z.object({ born: date }), stream: "server" }),
  add: method({
    request: z.object({ born: date }),
    response: z.object({ count: z.int().default(0) }),
    stream: "client",
  }),
  sync: method({
    request: z.object({ born: date }),
    response: z.object({ born: date }),
    stream: "bidi",
    errors: [tooBig],
  }),
});

type Served = Handlers<typeof profiles.methods>;
type Called = Client<typeof profiles.methods>;
type TooBigSent = ServiceError<"too_big", { max: string }>;
type TooBigGot = ServiceError<"too_big", { max: number }>;
type TwoZeroes = ServiceError<"two_zeroes", undefined>;

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Whether one of the seven types of a method is any: one would hide in a whole. */
type AnyIn<M> = { [P in keyof TypesIn<M>]: IsAny<TypesIn<M>[P]> }[keyof TypesIn<M>];

describe("a method that answers once", () => {
  it("gives a handler what validation makes of a request, and takes the wire form back", () => {
    expectTypeOf<Parameters<Served["get"]>>().toEqualTypeOf<
      [request: { id: string; deep: boolean; note?: string | undefined }, context: Context]
    >();
    type Answer = { name: string; born: string } | TwoZeroes | TooBigSent;
    expectTypeOf<Awaited<ReturnType<Served["get"]>>>().toEqualTypeOf<Answer>();
    expectTypeOf<Answer | Promise<Answer>>().toExtend<ReturnType<Served["get"]>>();
  });

  it("takes the wire form from a caller, and gives back what validation makes of the answer", () => {
    expectTypeOf<Parameters<Called["get"]>>().toEqualTypeOf<
      [
        request: { id: string; deep?: boolean | undefined; note?: string | undefined },
        from?: Context | CallOptions | undefined,
      ]
    >();
    expectTypeOf<ReturnType<Called["get"]>>().toEqualTypeOf<Promise<{ name: string; born: Date }>>();
  });

  it("gives exactly the declared errors as a value, which `reason` tells apart", () => {
    type Tried = Awaited<ReturnType<Called["get"]["try"]>>;
    expectTypeOf<Tried>().toEqualTypeOf<Result<{ name: string; born: Date }, TwoZeroes | TooBigGot>>();
    function worth(tried: Tried): number {
      if (tried.ok) return tried.value.born.getTime();
      switch (tried.error.reason) {
        case "two_zeroes":
          return 0;
        case "too_big":
          return tried.error.details.max;
      }
    }
    expect(worth({ ok: false, error: twoZeroes() as TwoZeroes })).toBe(0);
  });

  it("may be a plain value, now or later, or a declared error", () => {
    const answer = { name: "ada", born: "1815-12-10T00:00:00Z" };
    const fit: readonly Served["get"][] = [
      () => answer,
      async () => answer,
      () => twoZeroes(),
      async ({ deep }) => (deep ? tooBig({ max: "1" }) : answer),
    ];
    // @ts-expect-error the receiver validates: a Date is no wire form
    const transformed: Served["get"] = () => ({ name: "ada", born: new Date(0) });
    // @ts-expect-error an undeclared error
    const undeclared: Served["get"] = () => error("other", { code: "aborted" })();
    // @ts-expect-error the details are of another type
    const details: Served["get"] = () => tooBig({ max: 1 });
    // @ts-expect-error nothing is no answer
    const nothing: Served["get"] = () => undefined;
    expect([...fit, transformed, undeclared, details, nothing]).toHaveLength(8);
  });
});

describe("a method of a stream", () => {
  it("gives and takes iterables on the sides that have many", () => {
    expectTypeOf<Parameters<Served["list"]>[0]>().toEqualTypeOf<{ after: Date }>();
    expectTypeOf<ReturnType<Served["list"]>>().toEqualTypeOf<AsyncIterable<{ born: string }>>();
    expectTypeOf<Parameters<Served["add"]>[0]>().toEqualTypeOf<AsyncIterable<{ born: Date }>>();
    expectTypeOf<Awaited<ReturnType<Served["add"]>>>().toEqualTypeOf<{ count?: number | undefined }>();
    expectTypeOf<Parameters<Served["sync"]>[0]>().toEqualTypeOf<AsyncIterable<{ born: Date }>>();
    expectTypeOf<ReturnType<Served["sync"]>>().toEqualTypeOf<AsyncIterable<{ born: string }>>();
  });

  it("is called with the wire form, and answers with what validation makes", () => {
    expectTypeOf<Parameters<Called["list"]>[0]>().toEqualTypeOf<{ after: string }>();
    expectTypeOf<ReturnType<Called["list"]>>().toEqualTypeOf<AsyncIterable<{ born: Date }>>();
    expectTypeOf<Parameters<Called["add"]>[0]>().toEqualTypeOf<AsyncIterable<{ born: string }>>();
    expectTypeOf<ReturnType<Called["add"]>>().toEqualTypeOf<Promise<{ count: number }>>();
    expectTypeOf<ReturnType<Called["add"]["try"]>>().toEqualTypeOf<Promise<Result<{ count: number }, never>>>();
    expectTypeOf<Parameters<Called["sync"]>[0]>().toEqualTypeOf<AsyncIterable<{ born: string }>>();
    expectTypeOf<ReturnType<Called["sync"]>>().toEqualTypeOf<AsyncIterable<{ born: Date }>>();
  });

  it("has no try where there is no one answer", () => {
    expectTypeOf<Called["list"]>().not.toHaveProperty("try");
    expectTypeOf<Called["sync"]>().not.toHaveProperty("try");
  });

  it("keeps its kind as a literal", () => {
    expectTypeOf<TypesIn<typeof profiles.methods.get>["kind"]>().toEqualTypeOf<"unary">();
    expectTypeOf<typeof profiles.methods.list.kind>().toEqualTypeOf<"server">();
    expect(Object.values(profiles.methods).map(({ kind }) => kind)).toEqual(["unary", "server", "client", "bidi"]);
    // @ts-expect-error no such kind
    expect(() => method({ request: date, response: date, stream: "sometimes" })).toThrow("stream");
  });
});

describe("nothing is silently any", () => {
  it("whichever library the schemas are of, and whatever is left out", () => {
    const zod = method({ request: z.object({ a: z.int().default(1) }), response: z.object({ v: z.string() }) });
    const valibot = method({
      request: toStandardJsonSchema(v.object({ a: v.optional(v.number(), 1) })),
      response: v.object({ v: v.string() }),
    });
    const arktype = method({ request: type({ a: "number = 1" }), response: type({ v: "string" }) });
    expectTypeOf<AnyIn<typeof zod>>().toEqualTypeOf<false>();
    expectTypeOf<AnyIn<typeof valibot>>().toEqualTypeOf<false>();
    expectTypeOf<AnyIn<typeof arktype>>().toEqualTypeOf<false>();
    expectTypeOf<TypesIn<typeof valibot>["reqIn"]>().toEqualTypeOf<{ a?: number | undefined }>();
    expectTypeOf<TypesIn<typeof valibot>["reqOut"]>().toEqualTypeOf<{ a: number }>();
    // arktype's optional key may not be undefined.
    expectTypeOf<TypesIn<typeof arktype>["reqIn"]>().toEqualTypeOf<{ a?: number }>();
    expectTypeOf<TypesIn<typeof arktype>["reqOut"]>().toEqualTypeOf<{ a: number }>();
    for (const one of [zod, valibot, arktype]) expect(one.request.validate({})).toMatchObject({ value: { a: 1 } });
    expectTypeOf<TypesIn<typeof zod>["failIn"]>().toEqualTypeOf<never>();
    expectTypeOf<TypesIn<typeof zod>["failOut"]>().toEqualTypeOf<never>();
  });

  it("in any method of a contract, with errors and streams", () => {
    type M = typeof profiles.methods;
    expectTypeOf<AnyIn<M["get"]>>().toEqualTypeOf<false>();
    expectTypeOf<AnyIn<M["list"]>>().toEqualTypeOf<false>();
    expectTypeOf<AnyIn<M["add"]>>().toEqualTypeOf<false>();
    expectTypeOf<AnyIn<M["sync"]>>().toEqualTypeOf<false>();
    type Loose = Omit<TypesIn<M["get"]>, "resIn"> & { resIn: ReturnType<typeof JSON.parse> };
    expectTypeOf<AnyIn<Method<Loose>>>().toEqualTypeOf<boolean>();
  });

  it("where a schema says unknown", () => {
    const open = method({ request: z.unknown(), response: z.unknown() });
    expectTypeOf<TypesIn<typeof open>["reqOut"]>().toBeUnknown();
    expectTypeOf<TypesIn<typeof open>["resIn"]>().toBeUnknown();
    expectTypeOf<AnyIn<typeof open>>().toEqualTypeOf<false>();
  });
});

describe("a declaration that is wrong does not compile, and does not run", () => {
  const schema = z.object({});

  it("with what is no schema", () => {
    // @ts-expect-error a text
    expect(() => method({ request: "string", response: schema })).toThrow("request should be a Standard Schema");
    // @ts-expect-error the fields of an object, and no object
    expect(() => method({ request: { a: z.int() }, response: schema })).toThrow("request should be a Standard Schema");
    // @ts-expect-error the function that makes a schema
    expect(() => method({ request: schema, response: z.string })).toThrow("response should be a Standard Schema");
    // @ts-expect-error nothing
    expect(() => method({ request: schema })).toThrow("response should be a Standard Schema");
    // @ts-expect-error an option that does not exist
    expect(() => method({ request: schema, response: schema, idempotant: true })).toThrow('"idempotant"');
    // @ts-expect-error no error type
    expect(() => method({ request: schema, response: schema, errors: [new Error("x")] })).toThrow("errors");
  });

  it("as a service, with what is no method", () => {
    // @ts-expect-error a schema
    expect(() => service("x", { get: schema })).toThrow("x.get should be what method() returns");
  });
});

describe("a method made by a function that knows its schema as a type only", () => {
  it("keeps what it is called with", () => {
    function reading<S extends Schema>(item: S) {
      return {
        get: method({ request: z.object({ id: z.string() }), response: item, errors: [twoZeroes], idempotent: true }),
      };
    }
    const dates = service("dates", reading(z.object({ at: date })));
    expectTypeOf<ReturnType<Client<typeof dates.methods>["get"]>>().toEqualTypeOf<Promise<{ at: Date }>>();
    expectTypeOf<Awaited<ReturnType<Handlers<typeof dates.methods>["get"]>>>().toEqualTypeOf<
      { at: string } | TwoZeroes
    >();
    expect(dates.methods.get.idempotent).toBe(true);
  });
});

describe("what stands around methods", () => {
  const pair = z.object({ a: z.int(), b: z.int() });
  const add = service("add", {
    sum: method({ request: pair, response: z.object({ v: z.int() }) }),
    count: method({ request: pair, response: pair, stream: "server" }),
    total: method({ request: pair, response: pair, stream: "client" }),
  });
  const handlers: Handlers<typeof add.methods> = {
    sum: ({ a, b }) => ({ v: a + b }),
    async *count(one) {
      yield one;
    },
    async total(all) {
      for await (const one of all) return one;
      return { a: 0, b: 0 };
    },
  };

  it("fits what it asks for", () => {
    const any: Middleware = (next) => next;
    const small: Middleware<{ a: number }> = (next) => next;
    const many: Middleware<AsyncIterable<{ a: number }>> = (next) => next;
    const streams: StreamMiddleware<{ b: number }> = (next) => next;
    const gate: Gate = (context) => context;
    const use = { sum: { use: [any, small] }, count: { use: [streams] }, total: { use: [any, many] } };
    expect(add.implement(handlers, { gates: [gate], methods: use })).toMatchObject({ service: add });
  });

  it("does not compile where it asks for more than there is", () => {
    const tenant: Middleware<{ tenant: string }> = (next) => next;
    const one: Middleware<{ a: number }> = (next) => next;
    const streams: StreamMiddleware = (next) => next;
    add.implement(handlers, {
      methods: {
        // @ts-expect-error the request has no tenant
        sum: { use: [tenant] },
        // @ts-expect-error many answers
        count: { use: [one] },
        // @ts-expect-error the request is an iterable
        total: { use: [one] },
      },
    });
    // @ts-expect-error one answer
    add.implement(handlers, { methods: { sum: { use: [streams] } } });
    // @ts-expect-error no such method
    expect(() => add.implement(handlers, { methods: { summ: {} } })).toThrow('no method "summ"');
  });
});

describe("a client and handlers of one contract", () => {
  const pair = z.object({ a: z.int(), b: z.int() });
  const plain = service("plain", { sum: method({ request: pair, response: pair, errors: [twoZeroes] }) });

  it("are told apart, and a client stands for handlers where nothing transforms", () => {
    expectTypeOf<Client<typeof plain.methods>>().toExtend<Handlers<typeof plain.methods>>();
    expectTypeOf<Handlers<typeof plain.methods>>().not.toExtend<Client<typeof plain.methods>>();
    expectTypeOf<Called>().not.toExtend<Served>();
  });

  it("have types for those who know none", () => {
    expectTypeOf(plain).toExtend<AnyService>();
    expectTypeOf<typeof plain.methods>().toExtend<Methods>();
    expectTypeOf<Client<Methods>[string]>().not.toBeAny();
    expectTypeOf(plain.implement({ sum: (one) => one })).toEqualTypeOf<Implementation>();
  });
});
