import { createHash } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import fc from "fast-check";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../../test/served.ts";
import { passing, until } from "../../../../test/until.ts";
import { client, close } from "../../../client/index.ts";
import { shapeOf } from "../../../contract/index.ts";
import { backgroundContext } from "../../../endpoint/index.ts";
import { method, service, type ServiceError } from "../../../index.ts";
import { bytesSchema, byteStreamSchema, json, limitsOf, withFields, type ByteStream, type Codec } from "../../index.ts";
import { bytes, bytesCodec, form, formCodec, httpCall, httpClient, routes, text, textCodec } from "../index.ts";

// A peer of its own: undici.
const { fetch } = globalThis;

const open: AsyncDisposable[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()![Symbol.asyncDispose]();
});
const started = async (server: Promise<Served>): Promise<Served> => {
  open.push(await server);
  return server;
};

const pair = z.object({ a: z.string(), n: z.int(), tags: z.array(z.string()).optional(), on: z.boolean().optional() });
const said = z.object({ a: z.string(), n: z.int(), tags: z.array(z.string()).optional(), on: z.boolean().optional() });
const talks = service("talks", {
  flat: method({ request: pair, response: said }),
  nested: method({ request: pair, response: z.object({ deep: said }) }),
  shout: method({ request: z.string(), response: z.string() }),
  titled: method({
    request: z.object({ text: z.string() }),
    response: z.object({ text: z.string(), secret: z.string() }),
  }),
  flip: method({ request: bytesSchema, response: bytesSchema }),
  plain: method({ request: z.instanceof(Uint8Array), response: z.instanceof(Uint8Array) }),
});
const talking = talks.implement({
  flat: (request) => request,
  nested: (deep) => ({ deep }),
  shout: (words) => words.toUpperCase(),
  titled: (request) => ({ text: request.text, secret: "s" }),
  flip: (request) => request.toReversed(),
  plain: (request) => request,
});
const bound = routes(talks, {
  shout: { path: "POST /shout", codec: text },
  titled: { path: "POST /titled", codec: textCodec({ field: "text" }) },
  flip: { path: "POST /flip", codec: bytes },
  plain: { path: "POST /plain", codec: bytes },
  nested: { path: "POST /nested", codec: { ...form, answers: json } },
  flat: "POST /flat",
});
const talk = () =>
  started(
    served(talking, { routes: [bound], codecs: [json, { ...form, answers: json }], limits: { maxBodyBytes: 100_000 } }),
  );

