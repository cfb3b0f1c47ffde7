import { connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { client } from "../../client/index.ts";
import type { Client } from "../../contract/index.ts";
import type { Context } from "../../endpoint/index.ts";
import { error, method, service, type ServiceError } from "../../index.ts";
import { httpClient, routes, setCookie, type HttpClientResponse } from "./index.ts";

// What people who have written REST by hand expect of it, row by row.

const profile = z.object({
  id: z.string(),
  name: z.string(),
  nick: z.string().nullable().optional(),
  version: z.int(),
  changed: z.iso.datetime(),
});
type Profile = z.infer<typeof profile>;

const notFound = error("profile_not_found", { code: "not_found" });
const exists = error("profile_exists", { code: "already_exists" });
const changed = error("profile_changed", { code: "failed_precondition", details: z.object({ version: z.int() }) });
const retired = error("profile_retired", { code: "not_found" });
const version = z.int().optional();

const profiles = service("profiles", {
  get: method({
    request: z.object({ id: z.string(), known: z.int().optional() }),
    response: profile,
    errors: [notFound, retired],
    idempotent: true,
  }),
  list: method({
    request: z.object({
      after: z.string().optional(),
      limit: z.int().default(2),
      name: z.array(z.string()).optional(),
    }),
    response: z.object({
      profiles: z.array(profile),
      next: z.string().optional(),
      prev: z.string().nullable().optional(),
    }),
    idempotent: true,
  }),
  create: method({ request: z.object({ id: z.string(), name: z.string() }), response: profile, errors: [exists] }),
  put: method({
    request: z.object({ id: z.string(), name: z.string(), version }),
    response: z.object({ id: z.string(), version: z.int(), isNew: z.boolean() }),
    errors: [changed],
  }),
  patch: method({
    request: z.object({
      id: z.string(),
      version: z.int(),
      name: z.string().optional(),
      nick: z.string().nullable().optional(),
    }),
    response: profile,
    errors: [notFound, changed],
  }),
  remove: method({
    request: z.object({ id: z.string(), version: z.union([z.literal("*"), z.array(z.int())]).optional() }),
    response: z.object({}),
    errors: [notFound, changed],
  }),
  labelled: method({
    request: z.object({ label: z.array(z.string()).default([]) }),
    response: z.object({ labels: z.array(z.string()) }),
  }),
  summary: method({
    request: z.object({ tag: z.array(z.int()).optional() }),
    response: z.object({ text: z.string() }),
  }),
});

const table = routes(profiles, {
  get: {
    path: "GET /profiles/{id}",
    header: { known: "If-None-Match" },
    errors: { profile_retired: 410 },
    etag: "version",
    lastModified: "changed",
    cacheControl: "private, no-cache",
  },
  list: {
    path: "GET /profiles",
    links: { next: { after: "next" }, prev: { after: "prev" }, first: { after: null } },
  },
  create: { path: "POST /profiles", location: "/profiles/{id}", etag: "version" },
  put: {
    path: "PUT /profiles/{id}",
    header: { version: "If-Match" },
    location: "/profiles/{id}",
    created: "isNew",
    etag: "version",
  },
  patch: { path: "PATCH /profiles/{id}", header: { version: "If-Match" }, etag: "version" },
  remove: { path: "DELETE /profiles/{id}", header: { version: "If-Match" }, status: 204 },
  labelled: { path: "GET /labelled", header: { label: "x-label" } },
  summary: { path: "GET /summary", etag: "body", header: { tag: "x-tag" } },
});

const FIRST = "2024-05-01T10:00:00.500Z";
const LATER = "2024-05-02T10:00:00Z";

function inMemory(calls: string[]) {
  const held = new Map<string, Profile>();
  for (const [id, name] of [
    ["a/ß", "Odd"],
    ["ada", "Ada"],
    ["bob", "Bob"],
    ["cy", "Cy"],
    ["dan", "Dan"],
  ] as const)
    held.set(id, { id, name, nick: "nick", version: 3, changed: FIRST });
  const differs = (at: Profile, expected: number | undefined): boolean =>
    expected !== undefined && expected !== at.version;
  return profiles.implement({
    get({ id, known }) {
      calls.push(`get ${id} ${known}`);
      return id === "old" ? retired() : (held.get(id) ?? notFound());
    },
    list({ after, limit, name }) {
      const all = [...held.values()].filter((one) => name === undefined || name.includes(one.name));
      const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
      const page = all.slice(from, from + limit);
      return {
        profiles: page,
        next: from + limit < all.length ? page.at(-1)!.id : undefined,
        prev: from > limit ? all[from - limit - 1]!.id : null,
      };
    },
    create({ id, name }) {
      if (held.has(id)) return exists();
      const made: Profile = { id, name, version: 1, changed: FIRST };
      held.set(id, made);
      return made;
    },
    put({ id, name, version }) {
      const before = held.get(id);
      if (before !== undefined && differs(before, version)) return changed({ version: before.version });
      const next = (before?.version ?? 0) + 1;
      held.set(id, { id, name, version: next, changed: LATER });
      return { id, version: next, isNew: before === undefined };
    },
    patch({ id, version, ...fields }) {
      calls.push(`patch ${JSON.stringify(fields)}`);
      const before = held.get(id);
      if (before === undefined) return notFound();
      if (differs(before, version)) return changed({ version: before.version });
      const after = { ...before, ...(fields as Partial<Profile>), version: before.version + 1, changed: LATER };
      held.set(id, after);
      return after;
    },
    remove({ id, version }) {
      const before = held.get(id);
      if (before === undefined) return notFound();
      if (Array.isArray(version) && !version.includes(before.version)) return changed({ version: before.version });
      held.delete(id);
      return {};
    },
    labelled: ({ label }) => ({ labels: label }),
    summary: ({ tag }) => ({ text: `${held.size} ${JSON.stringify(tag)}` }),
  });
}

interface Row {
  readonly says: string;
  readonly verb: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly status: number;
  /** Those that are looked at; undefined for one that must not be there. */
  readonly answers?: Record<string, string | undefined>;
  readonly json?: unknown;
}

const rows: readonly Row[] = [
  {
    says: "GET of a missing profile answers 404 with a problem",
    verb: "GET",
    path: "/profiles/nobody",
    status: 404,
    answers: { "content-type": "application/problem+json", etag: undefined, "cache-control": undefined },
    json: { status: 404, reason: "profile_not_found", code: "not_found" },
  },
  {
    says: "a declared error has the status its route gives it",
    verb: "GET",
    path: "/profiles/old",
    status: 410,
    json: { status: 410, title: "Gone", reason: "profile_retired" },
  },
  {
    says: "GET tells what its answer is recognised by",
    verb: "GET",
    path: "/profiles/ada",
    status: 200,
    answers: { etag: '"3"', "last-modified": "Wed, 01 May 2024 10:00:00 GMT", "cache-control": "private, no-cache" },
    json: { id: "ada", version: 3 },
  },
  {
    says: "HEAD answers as GET, with its length, without its body",
    verb: "HEAD",
    path: "/profiles/ada",
    status: 200,
    answers: { etag: '"3"', "content-length": "88", "content-type": "application/json" },
    json: undefined,
  },
  {
    says: "GET with the tag it gave answers 304, with the tag and no body",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-none-match": '"3"' },
    status: 304,
    answers: {
      etag: '"3"',
      "cache-control": "private, no-cache",
      "content-type": undefined,
      "content-length": undefined,
    },
    json: undefined,
  },
  {
    says: "a weak tag will do to keep what one has",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-none-match": 'W/"3"' },
    status: 304,
  },
  {
    says: "HEAD answers 304 as well",
    verb: "HEAD",
    path: "/profiles/ada",
    headers: { "if-none-match": '"3"' },
    status: 304,
    answers: { etag: '"3"' },
  },
  {
    says: "GET with an old tag answers in full",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-none-match": '"2"' },
    status: 200,
  },
  {
    says: "GET without changes since the date answers 304",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-modified-since": "Wed, 01 May 2024 10:00:00 GMT" },
    status: 304,
  },
  {
    says: "GET with changes since the date answers in full",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-modified-since": "Wed, 01 May 2024 09:59:59 GMT" },
    status: 200,
  },
  {
    says: "a tag goes before a date",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-none-match": '"2"', "if-modified-since": "Thu, 02 May 2030 10:00:00 GMT" },
    status: 200,
  },
  {
    says: "a date that is none is passed over",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-modified-since": "yesterday" },
    status: 200,
  },
  {
    says: "GET that wants another version answers 412",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-match": '"2"' },
    status: 412,
    json: { reason: "precondition_failed" },
  },
  {
    says: "GET that wants it unmodified since before its change answers 412",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-unmodified-since": "Wed, 01 May 2024 09:59:59 GMT" },
    status: 412,
  },
  {
    says: "an error is never 304",
    verb: "GET",
    path: "/profiles/nobody",
    headers: { "if-none-match": "*" },
    status: 404,
  },
  {
    says: "somebody else's tags are passed over",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-none-match": '"abc", W/"x y", "2"' },
    status: 200,
  },
  {
    says: "what is no tag is passed over",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-none-match": "3" },
    status: 200,
  },
  {
    says: "several tags will do",
    verb: "GET",
    path: "/profiles/ada",
    headers: { "if-none-match": '"2", "3"' },
    status: 304,
  },
  {
    says: "a tag of the body comes with GET",
    verb: "GET",
    path: "/summary",
    status: 200,
    json: { text: "5 undefined" },
  },
  {
    says: "a list in a header is a list",
    verb: "GET",
    path: "/summary",
    headers: { "x-tag": "1, 2" },
    status: 200,
    json: { text: "5 [1,2]" },
  },
  {
    says: "a list gives a Link to the next page, which keeps the rest of the query",
    verb: "GET",
    path: "/profiles?limit=2&name=Ada&name=Bob&name=Cy",
    status: 200,
    answers: {
      link: '</profiles?limit=2&name=Ada&name=Bob&name=Cy&after=bob>; rel="next", </profiles?limit=2&name=Ada&name=Bob&name=Cy>; rel="first"',
    },
  },
  {
    says: "a page in the middle gives the one before as well",
    verb: "GET",
    path: "/profiles?limit=1&after=bob",
    status: 200,
    answers: {
      link: '</profiles?limit=1&after=cy>; rel="next", </profiles?limit=1&after=ada>; rel="prev", </profiles?limit=1>; rel="first"',
    },
  },
  {
    says: "the last page gives no next",
    verb: "GET",
    path: "/profiles?limit=9",
    status: 200,
    answers: { link: '</profiles?limit=9>; rel="first"' },
  },
  {
    says: "a cursor is encoded",
    verb: "GET",
    path: "/profiles?limit=1",
    status: 200,
    answers: { link: '</profiles?limit=1&after=a%2F%C3%9F>; rel="next", </profiles?limit=1>; rel="first"' },
  },
  {
    says: "POST that creates answers 201 with Location and tag",
    verb: "POST",
    path: "/profiles",
    body: { id: "e/é 1", name: "Eve" },
    status: 201,
    answers: { location: "/profiles/e%2F%C3%A9%201", etag: '"1"' },
    json: { id: "e/é 1", version: 1 },
  },
  {
    says: "what Location says is there",
    verb: "GET",
    path: "/profiles/e%2F%C3%A9%201",
    status: 200,
    json: { name: "Eve" },
  },
  {
    says: "POST of what exists answers 409, with no Location",
    verb: "POST",
    path: "/profiles",
    body: { id: "ada", name: "A" },
    status: 409,
    answers: { location: undefined, etag: undefined },
  },
  {
    says: "PUT that creates answers 201 with Location",
    verb: "PUT",
    path: "/profiles/fay",
    body: { name: "Fay" },
    status: 201,
    answers: { location: "/profiles/fay" },
    json: { version: 1 },
  },
  {
    says: "PUT that replaces answers 200 without",
    verb: "PUT",
    path: "/profiles/fay",
    body: { name: "Fay" },
    status: 200,
    answers: { location: undefined, etag: '"2"' },
  },
  {
    says: "PUT with an old version answers 412 and the details",
    verb: "PUT",
    path: "/profiles/fay",
    headers: { "if-match": '"1"' },
    body: { name: "F" },
    status: 412,
    json: { reason: "profile_changed", details: { version: 2 } },
  },
  {
    says: "PUT with the version there is is done",
    verb: "PUT",
    path: "/profiles/fay",
    headers: { "if-match": '"2"' },
    body: { name: "F" },
    status: 200,
    answers: { etag: '"3"' },
  },
  {
    says: "a weak tag is not good enough to write by",
    verb: "PUT",
    path: "/profiles/fay",
    headers: { "if-match": 'W/"3"' },
    body: { name: "F" },
    status: 412,
    json: { reason: "precondition_failed" },
  },
  {
    says: "a condition that is no tag answers 400",
    verb: "PUT",
    path: "/profiles/fay",
    headers: { "if-match": "3" },
    body: { name: "F" },
    status: 400,
    json: { reason: "malformed_message" },
  },
  {
    says: "a tag that is no version fits none",
    verb: "PUT",
    path: "/profiles/fay",
    headers: { "if-match": '"x"' },
    body: { name: "F" },
    status: 412,
    json: { reason: "precondition_failed" },
  },
  {
    says: "any version is none where the method wants one",
    verb: "PUT",
    path: "/profiles/fay",
    headers: { "if-match": "*" },
    body: { name: "F" },
    status: 400,
    json: { reason: "invalid_request" },
  },
  {
    says: "PATCH without If-Match answers 428 where the method needs it",
    verb: "PATCH",
    path: "/profiles/ada",
    body: { name: "A" },
    status: 428,
    json: { title: "Precondition Required", reason: "precondition_required" },
  },
  {
    says: "PATCH: what is absent is kept",
    verb: "PATCH",
    path: "/profiles/ada",
    headers: { "if-match": '"3"' },
    body: { name: "Ada L." },
    status: 200,
    json: { name: "Ada L.", nick: "nick" },
  },
  {
    says: "PATCH: null clears",
    verb: "PATCH",
    path: "/profiles/ada",
    headers: { "if-match": '"4"' },
    body: { nick: null },
    status: 200,
    json: { name: "Ada L.", nick: null },
  },
  {
    says: "PATCH takes a merge patch",
    verb: "PATCH",
    path: "/profiles/ada",
    headers: { "if-match": '"5"', "Content-Type": "application/merge-patch+json" },
    body: { nick: "al" },
    status: 200,
    answers: { "content-type": "application/json" },
    json: { nick: "al", version: 6 },
  },
  {
    says: "If-Match with an old version answers 412",
    verb: "PATCH",
    path: "/profiles/ada",
    headers: { "if-match": '"3"' },
    body: {},
    status: 412,
    json: { reason: "profile_changed", code: "failed_precondition" },
  },
  {
    says: "DELETE with none of the versions answers 412",
    verb: "DELETE",
    path: "/profiles/bob",
    headers: { "if-match": '"1", "2"' },
    status: 412,
  },
  {
    says: "DELETE with one of them answers 204 without a body",
    verb: "DELETE",
    path: "/profiles/bob",
    headers: { "if-match": '"1", "3"' },
    status: 204,
    answers: { "content-length": undefined, "content-type": undefined },
    json: undefined,
  },
  {
    says: "DELETE of whatever is there",
    verb: "DELETE",
    path: "/profiles/cy",
    headers: { "if-match": "*" },
    status: 204,
  },
  { says: "DELETE of what is gone answers 404", verb: "DELETE", path: "/profiles/cy", status: 404 },
  {
    says: "OPTIONS says what a path has",
    verb: "OPTIONS",
    path: "/profiles/ada",
    status: 204,
    answers: { allow: "GET, PUT, PATCH, DELETE, HEAD, OPTIONS" },
  },
  {
    says: "a verb the path has not answers 405",
    verb: "POST",
    path: "/profiles/ada",
    body: {},
    status: 405,
    answers: { allow: "GET, PUT, PATCH, DELETE, HEAD, OPTIONS" },
  },
];

describe("REST, as people who wrote it by hand expect it", () => {
  const calls: string[] = [];
  let server: Served;
  beforeAll(async () => {
    server = await served(inMemory(calls), { routes: [table] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  for (const row of rows) {
    it(`${row.says}`, async () => {
      const { verb, path, headers, body } = row;
      const answer = await server.ask({
        verb,
        path,
        ...(headers === undefined ? {} : { headers }),
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      expect([answer.status, answer.body]).toEqual([row.status, expect.any(String)]);
      for (const [name, value] of Object.entries(row.answers ?? {}))
        expect([name, answer.headers[name]]).toEqual([name, value]);
      if ("json" in row) {
        if (row.json === undefined) expect(answer.body).toBe("");
        else expect(JSON.parse(answer.body)).toMatchObject(row.json as object);
      }
    });
  }

  it("gave the handler the version it was told, and PATCH what was said and no more", () => {
    expect(calls).toContain("get ada 2");
    expect(calls.filter((call) => call.startsWith("patch"))).toEqual([
      'patch {"name":"Ada L."}',
      'patch {"nick":null}',
      'patch {"nick":"al"}',
      "patch {}",
    ]);
  });

  it("answers 304 to the tag of a body, and another tag when the body is another", async () => {
    const ask = (headers: Record<string, string> = {}) => server.ask({ verb: "GET", path: "/summary", headers });
    const { etag } = (await ask()).headers;
    expect(etag).toMatch(/^"[\w-]+"$/);
    expect((await ask()).headers["etag"]).toBe(etag);
    expect((await ask({ "if-none-match": `"a", W/${String(etag)}` })).status).toBe(304);
    expect((await ask({ "if-none-match": String(etag), "x-tag": "1" })).status).toBe(200);
  });
});

describe("the same over HTTP/2", () => {
  it("knows conditions, creation, cookies and other origins", async () => {
    const origin = "https://app.example";
    const handlers = inMemory([]);
    const gate = (context: Context): Context => (setCookie(context, "a", "1"), setCookie(context, "b", "2"), context);
    await using server = await served(
      handlers,
      { routes: [table], http2: true, cors: { origins: [origin] } },
      { gates: [gate] },
    );
    const session = connect(server.address);
    const ask = (headers: OutgoingHttpHeaders, body = ""): Promise<IncomingHttpHeaders> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ origin, ...headers }, { endStream: body === "" });
        stream.once("response", resolve).once("error", reject).resume();
        if (body !== "") stream.end(body);
      });
    expect(await ask({ ":path": "/profiles/ada" })).toMatchObject({
      ":status": 200,
      etag: '"3"',
      "access-control-allow-origin": origin,
      vary: "Origin",
      "set-cookie": [expect.stringMatching(/^a=1;/), expect.stringMatching(/^b=2;/)] as string[],
    });
    const same = await ask({ ":path": "/profiles/ada", "if-none-match": '"3"' });
    expect([same[":status"], same["etag"], same["content-type"], same["content-length"]]).toEqual([
      304,
      '"3"',
      undefined,
      undefined,
    ]);
    const made = { ":path": "/profiles", ":method": "POST", "content-type": "application/json" };
    expect(await ask(made, '{"id":"z","name":"Z"}')).toMatchObject({ ":status": 201, location: "/profiles/z" });
    const asked = { ":path": "/profiles/ada", ":method": "OPTIONS", "access-control-request-method": "PUT" };
    expect(await ask(asked)).toMatchObject({
      ":status": 204,
      "access-control-allow-methods": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    });
    await new Promise<void>((resolve) => session.close(resolve));
  });
});

describe("the same through our client", () => {
  let server: Served;
  let remote: Client<typeof profiles.methods> & AsyncDisposable;
  const answers: HttpClientResponse[] = [];
  const sent: string[] = [];
  beforeAll(async () => {
    server = await served(inMemory([]), {
      routes: [table],
      before: [
        (context, request) => {
          sent.push(`${request.verb} ${request.path} ${request.header("if-match") ?? request.header("if-none-match")}`);
          return context;
        },
      ],
    });
    const after = (_context: unknown, response: HttpClientResponse): void => void answers.push(response);
    remote = client(profiles, httpClient({ routes: [table], after: [after] }), {
      from: server.address,
      timeoutMs: 60_000,
    });
  });
  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const failed = (promise: Promise<unknown>): Promise<ServiceError> =>
    promise.then(
      () => expect.unreachable("it should fail"),
      (thrown: unknown) => thrown as ServiceError,
    );

  it("writes versions as tags, and reads declared errors whatever their status", async () => {
    const old = await remote.put.try({ id: "ada", name: "A", version: 2 });
    expect(sent.at(-1)).toBe('PUT /profiles/ada "2"');
    expect(answers.at(-1)!.status).toBe(412);
    expect(old.ok ? undefined : old.error.details.version).toBe(3);
    expect(await remote.put({ id: "ada", name: "A", version: 3 })).toEqual({ id: "ada", version: 4, isNew: false });
    await remote.remove({ id: "bob", version: [2, 3] });
    expect(sent.at(-1)).toBe('DELETE /profiles/bob "2", "3"');
    await remote.remove({ id: "cy", version: "*" });
    expect(sent.at(-1)).toBe("DELETE /profiles/cy *");
    expect((await failed(remote.get({ id: "old" }))).reason).toBe("profile_retired");
  });

  it("is told that what it knows is still so by an error of its own, and only when it asked", async () => {
    expect(await failed(remote.get({ id: "dan", known: 3 }))).toMatchObject({
      reason: "not_modified",
      code: "failed_precondition",
    });
    expect(answers.at(-1)!.header("etag")).toBe('"3"');
    expect((await remote.get({ id: "dan", known: 2 })).name).toBe("Dan");
    expect((await remote.get({ id: "dan" })).name).toBe("Dan");
  });

  it("leaves Location and Link to a hook", async () => {
    await remote.create({ id: "e/1", name: "Eve" });
    expect([answers.at(-1)!.status, answers.at(-1)!.header("location")]).toEqual([201, "/profiles/e%2F1"]);
    const { next } = await remote.list({ limit: 1 });
    expect(answers.at(-1)!.header("link")).toContain(`after=${encodeURIComponent(next!)}>`);
  });

  it("writes a list into a header, and refuses one that cannot stand there", async () => {
    expect(await remote.summary({ tag: [1, 2] })).toMatchObject({ text: expect.stringContaining("[1,2]") as string });
    expect(await remote.labelled({ label: ["a b", "c"] })).toEqual({ labels: ["a b", "c"] });
    for (const label of [["a,b"], ["", "c"], [" a", "c"]])
      expect((await failed(remote.labelled({ label }))).message).toBe(
        "header x-label cannot hold a list with such a text",
      );
  });

  it("writes null as null and absent as absent", async () => {
    expect(await remote.patch({ id: "dan", version: 3, nick: null })).toMatchObject({ name: "Dan", nick: null });
    expect(await remote.patch({ id: "dan", version: 4, name: "Daniel" })).toMatchObject({ name: "Daniel", nick: null });
  });
});

describe("what a route says of answers", () => {
  const one = service("one", {
    get: method({
      request: z.object({ id: z.string(), after: z.string().optional() }),
      response: z.object({ id: z.string(), v: z.int(), at: z.number().optional() }),
      errors: [notFound],
    }),
  });

  it("is held to the contract by the compiler", () => {
    const get = "GET /one/{id}";
    routes(one, {
      get: { path: get, etag: "v", links: { next: { after: "id" } }, errors: { profile_not_found: 410 } },
    });
    // @ts-expect-error -- the response has no such field
    routes(one, { get: { path: get, etag: "nothing" } });
    // @ts-expect-error -- the response has no such field
    routes(one, { get: { path: get, lastModified: "after" } });
    // @ts-expect-error -- the response has no such field
    routes(one, { get: { path: "POST /one", location: "/one/{after}" } });
    // @ts-expect-error -- the request has no such field
    routes(one, { get: { path: get, links: { next: { v: "id" } } } });
    expect(() =>
      // @ts-expect-error -- the method declares no such error
      routes(one, { get: { path: get, errors: { profile_exists: 410 } } }),
    ).toThrow('the route of one.get: errors should name declared errors of the method, got "profile_exists"');
    expectTypeOf(routes).toBeFunction();
  });

  const get = "GET /one/{id}" as const;
  const wrong: readonly (readonly [string, object, string])[] = [
    [
      "a tag of a body that is no answer to GET",
      { path: "PUT /one/{id}", etag: "body" },
      "only GET answers with what is there",
    ],
    [
      "a status that is no error",
      { path: get, errors: { profile_not_found: 200 } },
      "errors.profile_not_found should be an integer from 400 to 599, got 200",
    ],
    [
      "half a segment",
      { path: get, location: "/one/a{id}" },
      "location should be a path with {field} for whole segments",
    ],
    ["a relation in upper case", { path: get, links: { Next: {} } }, "links should be a relation in lower case"],
    ["a line break", { path: get, cacheControl: "a\nb" }, "cacheControl should be the value of a Cache-Control header"],
  ];
  for (const [what, bind, says] of wrong) {
    it(`is refused: ${what}`, () => expect(() => routes(one, { get: bind as unknown as typeof get })).toThrow(says));
  }

  it("is refused on listening where it names no field", async () => {
    for (const bind of [
      { etag: "x" },
      { lastModified: "x" },
      { created: "x" },
      { location: "/{x}" },
      { links: { next: { after: "x" } } },
    ]) {
      const table = routes(one, { get: { path: get, ...bind } as unknown as typeof get });
      const implementation = one.implement({ get: ({ id }) => ({ id, v: 1 }) });
      await expect(served(implementation, { routes: [table] })).rejects.toThrow(
        'the route of one.get should name fields of the response, "x" is none',
      );
    }
  });

  it("is refused for a stream, whose answers have a head before there is anything to say", async () => {
    const watch = method({ request: z.object({}), response: z.object({ v: z.int() }), stream: "server" });
    const feed = service("feed", { watch });
    const table = routes(feed, { watch: { path: "GET /feed", etag: "v" } });
    async function* none(): AsyncGenerator<{ v: number }> {}
    await expect(served(feed.implement({ watch: none }), { routes: [table] })).rejects.toThrow(
      "the route of feed.watch should say nothing of answers, which are written piece by piece",
    );
  });

  it("cannot be kept with a value that is none: then the answer is an error, and nothing of it is told", async () => {
    const reports: unknown[] = [];
    const table = routes(one, { get: { path: get, lastModified: "at", location: "/one/{id}" } });
    const handler = one.implement({
      get: ({ id }) => ({ id: id === "dots" ? ".." : id, v: 1, at: id === "late" ? 9e15 : 0 }),
    });
    await using server = await served(handler, { routes: [table] }, { report: (thrown) => void reports.push(thrown) });
    const ask = async (id: string) => server.ask({ verb: "GET", path: `/one/${id}` });
    expect((await ask("a")).headers).toMatchObject({
      "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT",
      location: "/one/a",
    });
    for (const id of ["dots", "late"]) {
      const { status, body } = await ask(id);
      expect([status, JSON.parse(body)]).toMatchObject([500, { detail: "the response does not fit the method" }]);
      expect(body).not.toContain("should be");
    }
  });

  it("lets a hook have its own tag and its own body", async () => {
    const table = routes(one, { get: { path: get, etag: "body" } });
    const after = [
      (_: unknown, reply: { body: string | Uint8Array; header(name: string, value: string): void }) => {
        reply.body = "other";
        reply.header("etag", 'W/"mine"');
      },
    ];
    await using server = await served(one.implement({ get: ({ id }) => ({ id, v: 1 }) }), { routes: [table], after });
    const ask = (headers = {}) => server.ask({ verb: "GET", path: "/one/a", headers });
    expect(await ask()).toMatchObject({ status: 200, body: "other", headers: { etag: 'W/"mine"' } });
    expect((await ask({ "if-none-match": '"mine"' })).status).toBe(304);
    // RFC 9110 §13.1.1: a weak tag of one's own fits nothing either.
    expect((await ask({ "if-match": 'W/"mine"' })).status).toBe(412);
  });

  it("writes an error of a peer that has not changed as 304 without a body, as a gateway must", async () => {
    const { policyError } = await import("../../errors/index.ts");
    const handler = one.implement({ get: () => Promise.reject(policyError("not_modified")) });
    await using server = await served(handler, { routes: [routes(one, { get })] });
    const answer = await server.ask({ verb: "GET", path: "/one/a" });
    expect([answer.status, answer.body, answer.headers["content-type"]]).toEqual([304, "", undefined]);
  });
});
