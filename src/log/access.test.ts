import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ActiveCall, backgroundContext, descriptionOf, OTHER, type Call, type MethodInfo } from "../endpoint/index.ts";
import { bareError, codes, policyError, toServiceError, type Outcome, type ServiceError } from "../errors/index.ts";
import { seededRandom } from "../time/index.ts";
import { virtualClock } from "../testing/index.ts";
import { FieldsAccess } from "./access-fields.ts";
import {
  accessLog,
  logger,
  nopLogger,
  pinoLogger,
  type AccessLogOptions,
  type Fields,
  type Logger,
  type LoggerOptions,
} from "./index.ts";

const sum: MethodInfo = { ...backgroundContext().method, service: "add", name: "sum", side: "server" };

interface Given {
  readonly method?: MethodInfo;
  readonly transport?: string;
  readonly requestId?: string;
  readonly outcome?: Outcome;
  readonly error?: ServiceError;
  readonly peer?: string;
  readonly status?: number;
  readonly durationMs?: number;
  readonly requestBytes?: number;
  readonly responseBytes?: number;
  readonly target?: string;
  readonly traceId?: string;
  readonly sampled?: boolean;
  readonly attempts?: number;
}

class Identified extends ActiveCall {
  id = "req-1";

  protected override makeRequestId(): string {
    return this.id;
  }
}

function callOf(given: Given = {}): Call {
  const {
    method = sum,
    transport = "http",
    requestId = "req-1",
    attempts = 1,
    traceId,
    sampled = false,
    ...rest
  } = given;
  const call = new Identified(method, { startMs: 0, timeoutMs: 3000, transport });
  call.id = requestId;
  const usual = {
    outcome: "ok",
    peer: "127.0.0.1:5000",
    status: 200,
    durationMs: 1.2345,
    requestBytes: 13,
    responseBytes: 7,
  };
  Object.assign(call, usual, rest);
  Object.defineProperty(call, "attempts", { value: attempts });
  if (traceId !== undefined) call.trace = { traceId, spanId: "0".repeat(16), sampled, state: "" };
  return call;
}

interface Captured {
  readonly texts: string[];
  readonly log: Logger;
  readonly records: () => Fields[];
}

function capture(options: LoggerOptions = {}): Captured {
  const texts: string[] = [];
  const log = logger({ batchBytes: 0, clock: virtualClock(), write: (text) => texts.push(text), ...options });
  const records = (): Fields[] =>
    texts
      .join("")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Fields);
  return { texts, log, records };
}

function end(log: Logger, call: Call, options?: AccessLogOptions): void {
  accessLog(log, options)(call.method)!.end!(call);
}

const written = (call: Call, options?: AccessLogOptions, logged?: LoggerOptions): Fields[] => {
  const { log, records } = capture(logged);
  end(log, call, options);
  return records();
};