describe("content types, both ways", () => {
  const FORM = "application/x-www-form-urlencoded";
  it.each<[string, string, string, string, number, string, string]>([
    [
      "a form",
      "/flat",
      FORM,
      "a=x+%26&n=7&tags=p&tags=q&on=true&more=1",
      200,
      "application/json",
      '{"a":"x &","n":7,"tags":["p","q"],"on":true}',
    ],
    [
      "a form with a charset",
      "/flat",
      `${FORM}; charset=UTF-8`,
      "a=%C3%A9&n=7",
      200,
      "application/json",
      '{"a":"é","n":7}',
    ],
    ["a form for a nested answer", "/nested", FORM, "a=x&n=7", 200, "application/json", '{"deep":{"a":"x","n":7}}'],
    ["JSON beside it", "/flat", "application/json", '{"a":"x","n":7}', 200, "application/json", '{"a":"x","n":7}'],
    [
      "what is built on JSON",
      "/flat",
      "application/vnd.talk+json",
      '{"a":"x","n":7}',
      200,
      "application/json",
      '{"a":"x","n":7}',
    ],
    [
      "quoted charset",
      "/flat",
      'application/json;charset="utf-8"',
      '{"a":"x","n":7}',
      200,
      "application/json",
      '{"a":"x","n":7}',
    ],
    ["text", "/shout", "text/plain", "héllo", 200, "text/plain; charset=utf-8", "HÉLLO"],
    ["no text", "/shout", "text/plain", "", 200, "text/plain; charset=utf-8", ""],
    ["text that is a field", "/titled", "text/plain;charset=utf-8", "hello", 200, "text/plain; charset=utf-8", "hello"],
    ["bytes", "/flip", "application/octet-stream", "\x00abc", 200, "application/octet-stream", "cba\x00"],
    [
      "bytes whose schema has no JSON form",
      "/plain",
      "application/octet-stream",
      "abc",
      200,
      "application/octet-stream",
      "abc",
    ],
  ])("%s", async (_, path, type, body, status, answerType, answer) => {
    const server = await talk();
    const response = await fetch(server.address + path, {
      method: "POST",
      headers: { "content-type": type },
      body: Buffer.from(body),
    });
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      status,
      answerType,
      answer,
    ]);
  });

  it.each([
    ["another charset", "/flat", "application/json; charset=iso-8859-1", "{}", 415, "unsupported_media_type"],
    ["another charset of text", "/shout", "text/plain; charset=latin1", "x", 415, "unsupported_media_type"],
    ["a type of another route", "/shout", "application/json", '"x"', 415, "unsupported_media_type"],
    ["text that is no UTF-8", "/shout", "text/plain", "\xff", 400, "malformed_message"],
    ["a form that is no UTF-8", "/flat", FORM, "a=%FF&n=1", 400, "malformed_message"],
    ["a form cut in an escape", "/flat", FORM, "a=%4&n=1", 400, "malformed_message"],
    ["a form with a field too often", "/flat", FORM, "a=x&n=1&n=2", 400, "invalid_request"],
    ["a form with another value", "/flat", FORM, "a=x&n=one", 400, "invalid_request"],
    ["a form with a prototype", "/flat", FORM, "a=x&n=1&__proto__=1", 400, "malformed_message"],
    ["a form with a prototype, encoded", "/flat", FORM, "a=x&n=1&__pro%74o__=1", 400, "malformed_message"],
    ["a form with too many fields", "/flat", FORM, "a=x&n=1&".repeat(501), 413, "too_large"],
    ["a form that is too large", "/flat", FORM, `a=${"x".repeat(100_000)}`, 413, "too_large"],
  ])("refuses %s", async (_, path, type, body, status, reason) => {
    const server = await talk();
    const headers = { "content-type": type };
    const response = await fetch(server.address + path, { method: "POST", headers, body: Buffer.from(body, "latin1") });
    expect([response.status, ((await response.json()) as ServiceError).reason]).toEqual([status, reason]);
  });

  it("answers a form where that is asked for", async () => {
    const echo = service("echo", { say: method({ request: pair, response: said }) });
    const server = await started(served(echo.implement({ say: (request) => request }), { codecs: [form, json] }));
    const send = (accept?: string) =>
      fetch(`${server.address}/echo/say`, {
        method: "POST",
        headers: { "content-type": FORM, ...(accept === undefined ? {} : { accept }) },
        body: "a=%26&n=7&tags=x&tags=y&secret=1",
      });
    const answers = [await send(), await send("application/json")];
    expect(answers.map(({ headers }) => headers.get("content-type"))).toEqual([FORM, "application/json"]);
    expect(await Promise.all(answers.map((one) => one.text()))).toEqual([
      "a=%26&n=7&tags=x&tags=y",
      '{"a":"&","n":7,"tags":["x","y"]}',
    ]);
  });

  it("is spoken by the client as the server speaks it", async () => {
    const server = await talk();
    const remote = client(talks, httpClient({ routes: [bound] }), { from: server.address, timeoutMs: 60_000 });
    expect(await remote.nested({ a: "x & y", n: 7, tags: ["p"] })).toEqual({ deep: { a: "x & y", n: 7, tags: ["p"] } });
    expect(await remote.shout("héllo")).toBe("HÉLLO");
    expect(await remote.shout("")).toBe("");
    expect(await remote.flip(new Uint8Array([1, 2]))).toEqual(Buffer.from([2, 1]));
    expect((await remote.flip(new Uint8Array([]))).length).toBe(0);
    await close(remote);
  });
});

