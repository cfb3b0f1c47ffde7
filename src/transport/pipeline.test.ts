import { describe, expect, it } from "vitest";
import { z } from "zod";
import { client } from "../client/index.ts";
import { policyError } from "../errors/index.ts";
import { described, OTHER } from "../endpoint/index.ts";
import { error, key, method, service, type Context, type Gate, type Middleware, type ServiceError } from "../index.ts";
import { systemClock } from "../time/index.ts";
import { settled } from "../testing/index.ts";
import {
  bind,
  bindOther,
  invalidRequest,
  json,
  limitsOf,
  printStacks,
  schemaOf,
  ServerCall,
  type Surroundings,
} from "./index.ts";
import { local, type LocalOptions } from "./local/index.ts";
import { checkCodec } from "./codec.ts";

const text = z.object({ text: z.string() });
const refused = error("refused", { code: "aborted" });
const echo = service("echo", { say: method({ request: text, response: text, errors: [refused] }) });
const who = key<string>("who");

/** Calls the echo in one process with these gates around it. */
async function say(gates: readonly Gate[], options: Partial<LocalOptions> = {}) {
  const seen: string[] = [];
  const remote = client(
    echo,
    local(
      echo.implement({
        say(message, context) {
          seen.push(context.get(who) ?? "nobody");
          return message;
        },
      }),
      { gates, ...options },
    ),
    { breaker: false, retry: false, timeoutMs: 60_000 },
  );
  const outcome = await remote.say({ text: "x" }).then(
    () => "ok",
    (failure: ServiceError) => failure.reason,
  );
  return { outcome, seen };
}

describe("gates", () => {
  it("are asked in order, each with the context of the one before", async () => {
    const names: Gate[] = ["ada", "bob"].map(
      (name) => (context) => context.with(who, `${context.get(who) ?? ""}${name}`),
    );
    expect(await say(names)).toEqual({ outcome: "ok", seen: ["adabob"] });
    const later: Gate[] = ["ada", "bob"].map(
      (name) => async (context) => Promise.resolve(context.with(who, `${context.get(who) ?? ""}${name}`)),
    );
    expect(await say(later)).toEqual({ outcome: "ok", seen: ["adabob"] });
    expect(await say([names[0]!, later[1]!, names[1]!])).toEqual({ outcome: "ok", seen: ["adabobbob"] });
  });

  it("refuse by what they return or throw, now or later, and those behind them are not asked", async () => {
    let asked = 0;
    const last: Gate = (context) => (asked++, context);
    const refusals: readonly Gate[] = [
      () => policyError("rate_limited"),
      () => {
        throw policyError("rate_limited");
      },
      () => Promise.resolve(policyError("rate_limited")),
      () => Promise.reject(policyError("rate_limited")),
    ];
    for (const gate of refusals) expect(await say([gate, last])).toEqual({ outcome: "rate_limited", seen: [] });
    for (const gate of refusals)
      expect(await say([async (context) => Promise.resolve(context), gate, last])).toEqual({
        outcome: "rate_limited",
        seen: [],
      });
    expect(asked).toBe(0);
  });

  it("let nobody in who forgot to return, or returned anything else", async () => {
    const given: readonly unknown[] = [
      undefined,
      null,
      true,
      {},
      "ok",
      { signal: AbortSignal.abort() },
      Promise.resolve(undefined),
      new Error("no"),
    ];
    for (const value of given) {
      const failures: unknown[] = [];
      expect(
        await say([(() => value) as never], { report: (failure) => failures.push((failure as Error).cause) }),
      ).toEqual({ outcome: "internal", seen: [] });
      expect(String(failures[0])).toContain("a gate should return a context or an error, got");
    }
  });

  it("that fail are a fault of the server: the caller learns nothing of it", async () => {
    const failing: Gate = () => {
      throw new Error("hunter2");
    };
    expect(await say([failing])).toEqual({ outcome: "internal", seen: [] });
  });
});

const around = (more: Partial<Surroundings> = {}): Surroundings => ({
  clock: systemClock,
  observers: [],
  gates: [],
  policy: {},
  values: undefined,
  report: () => undefined,
  failed: () => undefined,
  ...more,
});