describe("the line of a call", () => {
  it("is written when it is over, to the byte", () => {
    const { log, texts } = capture({ fields: { app: "shop" } });
    end(log, callOf({ traceId: "a".repeat(32), sampled: true }));
    expect(texts).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"info","msg":"request","app":"shop","service":"add","method":"sum","transport":"http","code":"ok","status":200,' +
        `"ms":1.235,"in":13,"out":7,"peer":"127.0.0.1:5000","request_id":"req-1","trace_id":"${"a".repeat(32)}","sampled":true}\n`,
    ]);
  });

  it("leaves out what there is not", () => {
    const [record] = written(callOf({ transport: "", peer: "", status: 0, durationMs: 0, traceId: "b".repeat(32) }));
    expect(Object.keys(record!)).toEqual([
      "time",
      "level",
      "msg",
      "service",
      "method",
      "code",
      "ms",
      "in",
      "out",
      "request_id",
      "trace_id",
    ]);
  });

  it("is called a call on the other side", () => {
    expect(written(callOf({ method: { ...sum, side: "client" } }))[0]).toMatchObject({ msg: "call" });
  });

  it("has the attempts of a call that took more than one", () => {
    expect(written(callOf({ attempts: 3 }))[0]).toMatchObject({ level: "info", code: "ok", attempts: 3 });
    expect(written(callOf())[0]).not.toHaveProperty("attempts");
  });

  it("has the reason of an error", () => {
    const [record] = written(
      callOf({ outcome: "resource_exhausted", error: policyError("rate_limited"), status: 429 }),
    );
    expect(record).toMatchObject({ level: "warn", code: "resource_exhausted", reason: "rate_limited", status: 429 });
    expect(record).not.toHaveProperty("error");
  });

  it("has what lies behind an error that nobody expected, with its stack", () => {
    const error = toServiceError(new TypeError("x is not a function", { cause: "deep" }));
    expect(written(callOf({ outcome: "internal", error }))[0]).toMatchObject({
      level: "error",
      error: {
        name: "TypeError",
        message: "x is not a function",
        cause: "deep",
        stack: expect.stringContaining("access.test"),
      },
    });
  });

  it("has the target where no method fits, bounded and without secrets, and nowhere else", () => {
    const target = `/x?token=s3cr3t&y=${"z".repeat(1000)}\n`;
    const other = { ...sum, service: OTHER, name: OTHER };
    const [record] = written(callOf({ method: other, target, outcome: "unimplemented", status: 404 }));
    expect(record!["target"]).toMatch(/^\/x\?token=\[redacted\]&y=z+$/);
    expect((record!["target"] as string).length).toBeLessThan(300);
    expect(written(callOf({ target }))[0]).not.toHaveProperty("target");
  });

  it.each<[string, readonly Outcome[]]>([
    ["warn", ["unavailable", "deadline_exceeded", "resource_exhausted"]],
    ["error", ["internal", "unknown", "data_loss"]],
  ])("is as loud as the outcome is bad: %s", (level, outcomes) => {
    const all: readonly Outcome[] = ["ok", ...codes];
    const loud = all.filter((outcome) => written(callOf({ outcome }))[0]!["level"] === level);
    expect(new Set(loud)).toEqual(new Set(outcomes));
  });

  it("is an unknown outcome when a transport forgot to say", () => {
    const call = Object.assign(callOf(), { outcome: undefined });
    expect(written(call)[0]).toMatchObject({ level: "error", code: "unknown" });
  });

  it.each([NaN, -1, Infinity])("has no duration when it lasted %s", (durationMs) => {
    expect(written(callOf({ durationMs }))[0]).toMatchObject({ ms: 0 });
  });
});

// Request and trace ids are checked where they come in: by isRequestId in the transports, by the readers of trace headers.
describe("hostile names and addresses", () => {
  const evil = 'a"b\n\u001b[31m\u202e\\\ud800';

  it("are escaped, wherever they stand", () => {
    const method = { ...sum, service: evil, name: evil };
    const error = bareError("no", { code: "aborted", reason: evil });
    const call = callOf({
      method,
      transport: evil,
      peer: evil,
      outcome: "aborted",
      error,
    });
    const { log, texts, records } = capture();
    end(log, call);
    expect(texts[0]).toMatch(/^[ -~]+\n$/);
    const same = {
      service: evil,
      method: evil,
      transport: evil,
      peer: evil,
      reason: evil,
    };
    expect(records()[0]).toMatchObject(same);
  });

  it("are cut when they have no end", () => {
    const long = "x".repeat(100_000);
    const call = callOf({
      peer: long,
      outcome: "aborted",
      error: bareError(long, { code: "aborted", reason: long }),
    });
    const { log, texts } = capture();
    end(log, call);
    expect(texts[0]!.length).toBeLessThan(2000);
    JSON.parse(texts[0]!);
  });

  it("take no memory for each peer", () => {
    const { log, records } = capture();
    const observer = accessLog(log)(sum)!;
    for (let i = 0; i < 2000; i++) observer.end!(callOf({ peer: `10.0.0.1:${i}` }));
    observer.end!(callOf({ peer: "10.0.0.1:7" }));
    expect(records().map(({ peer }) => peer)).toEqual([
      ...Array.from({ length: 2000 }, (_, i) => `10.0.0.1:${i}`),
      "10.0.0.1:7",
    ]);
  });
});