describe("a message that a codec cannot carry", () => {
  const wrong = (codec: Codec, name: "flat" | "nested" | "shout"): unknown =>
    served(talking, { routes: [routes(talks, { [name]: { path: "POST /x", codec } } as never)] });

  it("is refused when the server is made, where its schema says so", async () => {
    await expect(wrong(form, "nested")).rejects.toThrow(
      "talks.nested response.deep: a form holds an object of texts, numbers and lists of them, got object (answers may be JSON: { ...form, answers: json })",
    );
    await expect(wrong(form, "shout")).rejects.toThrow("talks.shout response: a form holds an object of texts");
    expect(() => wrong({ ...form, answers: {} as never }, "flat")).toThrow("answers should be a codec");
  });

  it("fails the call, and says why to the log alone, where only the value shows it", () => {
    const shape = shapeOf(z.object({}));
    const thrown = (run: () => unknown): ServiceError => {
      try {
        run();
      } catch (error) {
        return error as ServiceError;
      }
      throw new Error("it was written");
    };
    expect(thrown(() => text.writer(shape, "a.b response")(1))).toMatchObject({
      reason: "invalid_response",
      cause: { message: "a.b response should be a string to be written as text" },
    });
    expect(thrown(() => textCodec({ field: "x" }).writer(shape, "a.b request", "invalid_request")({}))).toMatchObject({
      reason: "invalid_request",
      cause: { message: "a.b request.x should be a string to be written as text" },
    });
    expect(thrown(() => bytes.writer(shape, "a.b response")("x"))).toMatchObject({
      reason: "invalid_response",
      cause: { message: "a.b response should be a Uint8Array to be written as bytes" },
    });
  });

  it("is an option that is wrong", () => {
    expect(() => textCodec({ mediaType: "application/json" })).toThrow(
      "mediaType should be a media type of text in lower case",
    );
    expect(() => bytesCodec({ mediaType: "a/b; c=d" })).toThrow(
      "mediaType should be a media type in lower case without parameters",
    );
    expect(() => bytesCodec({ maxStreamBytes: -1 })).toThrow("maxStreamBytes should be an integer from 0");
    expect(() => formCodec({ maxFields: 0 })).toThrow("maxFields should be an integer from 1 to 100000, got 0");
  });
});

describe("a form", () => {
  const record = shapeOf(z.record(z.string(), z.string()));
  const read = form.reader(record, limitsOf());

  it("is read as URLSearchParams writes it", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), {
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(entries, (fields) => {
        fc.pre(fields.every(([name]) => name !== "__proto__"));
        const got = read(new URLSearchParams(fields).toString()) as object;
        expect(got).toEqual(Object.fromEntries(fields));
      }),
    );
  });

  it("is read or refused, whatever it is, and never takes an object's own names for fields", () => {
    expect(Object.hasOwn(read("constructor=x&toString=y") as object, "constructor")).toBe(true);
    expect(read("")).toEqual({});
    expect(read("&&a&=b&c==d&")).toEqual({ a: "", "": "b", c: "=d" });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (body) => {
        try {
          read(body);
        } catch (error) {
          expect((error as ServiceError).reason).toBe("malformed_message");
        }
      }),
    );
  });

  it("is read in one pass, where fields have no value", () => {
    const many = formCodec({ maxFields: 100_000 }).reader(record, limitsOf());
    const begun = process.hrtime.bigint();
    expect(many(`${"a&".repeat(50_000)}${"b".repeat(900_000)}`)).toHaveProperty("a");
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(400);
  });

  it("is read back as it was written", () => {
    const shape = shapeOf(pair);
    const write = form.writer(shape, "x");
    const back = form.reader(shape, limitsOf());
    const value = fc.record(
      {
        a: fc.string({ unit: "grapheme" }),
        n: fc.integer(),
        tags: fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 }),
        on: fc.boolean(),
      },
      { requiredKeys: ["a", "n"] },
    );
    fc.assert(fc.property(value, (one) => void expect(back(write(one) as string)).toEqual(one)));
  });
});

const store = service("store", {
  put: method({
    request: withFields(z.object({ name: z.string() }), { content: byteStreamSchema }),
    response: z.object({ name: z.string(), bytes: z.int(), sha: z.string() }),
    timeoutMs: 60_000,
  }),
  get: method({ request: z.object({ name: z.string() }), response: byteStreamSchema, timeoutMs: 60_000 }),
  upper: method({ request: byteStreamSchema, response: byteStreamSchema }),
});
const storeRoutes = routes(store, {
  put: {
    path: "PUT /files/{name}",
    body: "content",
    codec: { ...bytesCodec({ maxStreamBytes: 500 * 2 ** 20 }), answers: json },
  },
  get: { path: "GET /files/{name}", codec: bytes },
  upper: { path: "POST /upper", codec: bytes },
});

type Get = Parameters<typeof store.implement>[0]["get"];

const storing = (get: Get = () => pieces(3)) =>
  started(
    served(
      store.implement({
        async put({ name, content }) {
          const hash = createHash("sha256");
          let length = 0;
          for await (const piece of content) {
            hash.update(piece);
            length += piece.length;
          }
          return { name, bytes: length, sha: hash.digest("hex") };
        },
        get,
        upper: (content) => upper(content),
      }),
      { routes: [storeRoutes] },
    ),
  );

async function collected(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const piece of stream) all.push(piece);
  return all;
}

