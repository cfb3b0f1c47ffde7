import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { error, method, service } from "../../index.ts";
import type { Codec } from "../codec.ts";
import { httpServer, routes } from "./index.ts";

const anything = z.object({}).loose();
const echo = method({ request: anything, response: z.object({ got: z.unknown() }) });

const item = z.object({ name: z.string().optional(), size: z.int().optional() });
const all = z.object({
  id: z.string(),
  n: z.int().optional(),
  ratio: z.number().optional(),
  isOpen: z.boolean().optional(),
  tags: z.array(z.string()).optional(),
  sizes: z.array(z.int()).optional(),
  mode: z.enum(["fast", "slow"]).optional(),
  tenant: z.string().optional(),
});
const got = z.object({ got: z.record(z.string(), z.unknown()) });
const gone = error("gone", { code: "not_found" });

/** Reads and writes `name=value` lines. */
const lines: Codec = {
  mediaType: "text/x-lines",
  contentType: "text/x-lines; charset=utf-8",
  form: "text",
  reader: () => (body) =>
    Object.fromEntries(
      (body as string)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split("=", 2) as [string, string]),
    ),
  writer: () => (value) => `${JSON.stringify((value as { got: unknown }).got)}\n`,
};

const things = service("things", {
  get: method({ request: all, response: got, errors: [gone] }),
  search: method({ request: all.partial(), response: got }),
  put: method({ request: z.object({ id: z.string(), item }), response: got }),
  merge: method({
    request: z.object({ id: z.string(), a: z.int().optional(), b: z.string().optional() }),
    response: got,
  }),
  remove: method({ request: z.object({ id: z.string() }), response: z.object({}) }),
  any: method({ request: z.object({ a: z.int() }), response: got }),
  special: method({ request: z.object({}), response: got }),
  coded: method({ request: z.object({ s: z.string() }), response: got }),
  part: method({ request: z.object({ id: z.string(), part: z.string() }), response: got }),
  plain: method({ request: z.object({ x: z.int() }), response: got }),
});

const table = routes(things, {
  get: { path: "GET /things/{id}", header: { tenant: "X-Tenant" } },
  search: "GET /things",
  put: { path: "PUT /things/{id}", body: "item" },
  merge: "PATCH /things/{id}",
  remove: { path: "DELETE /things/{id}", status: 204 },
  any: "/any",
  special: "GET /things/special",
  coded: { path: "POST /coded", codec: lines, status: 201 },
  part: "GET /things/{id}/parts/{part}",
});

const reflect = <T>(value: T): { got: T } => ({ got: value });

describe("the default binding", () => {
  it("serves a method as POST /service/method, with JSON both ways", async () => {
    const add = service("shop.add", { sum: echo });
    await using server = await served(add.implement({ sum: reflect }));
    const { status, headers, body } = await server.ask({ path: "/shop.add/sum", body: '{"a":1}' });
    expect([status, body]).toEqual([200, '{"got":{"a":1}}']);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["content-length"]).toBe("15");
  });

  it("leaves the query alone", async () => {
    const add = service("add", { sum: echo });
    await using server = await served(add.implement({ sum: reflect }));
    const { status, body } = await server.ask({ path: "/add/sum?b=2&/x/y", body: '{"a":1}' });
    expect([status, body]).toEqual([200, '{"got":{"a":1}}']);
  });

  it("matches paths exactly: no other case, no slash more or less, no dots, nothing escaped", async () => {
    const add = service("add", { sum: echo });
    await using server = await served(add.implement({ sum: reflect }));
    for (const path of [
      "/add/Sum",
      "/add/sum/",
      "//add/sum",
      "/add//sum",
      "/add/./sum",
      "/x/../add/sum",
      "/add/%73um",
      "/add",
      "/",
      "*",
    ]) {
      expect([path, (await server.ask({ path, body: "{}" })).status]).toEqual([path, 404]);
    }
  });

  it("takes the absolute form of a target, as proxies send it", async () => {
    const add = service("add", { sum: echo });
    await using server = await served(add.implement({ sum: reflect }));
    for (const path of ["http://test/add/sum", "HTTPS://test:8080/add/sum?x=1"]) {
      expect([path, (await server.ask({ path, body: "{}" })).status]).toEqual([path, 200]);
    }
    for (const path of ["http://test", "http://test?/add/sum", "ftp://test/add/sum"]) {
      expect([path, (await server.ask({ path, body: "{}" })).status]).toEqual([path, 404]);
    }
  });
});

