import { describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import {
  ActiveCall,
  backgroundContext,
  chain,
  described,
  descriptionOf,
  fuse,
  settle,
  type Call,
  type Endpoint,
  type Middleware,
  type Observer,
} from "./index.ts";

const info = methodInfo({ timeoutMs: 10 });
const context = backgroundContext();

describe("chain", () => {
  // Go kit endpoint/endpoint_example_test.go, ExampleChain.
  it("passes requests in the order written and responses in the reverse", () => {
    const seen: string[] = [];
    const annotate =
      (name: string): Middleware =>
      (next) =>
        function annotated(request, ctx) {
          seen.push(`${name} pre`);
          const response = next(request, ctx);
          seen.push(`${name} post`);
          return response;
        };
    const endpoint = chain(
      annotate("first"),
      annotate("second"),
      annotate("third"),
    )((request: string) => (seen.push("my endpoint"), request), info);
    expect(endpoint("x", context)).toBe("x");
    expect(seen).toEqual([
      "first pre",
      "second pre",
      "third pre",
      "my endpoint",
      "third post",
      "second post",
      "first post",
    ]);
  });

  it("is the endpoint itself when it is empty, and keeps its type", () => {
    const endpoint: Endpoint<{ a: number }, string> = ({ a }) => String(a);
    const same = chain()(endpoint, info);
    expect(same).toBe(endpoint);
    expectTypeOf(same).toEqualTypeOf<Endpoint<{ a: number }, string>>();
  });

  it("only fits endpoints whose request has what the middleware asks for", () => {
    const tenant: Middleware<{ tenant: string }> = (next) => next;
    const fits: Endpoint<{ tenant: string; a: number }, string> = () => "";
    expect(tenant(fits, info)).toBe(fits);
    const other: Endpoint<{ a: number }, string> = () => "";
    // @ts-expect-error no tenant in the request
    expect(tenant(other, info)).toBe(other);
    // @ts-expect-error a middleware for some requests is not one for all
    const all: Middleware = tenant;
    expect(all).toBe(tenant);
  });
});

describe("settle", () => {
  it("keeps a plain value plain", () => {
    expect(
      settle(
        () => 1,
        (v) => v + 1,
        () => 0,
      ),
    ).toBe(2);
  });

  it("hands on what was thrown or rejected, the same way", async () => {
    const fail = (error: unknown): string => (error as Error).message;
    expect(
      settle(
        (): string => {
          throw new Error("now");
        },
        () => "ok",
        fail,
      ),
    ).toBe("now");
    expect(
      await settle(
        () => Promise.reject<string>(new Error("later")),
        () => "ok",
        fail,
      ),
    ).toBe("later");
  });

  it("waits for promises of any library", async () => {
    const thenable = {
      // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library is what the test is about
      then: (ok: (v: number) => unknown) => Promise.resolve(20).then(ok),
    } as unknown as Promise<number>;
    expect(
      await settle(
        () => thenable,
        (v) => v + 1,
        () => 0,
      ),
    ).toBe(21);
  });

  it("does not hand an error of `ok` to `fail`", () => {
    expect(() =>
      settle(
        () => 1,
        () => {
          throw new Error("mine");
        },
        () => "swallowed",
      ),
    ).toThrow("mine");
  });
});

describe("fuse", () => {
  const call: Call = new ActiveCall(info, { startMs: 0, timeoutMs: 1 });
  const named = (name: string, seen: string[]): Observer => ({
    start: () => seen.push(`start ${name}`),
    message: (_call, direction, bytes) => seen.push(`${direction} ${bytes} ${name}`),
    end: () => seen.push(`end ${name}`),
  });

  it.each([0, 1, 2, 3, 4, 5, 9])("starts %i observers in order and ends them in reverse", (count) => {
    const seen: string[] = [];
    const names = Array.from({ length: count }, (_, i) => `o${i}`);
    const fused = fuse(
      names.map((name) => named(name, seen)),
      () => expect.unreachable(),
    );
    fused.start(call);
    fused.message(call, "sent", 3);
    fused.end(call);
    expect(seen).toEqual([
      ...names.map((name) => `start ${name}`),
      ...names.map((name) => `sent 3 ${name}`),
      ...[...names].reverse().map((name) => `end ${name}`),
    ]);
  });

  it.each([1, 2, 3, 4, 5, 9])("reports what one of %i observers throws, and goes on with the others", (count) => {
    for (let bad = 0; bad < count; bad++) {
      const seen: string[] = [];
      const reported: unknown[] = [];
      const thrower: Observer = {
        start: () => {
          throw new Error("start");
        },
        message: () => {
          throw new Error("message");
        },
        end: () => {
          throw new Error("end");
        },
      };
      const observers = Array.from({ length: count }, (_, i) => (i === bad ? thrower : named(`o${i}`, seen)));
      const fused = fuse(observers, (error) => reported.push((error as Error).message));
      fused.start(call);
      fused.message(call, "received", 0);
      fused.end(call);
      expect(reported).toEqual(["start", "message", "end"]);
      expect(seen.length).toBe((count - 1) * 3);
    }
  });

  it("leaves out the parts an observer does not have, and keeps its `this`", () => {
    class Counting implements Observer {
      ends = 0;
      end(): void {
        this.ends++;
      }
    }
    const counting = new Counting();
    const fused = fuse([counting, {}], () => expect.unreachable());
    fused.start(call);
    fused.end(call);
    expect(counting.ends).toBe(1);
  });
});

describe("described", () => {
  it("gives a function its line, else its name speaks", () => {
    expect(descriptionOf(described("limit 5/s", () => 1))).toBe("limit 5/s");
    expect(descriptionOf(function named() {})).toBe("named");
    expect(
      descriptionOf(
        (
          () => () =>
            1
        )(),
      ),
    ).toBe("anonymous");
  });
});
