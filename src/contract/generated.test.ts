// How a contract looks that a tool writes: an interface per method, so that an editor has nothing to infer. With 500 methods
// a completion after an edit takes milliseconds, where types inferred from schemas take tenths of a second
// (`npm run bench:types`).
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { error, type ServiceError } from "../errors/index.ts";
import {
  method,
  service,
  type Client,
  type Handlers,
  type Method,
  type PerMethod,
  type Service,
  type Types,
} from "./index.ts";

const tooBig = error("too_big", { code: "out_of_range", details: z.object({ max: z.string().transform(Number) }) });

interface SumRequest {
  a: number;
  b?: number | undefined;
}
interface Sum {
  v: number;
}
interface SumTypes extends Types {
  reqIn: SumRequest;
  reqOut: { a: number; b: number };
  resIn: Sum;
  resOut: Sum;
  failIn: ServiceError<"too_big", { max: string }>;
  failOut: ServiceError<"too_big", { max: number }>;
  kind: "unary";
}
interface CountTypes extends Types {
  reqIn: { to: number };
  reqOut: { to: number };
  resIn: Sum;
  resOut: Sum;
  failIn: never;
  failOut: never;
  kind: "server";
}
type AddMethods = {
  readonly sum: Method<SumTypes>;
  readonly count: Method<CountTypes>;
};

const response = z.object({ v: z.int() });
const inferred = service("add", {
  sum: method({ request: z.object({ a: z.int(), b: z.int().default(0) }), response, errors: [tooBig] }),
  count: method({ request: z.object({ to: z.int() }), response, stream: "server" }),
});
const generated: Service<AddMethods> = inferred;

describe("a contract typed by interfaces", () => {
  it("is the value that the schemas make, under names", () => {
    expect(generated.methods.sum.kind).toBe("unary");
    expectTypeOf<(typeof generated)["methods"]>().toEqualTypeOf<AddMethods>();
  });

  it("has the client and the handlers that the schemas would give", () => {
    type Inferred = (typeof inferred)["methods"];
    expectTypeOf<Handlers<AddMethods>>().toEqualTypeOf<Handlers<Inferred>>();
    expectTypeOf<Parameters<Client<AddMethods>["sum"]>>().toEqualTypeOf<Parameters<Client<Inferred>["sum"]>>();
    expectTypeOf<ReturnType<Client<AddMethods>["sum"]>>().toEqualTypeOf<ReturnType<Client<Inferred>["sum"]>>();
    expectTypeOf<ReturnType<Client<AddMethods>["sum"]["try"]>>().toEqualTypeOf<
      ReturnType<Client<Inferred>["sum"]["try"]>
    >();
    expectTypeOf<ReturnType<Client<AddMethods>["count"]>>().toEqualTypeOf<ReturnType<Client<Inferred>["count"]>>();
    expectTypeOf<PerMethod<AddMethods>>().toEqualTypeOf<PerMethod<Inferred>>();
    expectTypeOf<Client<AddMethods>>().toEqualTypeOf<Client<Inferred>>();
  });

  it("is implemented like any other, and refuses what any other refuses", () => {
    const handlers: Handlers<AddMethods> = {
      sum: ({ a, b }) => (a + b > 9 ? tooBig({ max: "9" }) : { v: a + b }),
      async *count({ to }) {
        for (let v = 0; v < to; v++) yield { v };
      },
    };
    expect(generated.implement(handlers).service).toBe(inferred);
    // @ts-expect-error the field is missing
    const wrong: Handlers<AddMethods>["sum"] = () => ({});
    // @ts-expect-error the details travel as text
    const wrongDetails: Handlers<AddMethods>["sum"] = () => tooBig({ max: 9 });
    void [wrong, wrongDetails];
  });

  it("refuses schemas that say something else than the interfaces", () => {
    const text = service("add", {
      sum: method({
        request: z.object({ a: z.int(), b: z.int().default(0) }),
        response: z.object({ v: z.string() }),
        errors: [tooBig],
      }),
      count: inferred.methods.count,
    });
    // @ts-expect-error v is a text
    const wrongResponse: Service<AddMethods> = text;
    const unary = service("add", {
      sum: inferred.methods.sum,
      count: method({ request: z.object({ to: z.int() }), response }),
    });
    // @ts-expect-error count is a stream
    const wrongKind: Service<AddMethods> = unary;
    void [wrongResponse, wrongKind];
  });
});
