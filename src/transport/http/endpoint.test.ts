import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { methodInfo } from "../../../test/method-info.ts";
import { until } from "../../../test/until.ts";
import { exchange, request, Wire, type RequestParts, type WireAnswer } from "../../../test/wire.ts";
import { policyError } from "../../errors/index.ts";
import { chain, key, ServiceError, type Call, type Middleware } from "../../index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { httpEndpoint, type HttpEndpointOptions, type HttpMessage } from "./index.ts";

const servers: { close(): void; closeAllConnections(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function asked<Req, Res>(options: HttpEndpointOptions<Req, Res>, parts: RequestParts): Promise<WireAnswer> {
  return exchange(await listening(httpEndpoint(options)), request(parts));
}

interface Sum {
  readonly a: number;
  readonly b: number;
}

/** Go kit's addsvc by hand: decode, endpoint, encode. */
const sum: HttpEndpointOptions<Sum, { readonly v: number }> = {
  decode(message) {
    const { a, b } = message.json() as Sum;
    return { a, b };
  },
  endpoint: ({ a, b }) => ({ v: a + b }),
  encode({ v }, reply) {
    reply.header("Content-Type", "application/json; charset=utf-8");
    reply.body = `${JSON.stringify({ v })}\n`;
  },
};

describe("an endpoint over HTTP", () => {
  it("decodes, calls and encodes, whatever the verb, path and content type", async () => {
    const address = await listening(httpEndpoint(sum));
    for (const parts of [
      { path: "/", body: '{"a":1,"b":2}' },
      { verb: "GET", path: "/sum?x", headers: { "Content-Type": "text/plain" }, body: '{"a":1,"b":2}' },
      { verb: "PUT", path: "/", headers: { "Content-Type": "", Accept: "image/png" }, body: '{"a":1,"b":2}' },
    ]) {
      const { status, headers, body } = await exchange(address, request(parts));
      expect([status, headers["content-type"], headers["content-length"], body]).toEqual([
        200,
        "application/json; charset=utf-8",
        "8",
        '{"v":3}\n',
      ]);
    }
  });

  it("infers its types from decode", () => {
    httpEndpoint({
      decode: (message) => ({ n: message.text().length }),
      endpoint: (message, context) => {
        expectTypeOf(message).toEqualTypeOf<{ n: number }>();
        expectTypeOf(context.deadlineMs).toBeNumber();
        return message.n > 1;
      },
      encode: (isLong) => expectTypeOf(isLong).toBeBoolean(),
    });
    // Also where the endpoint names its request.
    httpEndpoint({
      decode: (message) => message.text(),
      endpoint: (text: string) => text.length,
      encode: (n) => n.toFixed(),
    });
    // @ts-expect-error the endpoint takes what decode does not give
    httpEndpoint({ decode: () => "text", endpoint: (n: number) => n, encode: () => undefined });
  });

  it("gives decode the message: verb, path, query, headers, and the body as bytes, text and JSON", async () => {
    let seen: HttpMessage | undefined;
    await asked(
      { ...sum, decode: (message): Sum => ((seen = message), { a: 0, b: 0 }) },
      { path: "/a%20b/c?x=1&x=2", headers: { "X-Three": "3" }, body: '{"ä":1}' },
    );
    expect([seen?.verb, seen?.path, seen?.query.getAll("x"), seen?.header("x-THREE"), seen?.header("nope")]).toEqual([
      "POST",
      "/a%20b/c",
      ["1", "2"],
      "3",
      undefined,
    ]);
    expect([seen?.text(), seen?.json(), seen?.body.length]).toEqual(['{"ä":1}', { ä: 1 }, 8]);
  });

  it("gives decode an empty body where there is none", async () => {
    const { status, body } = await asked(
      {
        decode: (message) => message.body.length,
        endpoint: (n: number) => n,
        encode: (n, reply) => void (reply.body = String(n)),
      },
      { path: "/" },
    );
    expect([status, body]).toEqual([200, "0"]);
  });

  it("sends bytes as bytes, and what a reply begins with is an empty 200", async () => {
    const bytes = { decode: (message: HttpMessage) => message.body, endpoint: (body: Uint8Array) => body.toReversed() };
    const reversed = await asked(
      { ...bytes, encode: (body, reply) => void (reply.body = body) },
      { path: "/", body: "abc" },
    );
    expect([reversed.body, reversed.headers["content-type"], reversed.headers["content-length"]]).toEqual([
      "cba",
      undefined,
      "3",
    ]);
    const empty = await asked({ ...bytes, encode: () => undefined }, { path: "/", body: "abc" });
    expect([empty.status, empty.body, empty.headers["content-length"]]).toEqual([200, "", "0"]);
  });

  it("waits for a decode, an endpoint and an encode that take their time", async () => {
    const turn = settled;
    const { status, body } = await asked(
      {
        async decode(message) {
          await turn();
          return message.text();
        },
        async endpoint(text: string) {
          await turn();
          return text.toUpperCase();
        },
        async encode(text, reply) {
          await turn();
          reply.status = 201;
          reply.body = text;
        },
      },
      { path: "/", body: "slow" },
    );
    expect([status, body]).toEqual([201, "SLOW"]);
  });

  it("runs through middlewares like any endpoint", async () => {
    const steps: string[] = [];
    const told =
      (name: string): Middleware<Sum, { readonly v: number }> =>
      (next) =>
        function tell(message, context) {
          steps.push(name);
          return next(message, context);
        };
    const method = methodInfo({ timeoutMs: 1 });
    const endpoint = chain(told("outer"), told("inner"))(sum.endpoint as never, method) as typeof sum.endpoint;
    expect((await asked({ ...sum, endpoint }, { path: "/", body: '{"a":1,"b":2}' })).body).toBe('{"v":3}\n');
    expect(steps).toEqual(["outer", "inner"]);
  });
});

describe("an error of an endpoint over HTTP", () => {
  const secret = new Error("hunter2");
  const failing: Readonly<
    Record<
      string,
      {
        readonly options: Partial<HttpEndpointOptions<Sum, { readonly v: number }>>;
        readonly status: number;
        readonly failures: number;
      }
    >
  > = {
    "a decode that throws": {
      options: {
        decode: () => {
          throw secret;
        },
      },
      status: 500,
      failures: 1,
    },
    "a decode that fails later": { options: { decode: () => Promise.reject(secret) }, status: 500, failures: 1 },
    "a decode that refuses": {
      options: {
        decode: () => {
          throw new ServiceError("no", { code: "permission_denied" });
        },
      },
      status: 403,
      failures: 0,
    },
    "a decode that refuses later": {
      options: { decode: () => Promise.reject(policyError("malformed_message")) },
      status: 400,
      failures: 0,
    },
    "an endpoint that throws": {
      options: {
        endpoint: () => {
          throw secret;
        },
      },
      status: 500,
      failures: 1,
    },
    "an endpoint that fails later": { options: { endpoint: () => Promise.reject(secret) }, status: 500, failures: 1 },
    "an endpoint that answers with an error": {
      options: { endpoint: () => policyError("rate_limited", { retryAfterMs: 1500 }) as never },
      status: 429,
      failures: 0,
    },
    "an encode that throws": {
      options: {
        encode: () => {
          throw secret;
        },
      },
      status: 500,
      failures: 1,
    },
    "an encode that fails later": { options: { encode: () => Promise.reject(secret) }, status: 500, failures: 1 },
    "an encode with a status that is none": {
      options: { encode: (_, reply) => void (reply.status = 99) },
      status: 500,
      failures: 1,
    },
    "an encode, late, with a body that is none": {
      options: {
        encode: async (_, reply) => {
          await Promise.resolve();
          reply.body = 7 as never;
        },
      },
      status: 500,
      failures: 1,
    },
  };
  for (const [what, { options, status, failures }] of Object.entries(failing)) {
    it(`is answered as problem details and says nothing of the inside: ${what}`, async () => {
      const reported: unknown[] = [];
      const answer = await asked(
        { ...sum, ...options, report: (error) => reported.push(error) },
        { path: "/", body: '{"a":1,"b":2}' },
      );
      expect([answer.status, answer.headers["content-type"]]).toEqual([status, "application/problem+json"]);
      expect(answer.body).not.toContain("hunter2");
      expect(reported.length).toBe(failures);
    });
  }

  it("is 400 where the body is not what decode asks for", async () => {
    const address = await listening(httpEndpoint({ ...sum, limits: { maxBodyBytes: 100, maxDepth: 3 } }));
    for (const [body, status] of [
      ["{", 400],
      ["[[[[1]]]]", 400],
      ['{"a":1,"a":1}', 400],
      ["x".repeat(101), 413],
    ] as const) {
      expect([body, (await exchange(address, request({ path: "/", body }))).status]).toEqual([body, status]);
    }
    const bytes = await exchange(address, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n\xff\xfe");
    expect([bytes.status, bytes.body.includes("the body is not UTF-8")]).toEqual([400, true]);
  });

  it("is written by an error encoder, as in Go kit's TestServerErrorEncoder", async () => {
    const teapot = new ServiceError("dang", { code: "aborted", reason: "teapot" });
    const { status, body } = await asked(
      {
        ...sum,
        decode: () => {
          throw teapot;
        },
        errorEncoder(error, reply) {
          reply.status = error.reason === "teapot" ? 418 : 500;
          reply.body = error.message;
        },
      },
      { path: "/" },
    );
    expect([status, body]).toEqual([418, "dang"]);
  });
});

describe("what stands around an endpoint over HTTP", () => {
  it("is what stands around a contract's method: hooks, gates, observers, ids, metadata", async () => {
    const who = key<string>("who");
    const steps: string[] = [];
    const answer = await asked(
      {
        decode: (message, context) => (steps.push(`decode for ${context.need(who)}`), message.text()),
        endpoint(text: string, context) {
          context.reply.set("x-served-by", "blue");
          return `${text} ${context.requestId} ${context.method.service}.${context.method.name}`;
        },
        encode: (text, reply, context) => void (reply.body = `${text} ${context.need(who)}`),
        name: { service: "shop", method: "hello" },
        before: [(context, incoming) => context.with(who, incoming.header("x-who")!)],
        gates: [(context) => (steps.push("gate"), context)],
        after: [(_, reply) => reply.header("x-after", "1")],
        finalizer: [
          ({ outcome, status, requestBytes, responseBytes }) =>
            void steps.push(`${outcome} ${status} ${requestBytes} ${responseBytes}`),
        ],
        observers: [({ service, name }) => ({ end: () => void steps.push(`end ${service}.${name}`) })],
      },
      { path: "/", headers: { "x-who": "ada", "x-request-id": "r-1" }, body: "hi" },
    );
    expect(answer.body).toBe("hi r-1 shop.hello ada");
    expect([answer.headers["x-served-by"], answer.headers["x-after"], answer.headers["x-request-id"]]).toEqual([
      "blue",
      "1",
      "r-1",
    ]);
    expect(steps).toEqual(["gate", "decode for ada", "end shop.hello", "ok 200 2 21"]);
  });

  it("is refused by a gate before its body is read", async () => {
    let calls = 0;
    const { status } = await asked(
      { ...sum, decode: () => (calls++, { a: 0, b: 0 }), gates: [() => policyError("rate_limited")] },
      { path: "/", body: "{}" },
    );
    expect([status, calls]).toEqual([429, 0]);
  });

  it("ends at its deadline: a decode, an endpoint or an encode that never comes back", async () => {
    const never = (): Promise<never> => new Promise(() => undefined);
    for (const options of [{ decode: never }, { endpoint: never }, { encode: never }]) {
      const clock = virtualClock();
      let ended: Call | undefined;
      const address = await listening(
        httpEndpoint({ ...sum, ...options, timeoutMs: 50, clock, finalizer: [(call) => (ended = call)] }),
      );
      const wire = new Wire(address).send(request({ path: "/", body: '{"a":1,"b":2}' }));
      await until(() => clock.pending === 1);
      await clock.advance(50);
      expect((await wire.answer()).status).toBe(504);
      expect([ended?.outcome, ended?.durationMs, clock.pending]).toEqual(["deadline_exceeded", 50, 0]);
      wire.close();
    }
  });

  it("drops an encode that comes after the deadline", async () => {
    const clock = virtualClock();
    let go: () => void = () => undefined;
    const address = await listening(
      httpEndpoint({
        ...sum,
        clock,
        encode: (_, reply) =>
          new Promise<void>((resolve) => {
            go = () => {
              reply.body = "late";
              resolve();
            };
          }),
      }),
    );
    const wire = new Wire(address).send(request({ path: "/", body: '{"a":1,"b":2}' }));
    await until(() => clock.pending === 1);
    await clock.advance(3000);
    expect((await wire.answer()).status).toBe(504);
    go();
    wire.send(request({ path: "/", body: "x" }));
    expect((await wire.answer()).status).toBe(400);
    wire.close();
  });

  it("is wrong at once where an option is", () => {
    for (const [options, says] of [
      [{ decode: undefined }, "decode should be a function, got undefined"],
      [{ endpoint: 5 }, "endpoint should be a function, got 5"],
      [{ encode: {} }, "encode should be a function, got an object"],
      [{ timeoutMs: 0 }, "timeoutMs should be a number of at least 1, got 0"],
      [{ limits: { maxBodyBytes: 0.5 } }, "maxBodyBytes should be an integer from 0 to 2147483647, got 0.5"],
      [{ before: {} }, "before should be a list of functions, got an object"],
      [{ gates: [1] }, "gates[0] should be a function, got 1"],
      [{ observers: 1 }, "observers should be a list of functions, got 1"],
      [{ report: 1 }, "report should be a function, got 1"],
      [{ name: "add" }, "name.service should be a non-empty string, got undefined"],
      [{ encoder: 1 }, 'httpEndpoint has no option "encoder"'],
    ] as const) {
      expect(() => httpEndpoint({ ...sum, ...options } as never)).toThrow(says);
    }
  });
});