async function* pieces(count: number, size = 4): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(size, 97 + (i % 26));
}

async function* upper(content: ByteStream): AsyncGenerator<Uint8Array> {
  for await (const piece of content) yield Buffer.from(Buffer.from(piece).toString("latin1").toUpperCase(), "latin1");
}

describe("an upload of one stream", () => {
  it("has the types of its schema", () => {
    type Put = Parameters<Parameters<typeof store.implement>[0]["put"]>[0];
    expectTypeOf<Put>().toExtend<{ readonly name: string; readonly content: AsyncIterable<Uint8Array> }>();
  });

  it("is read as it comes, beside the fields of the path, from fetch and from the client", async () => {
    const server = await storing();
    const whole = Buffer.concat(await collected(pieces(100, 70_000)));
    const sha = createHash("sha256").update(whole).digest("hex");
    const answer = await fetch(`${server.address}/files/a`, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: whole,
    });
    expect(await answer.json()).toEqual({ name: "a", bytes: whole.length, sha });
    const remote = client(store, httpClient({ routes: [storeRoutes] }), { from: server.address, timeoutMs: 60_000 });
    expect(await remote.put({ name: "b/c", content: pieces(100, 70_000) })).toEqual({
      name: "b/c",
      bytes: whole.length,
      sha,
    });
    const empty = await remote.put({ name: "d", content: pieces(0) });
    expect(empty.bytes).toBe(0);
    await close(remote);
  });

  it("is refused above its own bound: at once when it says so, else when it is passed", async () => {
    const small = routes(store, {
      upper: { path: "POST /upper", codec: bytesCodec({ maxStreamBytes: 10 }) },
      get: "GET /files/{name}",
    });
    const server = await started(
      served(
        store.implement({
          put: () => ({ name: "", bytes: 0, sha: "" }),
          get: () => pieces(1),
          upper: (content) => upper(content),
        }),
        { routes: [small] },
      ),
    );
    const head = "POST /upper HTTP/1.1\r\nHost: t\r\nContent-Type: application/octet-stream\r\n";
    expect((await server.ask(`${head}Content-Length: 11\r\n\r\n`)).status).toBe(413);
    const passed = await server.ask(`${head}Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n`);
    expect(passed.status).toBe(413);
    expect((await server.ask(`${head}Content-Length: 10\r\n\r\nabcdefghij`)).body).toContain("ABCDEFGHIJ");
  });

  it("fails with what the caller's own stream throws, and the server hears that it was cut", async () => {
    const server = await storing();
    const remote = client(store, httpClient({ routes: [storeRoutes] }), { from: server.address, timeoutMs: 60_000 });
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("x");
      throw new RangeError("disk");
    }
    await expect(remote.put({ name: "x", content: broken() })).rejects.toMatchObject({ cause: { message: "disk" } });
    await close(remote);
  });
});

describe("an upload that is answered before it is sent", () => {
  it("stops at the answer, and is what the answer says", async () => {
    let isStopped = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(65_536);
      } finally {
        isStopped = true;
      }
    }
    const small = routes(store, {
      upper: { path: "POST /upper", codec: { ...bytesCodec({ maxStreamBytes: 100_000 }) } },
    });
    const server = await started(
      served(
        store.implement({
          put: () => ({ name: "", bytes: 0, sha: "" }),
          get: () => pieces(1),
          async upper(content) {
            await collected(content);
            return pieces(1);
          },
        }),
        { routes: [small] },
      ),
    );
    const remote = client(store, httpClient({ routes: [small] }), { from: server.address, timeoutMs: 60_000 });
    await expect(remote.upper(endless())).rejects.toMatchObject({ reason: "too_large", origin: "peer" });
    await until(() => isStopped);
    await close(remote);
  });

  it("goes from a call without a contract too, and is called off with it", async () => {
    const server = await storing();
    const put = httpCall<AsyncIterable<Uint8Array>, unknown>({
      verb: "PUT",
      url: `${server.address}/files/x`,
      headers: { "content-type": "application/octet-stream" },
      encode: (content, http) => (http.stream = content),
      decode: (response) => response.json(),
    });
    expect(await put(pieces(3), backgroundContext())).toMatchObject({ bytes: 12 });
    let [isBegun, isStopped] = [false, false];
    async function* slow(timeoutMs: number): AsyncGenerator<Uint8Array> {
      isBegun = true;
      try {
        yield Buffer.from("x");
        await passing(3 * timeoutMs);
        yield Buffer.from("y");
      } finally {
        isStopped = true;
      }
    }
    // The next where a slow machine has not even begun in the one before.
    for (const timeoutMs of [20, 200, 2000, 10_000]) {
      await expect(put(slow(timeoutMs), backgroundContext({ timeoutMs }))).rejects.toMatchObject({
        reason: "deadline_exceeded",
      });
      if (isBegun) break;
    }
    await until(() => isStopped);
  });
});