it("the fast way and the general way write the same lines", () => {
  const text = fc.oneof(fc.constantFrom("127.0.0.1:80", "", "ö\n"), fc.string({ maxLength: 10 }));
  const given = fc.record({
    transport: fc.constantFrom("http", "jsonrpc", ""),
    outcome: fc.constantFrom<Outcome>("ok", ...codes),
    peer: text,
    requestId: fc.constantFrom("req-1", "a/b=c", "0123456789abcdef"),
    status: fc.constantFrom(0, 200, 404),
    durationMs: fc.double({ min: -1, max: 1e7, noNaN: true }),
    requestBytes: fc.integer({ min: 0, max: 5000 }),
    responseBytes: fc.integer({ min: 0, max: 5000 }),
    target: text,
    attempts: fc.constantFrom(1, 1, 2),
    sampled: fc.boolean(),
    hasTrace: fc.boolean(),
    hasError: fc.boolean(),
    isOther: fc.boolean(),
  });
  const clock = virtualClock();
  const [fast, general] = [
    capture({ clock, fields: { app: "x", service: "bound" } }),
    capture({ clock, fields: { app: "x", service: "bound" } }),
  ];
  const rules = { sample: 1, slowMs: 5000, random: seededRandom(1) };
  const methods = [sum, { ...sum, service: OTHER }];
  const fastOf = methods.map(accessLog(fast.log, { slowMs: 5000 }));
  const generalOf = methods.map((method) => new FieldsAccess(general.log, rules, method));
  fc.assert(
    fc.property(given, ({ hasTrace, hasError, isOther, outcome, ...rest }) => {
      fc.pre(!/[:=]/.test(rest.target));
      const error =
        hasError && outcome !== "ok" ? bareError("m", { code: outcome, reason: "r", cause: "why" }) : undefined;
      const call = callOf({
        ...rest,
        outcome,
        ...(error && { error }),
        ...(hasTrace && { traceId: "c".repeat(32) }),
        method: methods[Number(isOther)]!,
      });
      fastOf[Number(isOther)]!.end!(call);
      generalOf[Number(isOther)]!.end(call);
      const [one, other] = [fast.records().at(-1)!, general.records().at(-1)!];
      expect(one).toEqual(other);
      expect(new Set(Object.keys(one))).toEqual(new Set(Object.keys(other)));
      for (const texts of [fast.texts, general.texts]) texts.splice(0, texts.length);
    }),
  );
});

describe("options", () => {
  it("a sample is a share of what ends well and in time; the rest is always written", () => {
    const { log, records } = capture();
    const observer = accessLog(log, { sample: 0.1, slowMs: 100, random: seededRandom(7) })(sum)!;
    for (let i = 0; i < 1000; i++) observer.end!(callOf());
    const sampled = records().length;
    expect(sampled).toBeGreaterThan(60);
    expect(sampled).toBeLessThan(140);
    for (let i = 0; i < 10; i++) observer.end!(callOf({ outcome: "not_found" }));
    for (let i = 0; i < 10; i++) observer.end!(callOf({ durationMs: 101 }));
    expect(records()).toHaveLength(sampled + 20);
  });

  it("a sample of 0 writes none of them, for every kind of logger and of method", () => {
    for (const format of ["json", "logfmt"] as const) {
      const { log, texts } = capture({ format });
      end(log, callOf(), { sample: 0 });
      end(log, callOf({ method: { ...sum, service: OTHER } }), { sample: 0 });
      expect(texts).toEqual([]);
    }
  });

  it("a slow call is a warning, and says so", () => {
    expect(written(callOf({ durationMs: 100 }), { slowMs: 100 })[0]).not.toHaveProperty("slow");
    expect(written(callOf({ durationMs: 100.1 }), { slowMs: 100 })[0]).toMatchObject({
      level: "warn",
      slow: true,
      code: "ok",
    });
    expect(written(callOf({ durationMs: 101, outcome: "internal" }), { slowMs: 100 })[0]).toMatchObject({
      level: "error",
      slow: true,
    });
  });

  it.each<[AccessLogOptions, string]>([
    [{ sample: 1.1 }, "sample should be a number from 0 to 1, got 1.1"],
    [{ slowMs: -1 }, "slowMs should be a number of at least 0, got -1"],
    [{ rate: 1 } as AccessLogOptions, 'accessLog has no option "rate"'],
  ])("wrong ones throw: %j", (options, message) => {
    expect(() => accessLog(nopLogger, options)).toThrow(message);
  });

  it("are in the description", () => {
    expect(descriptionOf(accessLog(nopLogger))).toBe("access log");
    expect(descriptionOf(accessLog(nopLogger, { sample: 0.1, slowMs: 500 }))).toBe("access log sample 0.1 slow 500 ms");
  });
});