describe("binding", () => {
  const told =
    (name: string, steps: string[]): Middleware =>
    (next) =>
      function tell(message, context) {
        steps.push(name);
        return next(message, context);
      };

  it("wraps a handler once, in the order the policies are documented in", async () => {
    const steps: string[] = [];
    let wrapped = 0;
    const counting: Middleware = (next, { service: name }) => {
      wrapped++;
      expect(name).toBe("echo");
      return next;
    };
    const bound = bind(
      echo.implement(
        { say: (message) => (steps.push("handler"), message) },
        { methods: { say: { use: [told("outer", steps), counting, told("inner", steps)] } } },
      ),
      around(),
    );
    const { endpoint } = bound.methods.get("say")!;
    for (let i = 0; i < 3; i++) await endpoint({ text: "x" }, {} as Context);
    expect(steps.slice(0, 3)).toEqual(["outer", "inner", "handler"]);
    expect(wrapped).toBe(1);
  });

  it("takes a method's own time before the server's, and what is attached before both", () => {
    const timed = service("timed", {
      own: method({ request: text, response: text, timeoutMs: 10 }),
      none: method({ request: text, response: text }),
    });
    const implementation = (timeoutMs?: number) =>
      timed.implement(
        { own: (message) => message, none: (message) => message },
        timeoutMs === undefined ? {} : { methods: { own: { timeoutMs }, none: { timeoutMs } } },
      );
    const times = (policy: object, attached?: number): unknown =>
      [...bind(implementation(attached), around({ policy })).methods.values()].map(({ info }) => info.timeoutMs);
    expect(times({})).toEqual([10, 3000]);
    expect(times({ timeoutMs: 500 })).toEqual([10, 500]);
    expect(times({ timeoutMs: 500 }, 7)).toEqual([7, 7]);
    expect(times({ timeoutMs: undefined }, undefined)).toEqual([10, 3000]);
  });

  it("turns a policy of the server off for one method", () => {
    const implementation = echo.implement(
      { say: (message) => message },
      { methods: { say: { limit: false, breaker: undefined } } },
    );
    const { gates, layers } = bind(
      implementation,
      around({ policy: { limit: { perSecond: 1 }, breaker: {} } }),
    ).methods.get("say")!;
    expect(gates.length).toBe(0);
    expect(layers.filter(({ kind }) => kind === "middleware").map(({ text }) => text)).toEqual([
      "breaker 5 in a row, open 30000 ms, 1 probe",
    ]);
  });

  it("reports what an observer throws, and lives when the report throws as well", () => {
    const reported: unknown[] = [];
    const failing = around({
      observers: [
        () => ({
          start: () => {
            throw new Error("no");
          },
        }),
      ],
      report(failure, { name }) {
        reported.push([name, (failure as Error).message]);
        throw new Error("no report");
      },
    });
    const { observer } = bind(echo.implement({ say: (message) => message }), failing).methods.get("say")!;
    expect(() => observer.start({} as never)).not.toThrow();
    expect(reported).toEqual([["say", "no"]]);
  });

  it("has a stand-in for calls of no method, which nobody can call", () => {
    const other = bindOther(around());
    expect([other.info.service, other.info.name]).toEqual([OTHER, OTHER]);
    expect(() => other.endpoint({}, {} as Context)).toThrow("there is no such method");
  });

  it("keeps kinds apart", () => {
    const both = service("both", {
      one: method({ request: text, response: text }),
      many: method({ request: text, response: text, stream: "server" }),
    });
    const bound = bind(
      both.implement({
        one: (message) => message,
        async *many(message) {
          yield await Promise.resolve(message);
        },
      }),
      around(),
    );
    expect(() => bound.methods.get("one")!.stream({}, {} as Context)).toThrow(
      "asked for a stream, or the other way round",
    );
    expect(() => bound.methods.get("many")!.endpoint({}, {} as Context)).toThrow(
      "asked for a stream, or the other way round",
    );
  });
});

/** A call that a test drives: what it answered, and how it ended. */
class Driven extends ServerCall<undefined, never> {
  readonly request = undefined;
  readonly answers: unknown[] = [];
  breaks = false;

