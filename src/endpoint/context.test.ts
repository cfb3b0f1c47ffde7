import { describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../test/method-info.ts";
import { policyError } from "../errors/index.ts";
import { virtualClock } from "../testing/index.ts";
import { ActiveCall, backgroundContext, isContext, key, Metadata, TIMEOUT_MS, valuesOf } from "./index.ts";

const info = methodInfo({ timeoutMs: TIMEOUT_MS });
const callOf = (start: Partial<ConstructorParameters<typeof ActiveCall>[1]> = {}): ActiveCall =>
  new ActiveCall(info, { startMs: 100, timeoutMs: 50, ...start });

describe("a context", () => {
  it("has a deadline, on the clock of its call", () => {
    expect(callOf().context.deadlineMs).toBe(150);
  });

  it("holds values by the identity of their key, the newest first, and never changes", () => {
    const name = key<string>("name");
    const same = key<string>("name");
    const root = callOf().context;
    const one = root.with(name, "ada");
    const two = one.with(name, "bob").with(same, "eve");
    expect([root.get(name), one.get(name), two.get(name), two.get(same)]).toEqual([undefined, "ada", "bob", "eve"]);
    expectTypeOf(two.get(name)).toEqualTypeOf<string | undefined>();
    expectTypeOf(two.need(name)).toEqualTypeOf<string>();
  });

  it("names the key and the method when a value is missing", () => {
    expect(() => callOf().context.need(key("user"))).toThrow('the context of add.sum holds no "user"');
  });

  it("begins with the values its server shares", () => {
    const name = key<string>("name");
    expect(callOf({ values: valuesOf(name, "shared") }).context.need(name)).toBe("shared");
  });

  it("can only shorten its deadline", () => {
    const { context } = callOf();
    expect(context.withDeadline(120).deadlineMs).toBe(120);
    expect(context.withDeadline(200)).toBe(context);
  });

  it("reads metadata in any case, and passes on what its call knows", () => {
    const incoming = new Metadata();
    incoming.set("X-Tenant", "blue");
    const call = callOf({ incoming });
    call.peer = "10.0.0.1";
    call.trace = { traceId: "t", spanId: "s", sampled: false, state: "" };
    const context = call.context.withDeadline(110);
    expect(context.metadata("x-TENANT")).toBe("blue");
    expect(context.metadata("nothing")).toBe(undefined);
    expect(context.peer).toBe("10.0.0.1");
    expect(context.trace?.traceId).toBe("t");
    expect(context.method).toBe(info);
    expect(context.attempt).toBe(1);
    context.reply.set("x-cost", "3");
    expect(call.outgoingIfAny?.get("x-cost")).toBe("3");
  });

  it("keeps its request id once made, and takes that of the call it is made for", () => {
    const { context } = callOf();
    expect(context.requestId).toBe(context.requestId);
    expect(callOf({ parent: context }).context.requestId).toBe(context.requestId);
    expect(callOf().context.requestId).not.toBe(context.requestId);
  });

  it("is told from call options by its brand", () => {
    expect(isContext(callOf().context)).toBe(true);
    for (const other of [undefined, null, {}, { signal: undefined }, "x"]) expect(isContext(other)).toBe(false);
  });
});

describe("cancellation", () => {
  it("reaches listeners, signal and state, once, with its reason", () => {
    const call = callOf();
    const reasons: unknown[] = [];
    call.context.onCancel((reason) => reasons.push(reason));
    const { signal } = call.context;
    const reason = policyError("canceled");
    call.cancel(reason);
    call.cancel(policyError("deadline_exceeded"));
    expect(reasons).toEqual([reason]);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe(reason);
    expect(call.context.canceledBy).toBe(reason);
  });

  it("reaches a signal that is read, and a listener that is added, only afterwards", () => {
    const call = callOf();
    const reason = policyError("canceled");
    call.cancel(reason);
    expect(call.context.signal.reason).toBe(reason);
    let seen: unknown;
    call.context.onCancel((why) => (seen = why));
    expect(seen).toBe(reason);
  });

  it("leaves out listeners that were taken off", () => {
    const call = callOf();
    const seen: number[] = [];
    const subscriptions = [1, 2, 3].map((n) => call.onCancel(() => seen.push(n)));
    subscriptions[1]!.cancel();
    call.cancel(policyError("canceled"));
    expect(seen).toEqual([3, 1]);
  });

  it("gives one signal, however often it is read", () => {
    const { context } = callOf();
    expect(context.signal).toBe(context.with(key("x"), 1).signal);
  });
});

describe("backgroundContext", () => {
  it("has no deadline unless it is given one", () => {
    const clock = virtualClock();
    expect(backgroundContext({ clock }).deadlineMs).toBe(Infinity);
    expect(backgroundContext({ clock, timeoutMs: 5 }).deadlineMs).toBe(5);
  });

  it("is called off by its signal, before or after", () => {
    const controller = new AbortController();
    const context = backgroundContext({ signal: controller.signal });
    expect(context.canceledBy).toBe(undefined);
    controller.abort("enough");
    expect(context.canceledBy).toMatchObject({ reason: "canceled", cause: "enough" });
    expect(backgroundContext({ signal: AbortSignal.abort() }).canceledBy?.reason).toBe("canceled");
  });
});

describe("Metadata", () => {
  it("keeps names in lower case and values as they are, and replaces", () => {
    const metadata = new Metadata();
    metadata.set("X-A", "1");
    metadata.set("x-a", "2");
    expect([...metadata]).toEqual([["x-a", "2"]]);
    expect(metadata.size).toBe(1);
    expect(metadata.get("X-a")).toBe("2");
  });

  it.each(["", "a b", "a:b", "ä", "__proto__\n", "x".repeat(129)])("refuses the name %j", (name) => {
    expect(() => new Metadata().set(name, "v")).toThrow(/metadata name should be letters, digits/);
  });

  it.each(["a\r\nb", "\u0000", "é", "\u007f"])("refuses the value %j, which would break a header", (value) => {
    expect(() => new Metadata().set("x", value)).toThrow(/metadata x should be printable ASCII/);
  });

  it("is bounded in number and size, and a refused entry changes nothing", () => {
    const metadata = new Metadata();
    for (let i = 0; i < 100; i++) metadata.set(`n${i}`, "v");
    expect(() => metadata.set("one-more", "v")).toThrow("metadata should have at most 100 entries");
    metadata.set("n1", "w");
    expect(metadata.size).toBe(100);
    const big = new Metadata();
    big.set("a", "x".repeat(16_000));
    expect(() => big.set("b", "x".repeat(400))).toThrow("metadata should be at most 16384 characters");
    expect(big.get("b")).toBe(undefined);
    big.set("a", "y");
    big.set("b", "x".repeat(400));
  });

  it("takes several values of a name, which are counted, and which `set` replaces", () => {
    const metadata = new Metadata();
    metadata.append("A", "1");
    metadata.set("b", "2");
    metadata.append("a", "3");
    metadata.append("a", "4");
    expect([...metadata]).toEqual([
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
      ["a", "4"],
    ]);
    expect([metadata.get("a"), metadata.size]).toEqual(["1", 4]);
    expect(() => metadata.append("a", "é")).toThrow("metadata a should be printable ASCII");
    expect(() => metadata.set("a", "x".repeat(16_384))).toThrow("metadata should be at most 16384 characters");
    expect(metadata.size).toBe(4);
    metadata.set("a", "5");
    expect([...metadata]).toEqual([
      ["a", "5"],
      ["b", "2"],
    ]);
    // What was replaced counts no more.
    metadata.append("a", "x".repeat(16_384 - 5));
    expect(() => metadata.append("c", "")).toThrow("metadata should be at most 16384 characters");
  });

  it("takes no more values of one name than of all", () => {
    const metadata = new Metadata();
    for (let i = 0; i < 100; i++) metadata.append("a", "1");
    expect(() => metadata.append("a", "1")).toThrow("metadata should have at most 100 entries");
  });

  it("has nothing of what every object has", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty"]) expect(new Metadata().get(name)).toBe(undefined);
  });
});