describe("routes", () => {
  let server: Served;
  beforeAll(async () => {
    const implementation = things.implement({
      get: (request) => (request.id === "gone" ? gone() : { got: request }),
      search: reflect,
      put: reflect,
      merge: reflect,
      remove: () => ({}),
      any: reflect,
      special: () => ({ got: { is: "special" } }),
      coded: reflect,
      part: reflect,
      plain: reflect,
    });
    server = await served(implementation, { routes: [table] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const gotFrom = async (path: string, headers?: Readonly<Record<string, string>>): Promise<unknown> => {
    const { status, body } = await server.ask({ path, headers });
    return status === 200 ? (JSON.parse(body) as { got: unknown }).got : status;
  };

  it("takes a parameter out of the path, and the fields that are nowhere else out of the query", async () => {
    expect(await gotFrom("/things/7")).toEqual({ id: "7" });
    expect(await gotFrom("/things/7?n=3")).toEqual({ id: "7", n: 3 });
    expect(await gotFrom("/things")).toEqual({});
    expect(await gotFrom("/things?")).toEqual({});
    expect(await gotFrom("/things?id=a/b?c&n=-1")).toEqual({ id: "a/b?c", n: -1 });
    expect(await gotFrom("http://proxied/things/7?n=3")).toEqual({ id: "7", n: 3 });
  });

  it("turns texts into integers, numbers, booleans and lists, as the schema says", async () => {
    expect(await gotFrom("/things?n=12&ratio=1.5e1&isOpen=true&mode=slow")).toEqual({
      n: 12,
      ratio: 15,
      isOpen: true,
      mode: "slow",
    });
    expect(await gotFrom("/things?isOpen=false&tags=a&sizes=1&sizes=2")).toEqual({
      isOpen: false,
      tags: ["a"],
      sizes: [1, 2],
    });
    expect(await gotFrom("/things?tags=a,b&tags=")).toEqual({ tags: ["a,b", ""] });
  });

  it("leaves what is no such text to the schema, which refuses it with the field's name", async () => {
    for (const query of [
      "n=1.5",
      "n=",
      "n=0x10",
      "n=9007199254740993",
      "n=1&n=2",
      "isOpen=1",
      "isOpen=TRUE",
      "mode=FAST",
      "sizes=1&sizes=x",
      "ratio=Infinity",
      "id=a&id=b",
    ]) {
      const { status, body } = await server.ask({ path: `/things?${query}` });
      expect([query, status]).toEqual([query, 400]);
      const { reason, details } = JSON.parse(body) as { reason: string; details: { issues: { path: string[] }[] } };
      expect([reason, details.issues[0]?.path[0]]).toEqual(["invalid_request", query.split("=")[0]]);
    }
  });

  it("ignores parameters of the query that are no fields", async () => {
    expect(await gotFrom("/things?nope=1&constructor=2&__proto__=3&toString=4&hasOwnProperty=5")).toEqual({});
  });

  it("decodes percent-encoding in path and query, an encoded slash too, which is no separator", async () => {
    expect(await gotFrom("/things/a%2Fb%20c%C3%A9")).toEqual({ id: "a/b cé" });
    expect(await gotFrom("/things/a+b")).toEqual({ id: "a+b" });
    expect(await gotFrom("/things?id=a+b%2Bc%26d")).toEqual({ id: "a b+c&d" });
    expect(await gotFrom("/things/%2e%2e")).toEqual({ id: ".." });
    expect(await gotFrom("/things/x%00y")).toEqual({ id: "x\0y" });
  });

  it("refuses a path that is no percent-encoding of UTF-8", async () => {
    for (const path of ["/things/%", "/things/%zz", "/things/%ff", "/things/%C3"]) {
      const { status, body } = await server.ask({ path });
      expect([path, status, (JSON.parse(body) as { reason: string }).reason]).toEqual([path, 400, "malformed_message"]);
    }
  });

  it("takes several parameters, in their places", async () => {
    expect(await gotFrom("/things/7/parts/8")).toEqual({ id: "7", part: "8" });
    expect(await gotFrom("/things/parts/parts/parts")).toEqual({ id: "parts", part: "parts" });
  });

  it("does not take an empty segment for a parameter, nor one segment more or less", async () => {
    for (const path of [
      "/things/",
      "/things//",
      "/things/7/",
      "/things/7/parts",
      "/things/7/parts/",
      "/things/7/parts/8/9",
    ]) {
      expect([path, await gotFrom(path)]).toEqual([path, 404]);
    }
  });

  it("puts a static path before one with parameters", async () => {
    expect(await gotFrom("/things/special")).toEqual({ is: "special" });
  });

  it("falls back to the path with parameters where the static one does not serve the verb", async () => {
    const { status, body } = await server.ask({ verb: "PATCH", path: "/things/special", body: '{"a":1}' });
    expect([status, body]).toEqual([200, '{"got":{"id":"special","a":1}}']);
    expect((await server.ask({ verb: "DELETE", path: "/things/special" })).status).toBe(204);
  });

  it("takes a field out of a header", async () => {
    expect(await gotFrom("/things/7", { "x-tenant": "blue" })).toEqual({ id: "7", tenant: "blue" });
    expect(await gotFrom("/things/7?tenant=red")).toEqual({ id: "7" });
  });

  it("takes the body as one field", async () => {
    const { body } = await server.ask({ verb: "PUT", path: "/things/7", body: '{"name":"x","size":2,"more":1}' });
    expect(JSON.parse(body)).toEqual({ got: { id: "7", item: { name: "x", size: 2 } } });
    const wrong = await server.ask({ verb: "PUT", path: "/things/7", body: "[]" });
    expect(wrong.status).toBe(400);
    expect(wrong.body).toContain('"path":["item"]');
  });

  it("takes the body as all fields that are nowhere else; the path decides where both name one", async () => {
    const { body } = await server.ask({ verb: "PATCH", path: "/things/7", body: '{"id":"8","a":1}' });
    expect(JSON.parse(body)).toEqual({ got: { id: "7", a: 1 } });
  });

  it("refuses a body that is no object where its fields are wanted, rather than dropping it", async () => {
    for (const body of ["[1]", '"x"', "1", "null", "true"]) {
      const { status } = await server.ask({ verb: "PATCH", path: "/things/7", body });
      expect([body, status]).toEqual([body, 400]);
    }
  });

  it("answers with the status of the route, and with 204 nothing else", async () => {
    const { status, headers, body } = await server.ask({ verb: "DELETE", path: "/things/7" });
    expect([status, body]).toEqual([204, ""]);
    expect(headers["content-type"]).toBeUndefined();
    expect(headers["content-length"]).toBeUndefined();
  });

  it("reads and writes with the codec of the route", async () => {
    const headers = { "Content-Type": "text/x-lines" };
    const answer = await server.ask({ path: "/coded", headers, body: "s=x\n" });
    expect([answer.status, answer.body]).toEqual([201, '{"s":"x"}\n']);
    expect(answer.headers["content-type"]).toBe("text/x-lines; charset=utf-8");
    expect((await server.ask({ path: "/coded", body: '{"s":"x"}' })).status).toBe(415);
    expect(
      (await server.ask({ path: "/coded", headers: { ...headers, Accept: "application/json" }, body: "s=x" })).status,
    ).toBe(406);
  });

  it("serves any verb where the template names none, also those with a body that usually have none", async () => {
    for (const verb of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"]) {
      const { status, body } = await server.ask({ verb, path: "/any", body: '{"a":1}' });
      expect([verb, status, body]).toEqual([verb, 200, '{"got":{"a":1}}']);
    }
  });

  it("leaves a method without a route where it is by default, and no method in both places", async () => {
    expect((await server.ask({ path: "/things/plain", body: '{"x":1}' })).body).toBe('{"got":{"x":1}}');
    expect((await server.ask({ path: "/things/search", body: "{}" })).status).toBe(405);
  });

  it("refuses another verb with 405, and says which it serves, over all routes that fit the path", async () => {
    const { status, headers, body } = await server.ask({ path: "/things/7", body: "{}" });
    expect(status).toBe(405);
    expect(headers["allow"]).toBe("GET, PUT, PATCH, DELETE, HEAD, OPTIONS");
    expect(JSON.parse(body)).toMatchObject({ code: "unimplemented", reason: "wrong_verb" });
    const plain = await server.ask({ verb: "PUT", path: "/things/plain", body: "{}" });
    expect(plain.status).toBe(200);
    const search = await server.ask({ verb: "DELETE", path: "/things" });
    expect([search.status, search.headers["allow"]]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  it("answers OPTIONS with what a path serves, also for all of them, and with 404 for none", async () => {
    const { status, headers, body } = await server.ask({ verb: "OPTIONS", path: "/things/7" });
    expect([status, headers["allow"], body]).toEqual([204, "GET, PUT, PATCH, DELETE, HEAD, OPTIONS", ""]);
    expect((await server.ask({ verb: "OPTIONS", path: "/things/plain" })).headers["allow"]).toBe(
      "POST, GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    );
    const star = await server.ask({ verb: "OPTIONS", path: "*" });
    expect([star.status, star.headers["allow"]]).toEqual([204, undefined]);
    expect((await server.ask({ verb: "OPTIONS", path: "/nowhere" })).status).toBe(404);
    expect((await server.ask({ verb: "GET", path: "*" })).status).toBe(404);
  });

  it("answers HEAD as GET, without the body", async () => {
    const get = await server.ask({ path: "/things/7?n=1" });
    const head = await server.ask({ verb: "HEAD", path: "/things/7?n=1" });
    expect(head.body).toBe("");
    expect(names(head.headers)).toEqual(names(get.headers));
    expect(head.headers["content-length"]).toBe(String(get.body.length));
    expect(head.status).toBe(200);
    const gone = await server.ask({ verb: "HEAD", path: "/things/gone" });
    expect([gone.status, gone.headers["content-type"]]).toEqual([404, "application/problem+json"]);
    expect((await server.ask({ verb: "HEAD", path: "/things/plain" })).status).toBe(200);
    expect((await server.ask({ verb: "HEAD", path: "/coded" })).status).toBe(405);
  });

  it("sends nothing after the headers of an answer to HEAD", async () => {
    const wire = server.wire();
    wire.send("HEAD /things/7 HTTP/1.1\r\nHost: t\r\n\r\nGET /things/8 HTTP/1.1\r\nHost: t\r\n\r\n");
    expect((await wire.answer({ isHead: true })).status).toBe(200);
    expect((await wire.answer()).body).toBe('{"got":{"id":"8"}}');
  });

  it("answers 404 for what is not there, and says no more", async () => {
    const { status, headers, body } = await server.ask({ path: "/secret/../etc/passwd" });
    expect(status).toBe(404);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(body)).toEqual({
      title: "Not Found",
      status: 404,
      detail: "there is no such method",
      code: "unimplemented",
      reason: "unknown_method",
    });
  });

  it("keeps health probes before routes with parameters, and says what they serve", async () => {
    const hi = service("hi", { get: method({ request: z.object({ name: z.string() }), response: got }) });
    await using greedy = await served(hi.implement({ get: reflect }), { routes: [routes(hi, { get: "GET /{name}" })] });
    expect((await greedy.ask({ path: "/bob" })).body).toBe('{"got":{"name":"bob"}}');
    expect((await greedy.ask({ path: "/readyz" })).body).toBe('{"ok":true}\n');
    expect((await greedy.ask({ path: "/readyz?x=1" })).body).toBe('{"ok":true}\n');
    const post = await greedy.ask({ path: "/livez", body: "{}" });
    expect([post.status, post.headers["allow"]]).toEqual([405, "GET, HEAD, OPTIONS"]);
    const head = await greedy.ask({ verb: "HEAD", path: "/livez" });
    expect([head.status, head.headers["content-length"]]).toEqual([200, "12"]);
  });
});

function names(headers: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(headers).toSorted();
}

describe("a table of routes that is wrong", () => {
  const one = service("one", {
    get: method({ request: z.object({ id: z.string() }), response: z.object({}) }),
    other: method({ request: z.object({ id: z.string() }), response: z.object({}) }),
    watch: method({ request: z.object({ id: z.string() }), response: z.object({}), stream: "server" }),
    either: method({
      request: z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]),
      response: z.object({}),
    }),
  });
  const implementation = one.implement({
    get: () => ({}),
    other: () => ({}),
    async *watch() {},
    either: () => ({}),
  });

  const wrong: Readonly<Record<string, { readonly bind: unknown; readonly says: string }>> = {
    "a verb nobody knows": { bind: "FETCH /x", says: "path should be a verb (GET, PUT, POST, PATCH, DELETE) or none" },
    "a path that does not begin with a slash": { bind: "GET x", says: "path should be a verb" },
    "part of a segment as parameter": { bind: "GET /x-{id}", says: "with {field} for whole segments" },
    "two parameters in one segment": { bind: "GET /{id}{id}", says: "whole segments" },
    "an empty name": { bind: "GET /{}", says: "path should be" },
    "a name twice": { bind: "GET /{id}/{id}", says: "path should name each field once" },
    "a query in the path": { bind: "GET /x?y=1", says: "path should be" },
    "too many segments": { bind: `GET ${"/x".repeat(33)}`, says: "path should have at most 32 segments, got 33" },
    "an option nobody knows": {
      bind: { path: "GET /x", verb: "GET" },
      says: 'the route of one.get has no option "verb"',
    },
    "a status that is no success": {
      bind: { path: "GET /x", status: 301 },
      says: "status should be an integer from 200 to 299, got 301",
    },
    "a codec that is none": { bind: { path: "GET /x", codec: {} }, says: "codec should be a codec, got an object" },
    "a header that is none": {
      bind: { path: "GET /x", header: { id: "x y" } },
      says: 'header should be the name of a header, got "x y"',
    },
    "a name that cannot be sent": {
      bind: "GET /{__proto__}",
      says: 'should name fields that can be sent, got "__proto__"',
    },
  };
  for (const [what, { bind, says }] of Object.entries(wrong)) {
    it(`is refused at once: ${what}`, () => {
      expect(() => routes(one, { get: bind } as never)).toThrow(says);
      expect(() => routes(one, { get: bind } as never)).toThrow("the route of one.get");
    });
  }

  it("is refused at once: a method the service does not have", () => {
    expect(() => routes(one, { constructor: "GET /x" } as never)).toThrow(
      'the route of one.constructor should name a method of the service, got "constructor"',
    );
  });

  const late: Readonly<Record<string, { readonly options: object; readonly says: string }>> = {
    "a path names no field": {
      options: { routes: [routes(one, { get: "GET /{uid}" } as never)] },
      says: '"uid" is none',
    },
    "a query names no field": {
      options: { routes: [routes(one, { get: { path: "GET /x", query: ["q"] } } as never)] },
      says: '"q" is none',
    },
    "a body names no field": {
      options: { routes: [routes(one, { get: { path: "POST /x", body: "b" } } as never)] },
      says: '"b" is none',
    },
    "two methods with one route": {
      options: { routes: [routes(one, { get: "GET /x", other: "GET /x" })] },
      says: "one.other should have a route of its own, GET /x is that of one.get",
    },
    "two templates that differ by a name only": {
      options: { routes: [routes(one, { get: { path: "GET /x/{id}" } }), routes(one, { other: "GET /x/{id}" })] },
      says: "one.other should have a route of its own, GET /x/{id} is that of one.get",
    },
    "a route where probes are answered": {
      options: { routes: [routes(one, { get: { path: "/livez", body: "*" } })] },
      says: "one.get should have a route of its own, GET /livez answers health probes",
    },
    "a stream whose status has no body": {
      options: { routes: [routes(one, { watch: { path: "GET /x", status: 204 } })] },
      says: "the route of one.watch should have a status with a body, its answer is a stream",
    },
    "a service that is not served": {
      options: { routes: [routes(service("two", { get: echo }), {})] },
      says: "routes should be of services that are served, got those of two",
    },
    "a request without a list of fields, and no body": {
      options: { routes: [routes(one, { either: "GET /x" })] },
      says: "the route of one.either should say what is in its query: the request's schema lists no fields",
    },
  };
  for (const [what, { options, says }] of Object.entries(late)) {
    it(`is refused on listening: ${what}`, async () => {
      await expect(served(implementation, options)).rejects.toThrow(says);
    });
  }

  it("is refused with the server's other options, each by its name", () => {
    const wrongOptions: readonly (readonly [object, string])[] = [
      [{ port: -1 }, "port should be an integer from 0 to 65535, got -1"],
      [{ port: "80" }, 'port should be an integer from 0 to 65535, got "80"'],
      [{ port: 0, host: "" }, 'host should be a non-empty string, got ""'],
      [{ port: 0, headersTimeoutMs: 0 }, "headersTimeoutMs should be an integer from 1 to 3600000, got 0"],
      [{ port: 0, requestTimeoutMs: Number.NaN }, "requestTimeoutMs should be an integer from 1 to 3600000, got NaN"],
      [{ port: 0, writeTimeoutMs: "1s" }, 'writeTimeoutMs should be an integer from 1 to 3600000, got "1s"'],
      [{ port: 0, keepAliveTimeoutMs: -5 }, "keepAliveTimeoutMs should be an integer from 1 to 3600000, got -5"],
      [{ port: 0, maxConnections: 0.5 }, "maxConnections should be an integer of at least 1, got 0.5"],
      [{ port: 0, limits: { maxBodyBytes: -1 } }, "maxBodyBytes should be an integer from 0 to 2147483647, got -1"],
      [{ port: 0, limits: { maxHeaders: 1001 } }, "maxHeaders should be an integer from 1 to 1000, got 1001"],
      [{ port: 0, limits: { maxSize: 1 } }, 'limits has no option "maxSize"'],
      [
        { port: 0, health: { live: "livez" } },
        'health.live should be a path that begins with / and has no query, got "livez"',
      ],
      [{ port: 0, health: { live: "/x", ready: "/x" } }, "health should name three paths, got /x, /x, /startupz"],
      [{ port: 0, health: { alive: "/x" } }, 'health has no option "alive"'],
      [{ port: 0, routes: things }, "routes should be a list of what routes() returns, got an object"],
      [{ port: 0, routes: [{}] }, "routes should hold what routes() returns, got an object"],
      [{ port: 0, codecs: [] }, "codecs should be a list of at least one codec, got an array of 0"],
      [
        { port: 0, codecs: [{ mediaType: "a/b", form: "json" }] },
        'codecs a/b: form should be one of "text", "bytes", got "json"',
      ],
      [{ port: 0, before: () => 1 }, "before should be a list of functions, got function before"],
      [{ port: 0, finalizer: [1] }, "finalizer[0] should be a function, got 1"],
      [{ port: 0, errorEncoder: {} }, "errorEncoder should be a function, got an object"],
      [{ port: 0, prot: 1 }, 'httpServer has no option "prot", it has port, host'],
    ];
    for (const [options, says] of wrongOptions) expect(() => httpServer(options as never)).toThrow(says);
  });
});