  protected succeed(response: unknown): void {
    this.answers.push(response);
    this.finish("ok");
  }

  protected refuse({ reason, code }: ServiceError): void {
    if (this.breaks) throw new Error("cannot write");
    this.answers.push(reason);
    this.finish(code);
  }
}

describe("a call through a server", () => {
  const driven = (
    validate: (wire: unknown) => unknown,
    more: Partial<Surroundings> = {},
  ): { readonly call: Driven; readonly reports: string[] } => {
    const reports: string[] = [];
    const schema = {
      "~standard": { version: 1, vendor: "test", validate, jsonSchema: { input: () => ({}) } },
    } as unknown as z.ZodUnknown;
    const one = service("one", { say: method({ request: schema, response: z.unknown() }) });
    const bound = bind(
      one.implement({ say: (message) => message }),
      around({
        report: (failure) => reports.push(String(failure)),
        failed: ({ cause }) => reports.push(`failed ${String(cause)}`),
        ...more,
      }),
    );
    const call = new Driven(bound.methods.get("say")!, { startMs: systemClock.now(), timeoutMs: 1000 }, {});
    call.begin();
    return { call, reports };
  };

  it("takes a validation that takes its time, or fails, now or later", async () => {
    const outcomes = async (validate: (wire: unknown) => unknown): Promise<readonly unknown[]> => {
      const { call, reports } = driven(validate);
      call.dispatch("x");
      await settled();
      return [...call.answers, ...reports];
    };
    expect(await outcomes((value) => ({ value }))).toEqual(["x"]);
    expect(await outcomes((value) => Promise.resolve({ value }))).toEqual(["x"]);
    expect(await outcomes(() => ({ issues: [{ message: "no" }] }))).toEqual(["invalid_request"]);
    expect(await outcomes(() => Promise.resolve({ issues: [{ message: "no" }] }))).toEqual(["invalid_request"]);
    expect(
      await outcomes(() => {
        throw new Error("broken schema");
      }),
    ).toEqual(["internal", "failed Error: broken schema"]);
    expect(await outcomes(() => Promise.reject(new Error("broken schema")))).toEqual([
      "internal",
      "failed Error: broken schema",
    ]);
  });

  it("ends once: whatever comes after the end changes nothing", () => {
    const { call } = driven((value) => ({ value }));
    call.dispatch("first");
    call.dispatch("second");
    call.fail(new Error("late"));
    call.abandon(policyError("canceled"));
    call.expire();
    expect([call.answers, call.outcome, call.error]).toEqual([["first"], "ok", undefined]);
  });

  it("ends also when its refusal cannot be written", () => {
    const { call, reports } = driven((value) => ({ value }));
    call.breaks = true;
    call.fail(policyError("rate_limited"));
    expect([call.outcome, reports]).toEqual(["resource_exhausted", ["Error: cannot write"]]);
  });

  it("tells at most twenty issues, with paths whatever their segments are", () => {
    const issues = Array.from({ length: 30 }, (_, i) => ({
      message: `no ${i}`,
      path: ["a", i, Symbol("s"), { key: "k" }],
    }));
    const { details } = invalidRequest(issues) as { details: { issues: { path: string[] }[] } };
    expect([details.issues.length, details.issues[1]!.path]).toEqual([20, ["a", "1", "Symbol(s)", "k"]]);
    expect(invalidRequest([{ message: "no" }]).details).toEqual({ issues: [{ path: [], message: "no" }] });
  });

  it("takes attempts that are numbers for what they are", () => {
    const attempts = ["1", "7", "9999", "0", "-1", "1.5", "x", "", "10000"].map((value) => {
      const bound = bind(echo.implement({ say: (message) => message }), around()).methods.get("say")!;
      return new Driven(
        bound,
        { startMs: 0, timeoutMs: 1, incoming: { get: (name) => (name === "request-attempt" ? value : undefined) } },
        {},
      ).attempt;
    });
    expect(attempts).toEqual([1, 7, 9999, 1, 1, 1, 1, 1, 1]);
  });
});

