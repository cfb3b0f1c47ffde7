import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { backgroundContext, Metadata, type ActiveCall, type CallContext, type Endpoint } from "../../endpoint/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { httpCall, type HttpCallOptions } from "./client-call.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()!();
});

async function serving(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => (server.close(), server.closeAllConnections()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const failed = async (promise: unknown): Promise<ServiceError> =>
  (await Promise.resolve(promise).then(
    () => undefined,
    (e: unknown) => e,
  )) as ServiceError;

const get = <Res>(
  url: string,
  options: Partial<HttpCallOptions<void, Res>> & Pick<HttpCallOptions<void, Res>, "decode">,
): Endpoint<void, Res> => httpCall<void, Res>({ verb: "GET", url, ...options });

describe("a call without a contract", () => {
  it("writes the request and reads the answer as it is told", async () => {
    const from = await serving((request, response, body) =>
      response
        .writeHead(201, { "x-kind": "shout" })
        .end(`${request.method} ${request.url} ${request.headers["content-type"]} ${body.toUpperCase()}`),
    );
    const shout = httpCall<string, readonly unknown[]>({
      verb: "POST",
      url: `${from}/shout?loud=1`,
      headers: { "content-type": "text/plain" },
      encode: (text, http) => {
        http.body = text;
        http.header("x-length", String(text.length));
      },
      decode: (response, context) => [response.status, response.header("X-Kind"), response.text(), context.method.name],
    });
    expectTypeOf(shout).toExtend<Endpoint<string, readonly unknown[]>>();
    expect(await shout("hello", backgroundContext())).toEqual([
      201,
      "shout",
      "POST /shout?loud=1 text/plain HELLO",
      "background",
    ]);
  });

  it("sends a length with a body that is empty, where one is expected, and none elsewhere", async () => {
    const from = await serving((request, response) =>
      response.end(`${request.headers["content-length"]} ${request.headers["transfer-encoding"]}`),
    );
    const call = (verb: string) =>
      httpCall<void, string>({ verb, url: from, decode: (response) => response.text() })(
        undefined,
        backgroundContext(),
      );
    expect(await call("POST")).toBe("0 undefined");
    expect(await call("GET")).toBe("undefined undefined");
  });

  it("may choose another path, and send bytes", async () => {
    const from = await serving((request, response, body) => response.end(request.url + body));
    const call = httpCall<number, string>({
      verb: "PUT",
      url: from,
      encode: (id, http) => ((http.path = `/things/${id}`), (http.body = new Uint8Array([0x21]))),
      decode: (response) => response.text(),
    });
    expect(await call(7, backgroundContext())).toBe("/things/7!");
  });

  it("waits for a decoder that is asynchronous, and passes on what it throws as it is", async () => {
    const from = await serving((_request, response) => response.end("1"));
    const context = backgroundContext();
    expect(
      await get(from, { decode: async (response) => (await settled(), response.json()) })(undefined, context),
    ).toBe(1);
    const own = new RangeError("own");
    expect(await failed(get(from, { decode: () => Promise.reject(own) })(undefined, context))).toBe(own);
    expect(
      await failed(
        get(from, {
          decode: () => {
            throw own;
          },
        })(undefined, context),
      ),
    ).toBe(own);
  });

  it("rejects with a typed error at any other status than it accepts", async () => {
    const from = await serving((request, response) => response.writeHead(Number(request.url!.slice(1))).end("oops"));
    const at = (status: number, accepts?: (status: number) => boolean) =>
      get(`${from}/${status}`, { decode: (response) => response.status, accepts })(undefined, backgroundContext());
    expect(await failed(at(500))).toMatchObject({ code: "internal", origin: "peer" });
    expect(await failed(at(404))).toMatchObject({ code: "not_found", origin: "peer" });
    expect(await failed(at(302))).toMatchObject({ reason: "invalid_response" });
    expect(await at(404, (status) => status === 404)).toBe(404);
    expect(await failed(at(200, (status) => status === 404))).toMatchObject({
      reason: "invalid_response",
      message: "the peer answered 200, which was not expected",
    });
  });

  it("reads answers that are not what the decoder asks for as invalid", async () => {
    const from = await serving((_request, response) => response.end(Buffer.from([0xff])));
    expect(
      (await failed(get(from, { decode: (response) => response.text() })(undefined, backgroundContext()))).reason,
    ).toBe("invalid_response");
    expect(
      (await failed(get(from, { decode: (response) => response.json() })(undefined, backgroundContext()))).reason,
    ).toBe("invalid_response");
    const empty = await serving((_request, response) => response.end());
    expect(
      await get(empty, { decode: (response) => [response.text(), response.json(), response.body] })(
        undefined,
        backgroundContext(),
      ),
    ).toEqual(["", undefined, undefined]);
  });

  it("passes on what the context carries: time, request id, correlation id, criticality", async () => {
    let headers: IncomingMessage["headers"] = {};
    const from = await serving((request, response) => ((headers = request.headers), response.end()));
    const context = backgroundContext({ timeoutMs: 900 });
    const incoming = new Metadata();
    incoming.set("x-correlation-id", "order-7");
    incoming.set("request-criticality", "low");
    ((context as CallContext).call as ActiveCall).incoming = incoming;
    await get(from, { decode: () => 1 })(undefined, context);
    expect(headers).toMatchObject({
      "x-request-id": context.requestId,
      "x-correlation-id": "order-7",
      "request-criticality": "low",
    });
    expect(Number(headers["request-timeout-ms"])).toBeLessThanOrEqual(900);
  });

  it("ends at its own deadline or the context's, and leaves no timer", async () => {
    const from = await serving(() => {});
    const clock = virtualClock();
    const decode = (): number => 1;
    for (const [timeoutMs, dueMs] of [
      [Infinity, 50],
      [20, 20],
    ] as const) {
      const context = backgroundContext({ timeoutMs, clock });
      const thrown = failed(get(from, { decode, timeoutMs: 50, clock })(undefined, context));
      await clock.advance(dueMs - 1);
      expect(await Promise.race([thrown, settled()])).toBeUndefined();
      await clock.advance(1);
      expect((await thrown).reason).toBe("deadline_exceeded");
    }
    expect(clock.pending).toBe(0);
  });

  it("is called off with its context, and not even begun when that is over", async () => {
    let requests = 0;
    const from = await serving(() => requests++);
    const context = backgroundContext();
    const call = get(from, { decode: () => 1 });
    const thrown = failed(call(undefined, context));
    const reason = policyError("canceled");
    ((context as CallContext).call as ActiveCall).cancel(reason);
    expect(await thrown).toBe(reason);
    expect(await failed(call(undefined, context))).toBe(reason);
    expect((await failed(call(undefined, backgroundContext({ timeoutMs: 0 })))).reason).toBe("deadline_exceeded");
    await settled();
    expect(requests).toBe(0);
  });

  it("runs its hooks in order", async () => {
    const seen: string[] = [];
    const from = await serving((request, response) =>
      response.writeHead(request.headers["x-fail"] === undefined ? 200 : 500).end(),
    );
    const call = httpCall<boolean, void>({
      verb: "GET",
      url: from,
      encode: (fails, http) => fails && http.header("x-fail", "1"),
      before: [(_context, request) => void seen.push(`before ${request.path}`)],
      after: [(_context, { status }) => void seen.push(`after ${status}`)],
      finalizer: [({ status, error }) => void seen.push(`finalizer ${status} ${error?.code}`)],
      decode: () => void seen.push("decode"),
    });
    await call(false, backgroundContext());
    await failed(call(true, backgroundContext()));
    expect(seen).toEqual([
      "before /",
      "after 200",
      "decode",
      "finalizer 200 undefined",
      "before /",
      "after 500",
      "finalizer 500 internal",
    ]);
  });

  it("refuses wrong options", () => {
    const make = (options: object) => () =>
      httpCall({ verb: "GET", url: "http://h", decode: () => 1, ...options } as HttpCallOptions<void, number>);
    expect(make({ retries: 1 })).toThrow('httpCall has no option "retries"');
    expect(make({ verb: "get" })).toThrow('verb should be upper-case letters, got "get"');
    expect(make({ url: "nowhere" })).toThrow(
      'url should be an http or https URL without user, query and fragment, got "nowhere"',
    );
    expect(make({ url: "http://h/#x" })).toThrow("url should be");
    expect(make({ decode: undefined })).toThrow("decode should be a function, got undefined");
    expect(make({ encode: 1 })).toThrow("encode should be a function, got 1");
    expect(make({ timeoutMs: 0 })).toThrow("timeoutMs should be a number from 1 to 86400000, got 0");
    expect(make({ maxSockets: 0 })).toThrow("maxSockets");
  });
});
