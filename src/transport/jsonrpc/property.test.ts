import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { request, type Wire } from "../../../test/wire.ts";
import { bareError } from "../../errors/index.ts";
import { error, method, service } from "../../index.ts";
import { limitsOf } from "../limits.ts";
import { readAnswers } from "./client-answer.ts";
import { encodeRpcError } from "./code.ts";
import { idTexts } from "./id-text.ts";
import { jsonrpcServer } from "./index.ts";

const no = error("no", { code: "aborted" });
const anything = service("any", {
  echo: method({ request: z.looseObject({}), response: z.unknown(), errors: [no] }),
  list: method({ request: z.array(z.unknown()), response: z.unknown() }),
  pair: method({ request: z.object({ a: z.unknown(), b: z.int() }), response: z.unknown() }),
}).implement({
  echo: (value) => ("no" in value ? no() : value),
  list: (values) => values,
  pair: async (value) => value,
});

/** What is almost a request, and often one. */
const almost = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 5, arbitrary: fc.constant("2.0") }, fc.jsonValue()),
    method: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom("any.echo", "any.list", "any.pair", "nope", "constructor", "__proto__") },
      fc.jsonValue(),
    ),
    params: fc.jsonValue(),
    id: fc.oneof(fc.integer(), fc.string(), fc.double(), fc.constant(null), fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const message = fc.oneof(almost, fc.array(fc.oneof(almost, fc.jsonValue()), { maxLength: 8 }), fc.jsonValue());

function expectsAnswer(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return true;
  const { jsonrpc, method, params, id } = value as Record<string, unknown>;
  const isRequest =
    jsonrpc === "2.0" &&
    typeof method === "string" &&
    (params === undefined || (typeof params === "object" && params !== null));
  return !isRequest || id !== undefined;
}

function isAnswer(value: unknown): boolean {
  const { jsonrpc, result, error, id, ...others } = value as { error?: { code: unknown; message: unknown } } & Record<
    string,
    unknown
  >;
  const isId = id === null || typeof id === "string" || typeof id === "number";
  const isError = error !== undefined && Number.isInteger(error.code) && typeof error.message === "string";
  return jsonrpc === "2.0" && isId && (result !== undefined) !== isError && Object.keys(others).length === 0;
}

describe("any JSON value", () => {
  let server: Served;
  let wire: Wire;
  const failures: unknown[] = [];
  beforeAll(async () => {
    server = await served(
      anything,
      {},
      { on: [jsonrpcServer({ port: 0, host: "127.0.0.1" })], report: (e) => failures.push(e) },
    );
    wire = server.wire();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("gets valid JSON-RPC over one connection, one answer for each request, and never a failure of the server", async () => {
    await fc.assert(
      fc.asyncProperty(message, async (value) => {
        const text = JSON.stringify(value);
        const { status, body } = await wire.send(request({ path: "/", body: text })).answer();
        // JSON.parse reads -0 from text, and `__proto__` as a member, which is refused as a whole.
        const sent = JSON.parse(text) as unknown;
        const wanted = Array.isArray(sent) ? sent.filter(expectsAnswer).length : Number(expectsAnswer(sent));
        if (status === 204) expect([wanted, body]).toEqual([0, ""]);
        else {
          expect(status).toBe(200);
          const answer = JSON.parse(body) as unknown;
          if (Array.isArray(answer)) expect(answer).toHaveLength(wanted);
          for (const one of [answer].flat()) expect(isAnswer(one)).toBe(true);
          expect(body).not.toContain("-32603");
        }
      }),
      { numRuns: 1000 },
    );
    expect(failures).toEqual([]);
  });

  it("and any bytes get an answer, or are refused as they come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
        const { status, body } = await wire.send(Buffer.concat([Buffer.from(head), bytes])).answer();
        expect(status).toBe(200);
        for (const one of [JSON.parse(body) as unknown].flat()) expect(isAnswer(one)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("as an answer is read without failing, and what we write is read as it was", () => {
    const context = { limits: limitsOf(), dateMs: 0 };
    const response = (status: number) =>
      ({ statusCode: status, headers: { "content-type": "application/json" } }) as never;
    fc.assert(
      fc.property(
        fc.oneof(message, fc.record({ jsonrpc: fc.constant("2.0"), id: fc.integer(), error: fc.jsonValue() })),
        fc.constantFrom(200, 404, 500),
        (value, status) => {
          const { byId, missing } = readAnswers(response(status), Buffer.from(JSON.stringify(value)), context);
          for (const { error, result } of byId.values()) expect(error === undefined || result === undefined).toBe(true);
          expect(missing.reason).toBe("invalid_response");
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.string(),
        fc.jsonValue(),
        fc.option(fc.nat(), { nil: undefined }),
        (text, details, retryAfterMs) => {
          fc.pre(!JSON.stringify(details).includes("__proto__"));
          const sent = bareError(text, { code: "aborted", reason: "no", details, retryAfterMs });
          const body = JSON.stringify({ jsonrpc: "2.0", error: encodeRpcError(sent), id: 1 });
          const read = readAnswers(response(200), Buffer.from(body), context).byId.get(1)!.error!;
          const { code, reason, message } = read;
          expect({ code, reason, message, retryAfterMs: read.retryAfterMs }).toEqual({
            code: "aborted",
            reason: "no",
            message: text,
            retryAfterMs,
          });
          expect(read.details).toEqual(JSON.parse(JSON.stringify(details)));
        },
      ),
    );
  });
});

describe("the texts of ids", () => {
  it("are those that JSON.parse reads, wherever else an id stands", () => {
    const id = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger());
    const holder = fc.record({
      a: fc.jsonValue(),
      id,
      "i\\d": fc.jsonValue(),
      b: fc.record({ id: fc.jsonValue() }),
      c: fc.constantFrom('"id":5', "id", '\\"id\\":7', "{["),
    });
    const spaced = fc.nat(3);
    fc.assert(
      fc.property(
        fc.array(fc.oneof(holder, fc.jsonValue()), { minLength: 1, maxLength: 5 }),
        spaced,
        (values, indent) => {
          const text = JSON.stringify(values, undefined, indent);
          const texts = idTexts(text);
          (JSON.parse(text) as unknown[]).forEach((value, i) => {
            const expected =
              typeof value === "object" && value !== null && !Array.isArray(value)
                ? (value as { id?: unknown }).id
                : undefined;
            expect(texts[i] === undefined ? undefined : Number(texts[i])).toBe(
              typeof expected === "number" ? expected : undefined,
            );
          });
          const one = JSON.stringify(values[0], undefined, indent);
          if (one.startsWith("{")) expect(idTexts(one)[0]).toBe(texts[0]);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
