import { describe, expect, it } from "vitest";
import { local, type LocalOptions } from "../transport/local/index.ts";
import { transportSuite, type Case, type TransportHarness } from "./index.ts";

/** The local transport, its surroundings changed. */
const broken = (change: (options: LocalOptions) => LocalOptions): TransportHarness => ({
  name: "broken",
  connect: (implementation, { limits: _limits, codec: _codec, ...surrounding }) =>
    Promise.resolve({
      transport: local(implementation, change(surrounding)),
      from: undefined,
      drain: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
});

const cases = transportSuite(broken((options) => options));

describe("the cases of the suite", () => {
  it("have stable ids of their own, which begin with their property", () => {
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
    expect(cases.filter(({ id, property }) => !id.startsWith(`${property}/`))).toEqual([]);
  });

  it("have sentences of their own", () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it("are left out by property, by what they need, and one by one, each with its reason", () => {
    const left = transportSuite(
      broken((options) => options),
      [
        { reason: "no streams", properties: ["streams"] },
        { reason: "no headers", needs: ["headers"] },
        { reason: "no codec", cases: ["codecs/replaced"] },
      ],
    ).filter((one): one is Case & { readonly skip: string } => "skip" in one);
    expect(new Set(left.map(({ skip }) => skip))).toEqual(new Set(["no streams", "no headers", "no codec"]));
    const isRight = ({ skip, property, id, needs }: (typeof left)[number]): boolean =>
      skip === "no streams"
        ? property === "streams"
        : skip === "no headers"
          ? needs === "headers"
          : id.startsWith("codecs/");
    expect(left.filter((one) => !isRight(one))).toEqual([]);
    expect(left.some(({ id }) => id === "deadlines/remaining")).toBe(true);
    expect(left.some(({ id }) => id === "deadlines/caller")).toBe(false);
  });

  it("are not left out under a name that there is not, nor for nothing", () => {
    const skip = (rule: object) => () =>
      transportSuite(
        broken((options) => options),
        [{ reason: "x", ...rule }],
      );
    expect(skip({ cases: ["streams/gone"] })).toThrow(
      'skip should name properties, needs or cases of the suite, got "streams/gone"',
    );
    expect(skip({ properties: ["speed"] })).toThrow('got "speed"');
    expect(skip({})).toThrow('skip should say what it is about, got only the reason "x"');
  });
});

const failing = async (harness: TransportHarness, ids: readonly string[]): Promise<readonly string[]> => {
  const failed: string[] = [];
  for (const one of transportSuite(harness)) {
    if (!ids.includes(one.id)) continue;
    await one.run().catch(() => failed.push(one.id));
  }
  return failed;
};

describe("a transport that leaves something out is found:", () => {
  const without = ({ ...names }: Partial<Record<keyof LocalOptions, undefined>>) =>
    broken((options) => ({ ...options, ...names }));
  it.each<[string, TransportHarness, readonly string[]]>([
    ["gates", without({ gates: undefined }), ["errors/gate", "streams/gates"]],
    ["observers", without({ observers: undefined }), ["hooks/observers", "streams/observers", "trace/joined"]],
    ["before hooks", without({ before: undefined }), ["hooks/order", "hooks/throws", "deadlines/expired"]],
    ["after hooks", without({ after: undefined }), ["hooks/order", "hooks/after-throws", "metadata/reply"]],
    ["finalizers", without({ finalizer: undefined }), ["hooks/order", "hooks/error", "streams/hooks"]],
    ["the error encoder", without({ errorEncoder: undefined }), ["hooks/encoder"]],
    ["the handler of errors", without({ errorHandler: undefined }), ["hooks/error"]],
    ["reports", without({ report: undefined }), ["errors/undeclared", "hooks/encoder"]],
    ["limits", without({}), ["limits/too-large", "limits/many-headers", "streams/too-large"]],
    ["the user's codec", without({}), ["codecs/replaced"]],
    ["a drain", without({}), ["drain/no-new", "one-way/drain"]],
  ])("%s", async (_name, harness, ids) => {
    expect(await failing(harness, ids)).toHaveLength(ids.length);
  });
});