describe("a download", () => {
  it("is sent as it is made, with the length where it is known, and its own type", async () => {
    const server = await storing((({ name }: { name: string }) => {
      const known = { contentType: "text/csv", byteLength: 12 };
      return name === "known" ? Object.assign(pieces(3), known) : pieces(name === "empty" ? 0 : 3);
    }) as never);
    const get = async (path: string, verb = "GET"): Promise<readonly unknown[]> => {
      const { status, headers, body } = await server.ask({ verb, path: `/files/${path}` });
      return [status, headers["content-type"], headers["content-length"], headers["transfer-encoding"], body];
    };
    expect(await get("x")).toEqual([
      200,
      "application/octet-stream",
      undefined,
      "chunked",
      expect.stringContaining("aaaa"),
    ]);
    expect(await get("known")).toEqual([200, "text/csv", "12", undefined, "aaaabbbbcccc"]);
    expect((await get("empty"))[0]).toBe(200);
    expect(await get("known", "HEAD")).toEqual([200, "text/csv", "12", undefined, ""]);
    expect(await (await fetch(`${server.address}/files/x`)).text()).toBe("aaaabbbbcccc");
  });

  it("is read by the client, in one piece and within its limits", async () => {
    const server = await storing();
    const remote = client(store, httpClient({ routes: [storeRoutes] }), { from: server.address, timeoutMs: 60_000 });
    const got = await collected(await remote.get({ name: "x" }));
    expect(Buffer.concat(got).toString()).toBe("aaaabbbbcccc");
    await close(remote);
  });

  it("is answered with a problem while nothing of it is sent, and cut when it fails later", async () => {
    const server = await storing(async function* failing({ name }: { name: string }) {
      if (name === "late") {
        yield Buffer.from("begin");
        await passing(5);
      }
      throw new RangeError("disk");
    } as never);
    expect(await (await fetch(`${server.address}/files/soon`)).json()).toMatchObject({
      status: 500,
      detail: "internal error",
    });
    const late = await fetch(`${server.address}/files/late`);
    expect(late.status).toBe(200);
    await expect(late.text()).rejects.toThrow("terminated");
  });

  it.each([11, 13])("is cut when it is not the length that it said, %i", async (byteLength) => {
    const server = await storing((() => Object.assign(pieces(3), { byteLength })) as never);
    await expect(fetch(`${server.address}/files/x`).then((answer) => answer.text())).rejects.toThrow(
      /terminated|failed/,
    );
  });

  it("goes no faster than the peer reads, and ends with it", async () => {
    let made = 0;
    let isClosed = false;
    const server = await storing(async function* endless() {
      try {
        for (;;) {
          made += 65_536;
          yield Buffer.alloc(65_536);
        }
      } finally {
        isClosed = true;
      }
    } as never);
    const { port } = new URL(server.address);
    const answer = await new Promise<IncomingMessage>((resolve) => {
      httpRequest({ port, path: "/files/x" }, resolve)
        .on("error", () => undefined)
        .end();
    });
    answer.on("error", () => undefined);
    await until(() => made > 100_000);
    let before = -1;
    while (made !== before) {
      before = made;
      await passing(20);
    }
    // The buffers of both sides, and of the system between.
    expect(made).toBeLessThan(32 * 2 ** 20);
    answer.destroy();
    await until(() => isClosed);
  });

  it("may answer while it reads: an echo of any length", async () => {
    const server = await storing();
    const { port } = new URL(server.address);
    const request = httpRequest({
      port,
      method: "POST",
      path: "/upper",
      headers: { "content-type": "application/octet-stream" },
    });
    const answer = new Promise<IncomingMessage>((resolve, reject) =>
      request.on("response", resolve).on("error", reject),
    );
    request.write("first ");
    const response = await answer;
    const read = response[Symbol.asyncIterator]();
    expect(String((await read.next()).value)).toBe("FIRST ");
    request.end("second");
    expect(String((await read.next()).value)).toBe("SECOND");
    expect((await read.next()).done).toBe(true);
  });
});