describe("every kind of logger", () => {
  it("may change its level while running", () => {
    const { log, records } = capture();
    const observer = accessLog(log)(sum)!;
    log.level = "warn";
    observer.end!(callOf());
    observer.end!(callOf({ outcome: "not_found" }));
    observer.end!(callOf({ outcome: "unavailable" }));
    log.level = "off";
    observer.end!(callOf({ outcome: "internal" }));
    expect(records().map(({ code }) => code)).toEqual(["unavailable"]);
  });

  it("may have bound fields of the same names: the call's are written, once", () => {
    const { log, texts, records } = capture({ fields: { service: "mine", code: "mine", region: "eu" } });
    end(log, callOf());
    expect(records()[0]).toMatchObject({ service: "add", code: "ok", region: "eu" });
    expect(texts[0]!.match(/"service"/g)).toHaveLength(1);
  });

  it("may compute bound fields for each line", () => {
    let count = 0;
    const { log, records } = capture({ fields: { count: () => ++count } });
    const observer = accessLog(log)(sum)!;
    observer.end!(callOf());
    observer.end!(callOf());
    expect(records().map((record) => record["count"])).toEqual([1, 2]);
  });

  it("may redact the peer", () => {
    expect(written(callOf(), {}, { redact: ["peer"] })[0]).toMatchObject({ peer: "[redacted]", request_id: "req-1" });
  });

  it("may have short lines", () => {
    const { log, texts } = capture({ maxLineBytes: 1024, fields: { filler: "f".repeat(300) } });
    const error = toServiceError(new Error("e".repeat(5000)));
    end(log, callOf({ outcome: "internal", error, requestId: "r".repeat(100) }));
    expect(texts[0]!.length).toBeLessThanOrEqual(1024);
    JSON.parse(texts[0]!);
  });

  it("keeps the longest of errors within a line", () => {
    const { log, texts, records } = capture();
    end(log, callOf({ outcome: "internal", error: toServiceError(new Error("e".repeat(1_000_000))) }));
    expect(texts[0]!.length).toBeLessThanOrEqual(16_384);
    expect(records()[0]).toMatchObject({ error: { message: expect.stringMatching(/^e+…\[\+\d+\]$/) } });
  });

  it("may be logfmt, or pino, or none", () => {
    const { log, texts } = capture({ format: "logfmt" });
    end(log, callOf());
    expect(texts[0]).toMatch(
      / level=info msg=request service=add method=sum transport=http code=ok status=200 ms=1.235 in=13 out=7 peer=127.0.0.1:5000 request_id=req-1\n$/,
    );
    const lines: unknown[] = [];
    const write = (fields: object, message: string): void => void lines.push([message, fields]);
    const pino = { level: "info", isLevelEnabled: () => true, debug: write, info: write, warn: write, error: write };
    end(pinoLogger(pino), callOf());
    expect(lines).toMatchObject([["request", { service: "add", code: "ok", ms: 1.235 }]]);
    expect(() => end(nopLogger, callOf())).not.toThrow();
  });
});
