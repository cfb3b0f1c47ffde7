import { describe, expect, expectTypeOf, it } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { limited, paced, tokenBucket } from "./index.ts";

const oneASecond = (): { clock: ReturnType<typeof virtualClock>; bucket: ReturnType<typeof tokenBucket> } => {
  const clock = virtualClock();
  return { clock, bucket: tokenBucket({ perSecond: 1, burst: 1, clock }) };
};

const settleAll = (list: readonly (number | Promise<number>)[]): Promise<number[]> =>
  Promise.all(list.map((one) => Promise.resolve(one)));

describe("limited", () => {
  it("keeps a plain value plain and throws the refusal", () => {
    const { bucket } = oneASecond();
    let calls = 0;
    const next = limited(() => ++calls, bucket);
    expect(next()).toBe(1);
    expect(() => next()).toThrow(expect.objectContaining({ reason: "rate_limited", retryAfterMs: 1000 }));
    expect(calls).toBe(1);
  });

  it("rejects for a function that is async, from the first call on", async () => {
    const next = limited(async () => 1, { take: () => false });
    const refused = next();
    await expect(refused).rejects.toMatchObject({ reason: "rate_limited", retryAfterMs: undefined });
  });

  it("rejects for a function that has answered with a promise before", async () => {
    const { bucket } = oneASecond();
    const next = limited(() => Promise.resolve(1), bucket);
    expect(await next()).toBe(1);
    await expect(next()).rejects.toMatchObject({ reason: "rate_limited" });
  });

  it("passes arguments, receiver and errors on", async () => {
    const { clock, bucket } = oneASecond();
    const subject = {
      base: 10,
      add: limited(
        function (this: { base: number }, a: number, b: number) {
          if (b === 0) throw new Error("no zero");
          return this.base + a + b;
        } as (a: number, b: number) => number,
        bucket,
      ),
    };
    expect(subject.add(1, 2)).toBe(13);
    await clock.advance(1000);
    expect(() => subject.add(1, 0)).toThrow("no zero");
  });

  it("takes any object that can say yes or no", () => {
    const answers = [true, false];
    const next = limited(() => "ran", { take: () => answers.shift()! });
    expect(next()).toBe("ran");
    expect(() => next()).toThrow("rate limit exceeded");
  });

  it("keeps the type of the function", () => {
    const { bucket } = oneASecond();
    expectTypeOf(limited((a: number, b?: string) => `${a}${b}`, bucket)).toEqualTypeOf<
      (a: number, b?: string) => string
    >();
    expectTypeOf(limited(async (a: number) => a, bucket)).toEqualTypeOf<(a: number) => Promise<number>>();
    expectTypeOf(paced(async (a: number) => a, bucket)).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf(paced((a: number) => a, bucket)).returns.toEqualTypeOf<number | Promise<number>>();
  });

  it.each([
    [() => limited(undefined as never, oneASecond().bucket), "fn should be a function"],
    [() => limited(() => 1, undefined as never), "bucket.take should be a function"],
    [() => paced("x" as never, oneASecond().bucket), "fn should be a function"],
    [() => paced(() => 1, {} as never), "bucket.wait should be a function"],
    [() => paced(() => 1, oneASecond().bucket, { maxWaitMs: -1 }), "maxWaitMs should be a number of at least 0"],
    [() => paced(() => 1, oneASecond().bucket, { max: 1 } as never), 'paced has no option "max"'],
  ])("refuses wrong arguments: %s", (make, message) => {
    expect(make).toThrow(message);
  });
});

describe("paced", () => {
  it("runs at once while there are tokens, then in turn", async () => {
    const { clock, bucket } = oneASecond();
    const ran: [number, number][] = [];
    const send = paced((n: number) => ran.push([n, clock.now()]), bucket);
    expect(send(1)).toBe(1);
    const later = [send(2), send(3)];
    await clock.advance(2000);
    expect(await settleAll(later)).toEqual([2, 3]);
    expect(ran).toEqual([
      [1, 0],
      [2, 1000],
      [3, 2000],
    ]);
  });

  it("waits at most 3 s unless told otherwise", async () => {
    const { clock, bucket } = oneASecond();
    let runs = 0;
    const send = paced(() => ++runs, bucket);
    const all = [1, 2, 3, 4].map(() => send());
    await expect(send()).rejects.toMatchObject({ reason: "rate_limited", retryAfterMs: 4000 });
    await clock.advance(3000);
    expect(await settleAll(all)).toEqual([1, 2, 3, 4]);
    expect(clock.pending).toBe(0);
  });

  it("control: with a longer wait allowed the same fifth call runs", async () => {
    const { clock, bucket } = oneASecond();
    let runs = 0;
    const send = paced(() => ++runs, bucket, { maxWaitMs: 4000 });
    const all = [1, 2, 3, 4, 5].map(() => send());
    await clock.advance(4000);
    expect(await settleAll(all)).toEqual([1, 2, 3, 4, 5]);
  });

  it("calls the waits off and does not run what waited", async () => {
    const { clock, bucket } = oneASecond();
    const control = new AbortController();
    let runs = 0;
    const send = paced(() => ++runs, bucket, { signal: control.signal });
    void send();
    const waiting = send();
    control.abort(new Error("closing"));
    await expect(waiting).rejects.toThrow("closing");
    await clock.advance(5000);
    expect([runs, clock.pending]).toEqual([1, 0]);
  });
});