describe("the stack as text", () => {
  it("shares a block among methods that have the same, in the order they came", () => {
    const layers = [{ kind: "gate", text: "a" }] as const;
    expect(
      printStacks([
        { name: "x.one", layers },
        { name: "x.two", layers: [] },
        { name: "x.three", layers: [{ kind: "gate", text: "a" }] },
      ]),
    ).toBe("x.one, x.three\n  gate        a\nx.two\n");
    expect(printStacks([])).toBe("");
  });

  it("says of each layer what it says of itself", () => {
    const gate = described("limit 5/s", ((context) => context) satisfies Gate);
    const { layers } = bind(
      echo.implement({ say: (message) => message }, { gates: [gate, (context) => context] }),
      around(),
    ).methods.get("say")!;
    expect(
      layers
        .filter(({ kind }) => kind === "gate")
        .map(({ text }) => text)
        .slice(1),
    ).toEqual(["limit 5/s", "anonymous"]);
  });
});

describe("limits", () => {
  it("have defaults, and take each bound by itself", () => {
    const defaults = { maxBodyBytes: 1_048_576, maxHeaderBytes: 16_384, maxHeaders: 100, maxDepth: 64 };
    expect(limitsOf()).toEqual(defaults);
    expect(limitsOf({ maxDepth: 3, maxHeaders: undefined })).toEqual({ ...defaults, maxDepth: 3 });
    expect(limitsOf({ maxBodyBytes: 0 }).maxBodyBytes).toBe(0);
  });

  it("are refused outside their ranges, by name", () => {
    for (const [options, says] of [
      [{ maxBodyBytes: 2 ** 31 }, "maxBodyBytes should be an integer from 0 to 2147483647, got 2147483648"],
      [{ maxHeaderBytes: 1023 }, "maxHeaderBytes should be an integer from 1024 to 1048576, got 1023"],
      [{ maxHeaders: 0 }, "maxHeaders should be an integer from 1 to 1000, got 0"],
      [{ maxDepth: 1001 }, "maxDepth should be an integer from 1 to 1000, got 1001"],
      [{ maxbodybytes: 1 }, 'limits has no option "maxbodybytes"'],
    ] as const) {
      expect(() => limitsOf(options as never)).toThrow(says);
    }
  });
});

describe("the JSON codec", () => {
  const shape = {
    validate: (value: unknown) => ({ value }),
    jsonSchema: () => ({ type: "object", properties: { v: { type: "integer" } }, required: ["v"] }),
  };

  it("reads strictly and writes what is declared", () => {
    expect(json.reader(shape, limitsOf())('{"v":1,"w":2}')).toEqual({ v: 1, w: 2 });
    expect(() => json.reader(shape, limitsOf({ maxDepth: 1 }))('{"v":{}}')).toThrow("nested deeper than 1");
    expect(json.writer(shape, "x")({ v: 1, w: 2 })).toBe('{"v":1}');
  });

  it("leaves it to a shape that can, to say what is declared", () => {
    expect(json.writer({ ...shape, toJson: () => ({ own: true }) }, "x")({ v: 1 })).toBe('{"own":true}');
  });

  it("names the message whose schema it cannot have", () => {
    const none = {
      ...shape,
      jsonSchema: () => {
        throw new TypeError("no adapter");
      },
    };
    expect(() => schemaOf(none, "add.sum response")).toThrow("add.sum response: no adapter");
    expect(() => json.writer(none, "add.sum response")).toThrow("add.sum response: no adapter");
  });

  it("is told from what is no codec", () => {
    checkCodec("codec", json);
    for (const [codec, says] of [
      [undefined, "codec should be a codec, got undefined"],
      [{ mediaType: "a/b", form: "xml" }, 'codec a/b: form should be one of "text", "bytes", got "xml"'],
      [{ mediaType: "a/b", form: "text" }, "codec a/b: reader should be a function, got undefined"],
      [{ mediaType: "a/b", form: "text", reader: () => 1 }, "codec a/b: writer should be a function, got undefined"],
    ] as const) {
      expect(() => checkCodec("codec", codec)).toThrow(says);
    }
  });
});
