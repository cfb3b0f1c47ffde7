// What the document says of a method is what a real server answers: statuses, media types and bodies.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../test/served.ts";
import { codes, policyError } from "../errors/index.ts";
import { error, method, service } from "../index.ts";
import { routes } from "../transport/http/index.ts";
import { apiPages, type OpenApiDocument, type OpenApiResponse } from "./index.ts";
import { browse } from "./testdata/browse.ts";
import { lookUp, openApiProblems, validatorOf } from "./testdata/validate.ts";

// All but the one that nobody waits for.
const told = codes.filter((code) => code !== "canceled");
const errors = told.map((code) => error(`my_${code}`, { code, details: z.object({ code: z.string() }) }));
const request = z.object({ code: z.string().max(30), note: z.string().optional() });
const response = z.object({ code: z.string() });
const failing = service("failing", {
  fail: method({ request, response, errors }),
  get: method({ request, response, errors }),
  put: method({ request, response: z.object({}) }),
  watch: method({ request, response, errors, stream: "server" }),
  change: method({ request: z.object({ id: z.string(), version: z.string() }), response, errors }),
  look: method({ request: z.object({ id: z.string() }), response }),
});
const rest = routes(failing, {
  get: "GET /failing/{code}",
  put: { path: "PUT /failing/{code}", status: 204 },
  watch: "GET /watch/{code}",
  change: { path: "PUT /things/{id}", header: { version: "if-match" }, errors: { my_aborted: 422 } },
  look: { path: "GET /things/{id}", etag: "code" },
});

function answer({ code }: { readonly code: string }): never | { code: string } {
  const declared = errors.find((one) => one.code === code);
  if (declared !== undefined) throw declared({ code });
  if (code === "broken") throw new Error("a secret");
  if (code === "wrong") return {} as { code: string };
  if (code === "open") throw policyError("breaker_open");
  if (code === "limited") throw policyError("rate_limited", { retryAfterMs: 1500 });
  if (code === "late") throw policyError("deadline_exceeded");
  if (code === "draining") throw policyError("draining");
  return { code };
}

let server: Served;
let document: OpenApiDocument;
beforeAll(async () => {
  const implementation = failing.implement({
    fail: answer,
    get: answer,
    put: () => ({}),
    async *watch(asked) {
      yield await Promise.resolve(answer(asked));
    },
    change: ({ version }) => answer({ code: version }),
    look: ({ id }) => ({ code: id }),
  });
  server = await served(implementation, {
    routes: [rest],
    pages: [apiPages({ ui: false })],
    limits: { maxBodyBytes: 1000, maxHeaders: 16 },
  });
  document = (await (await browse(`${server.address}/openapi.json`)).json()) as OpenApiDocument;
});
afterAll(() => server[Symbol.asyncDispose]());

/** What the document says of an answer, and whether its body is as it says. */
async function check(found: Response, verb: string, path: string): Promise<string> {
  const { responses } = document.paths[path]![verb]!;
  const said = responses[String(found.status)];
  if (said === undefined) return `${found.status} is not described`;
  const full = ("$ref" in said ? lookUp(document, said.$ref) : said) as OpenApiResponse;
  const text = await found.text();
  if (full.content === undefined) return text === "" ? "fits" : "there should be no body";
  const type = found.headers.get("content-type") ?? "";
  if (full.content[type] === undefined) return `${type} is not described`;
  if (found.status >= 400 && !found.headers.has("x-request-id")) return "the request id is missing";
  if ("x-item-schema" in full.content[type]) return "fits";
  return validatorOf(document, full.content[type].schema)(JSON.parse(text)) ? "fits" : `does not fit: ${text}`;
}

const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  browse(`${server.address}/failing/fail`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });

describe("a described status is the one the server answers", () => {
  it("in a valid document", async () => {
    expect(await openApiProblems(document)).toEqual([]);
    expect(document.info).toEqual({ title: "failing", version: "0.0.0" });
  });

  it.each(told)("for a declared error with the code %s", async (code) => {
    const one = await post(JSON.stringify({ code }));
    expect(one.status).toBeGreaterThanOrEqual(400);
    expect(await check(one, "post", "/failing/fail")).toBe("fits");
    expect(await check(await browse(`${server.address}/failing/${code}`), "get", "/failing/{code}")).toBe("fits");
  });

  it.each([
    ["an answer", "fine", 200],
    ["a breaker", "open", 503],
    ["a limit", "limited", 429],
    ["a deadline", "late", 504],
    ["a drain", "draining", 503],
    ["a bug", "broken", 500],
    ["a response that does not fit", "wrong", 500],
    ["a request that does not fit", "x".repeat(31), 400],
  ])("for %s", async (_what, code, status) => {
    const [one, other] = [await post(JSON.stringify({ code })), await browse(`${server.address}/failing/${code}`)];
    expect([one.status, other.status]).toEqual([status, status]);
    expect(await check(one, "post", "/failing/fail")).toBe("fits");
    expect(await check(other, "get", "/failing/{code}")).toBe("fits");
  });

  it.each([
    ["text that is no JSON", () => post("{"), 400],
    ["a body that is too large", () => post(JSON.stringify({ code: "fine", note: "x".repeat(2000) })), 413],
    [
      "a content type it does not read",
      () => post("a=b", { "content-type": "application/x-www-form-urlencoded" }),
      415,
    ],
    ["a content type it does not write", () => post('{"code":"fine"}', { accept: "text/html" }), 406],
    [
      "too many headers",
      () => post('{"code":"fine"}', Object.fromEntries([..."abcdefghijklmnopqr"].map((name) => [`x-${name}`, "1"]))),
      431,
    ],
  ])("for %s", async (_what, ask, status) => {
    const one = await ask();
    expect(one.status).toBe(status);
    expect(await check(one, "post", "/failing/fail")).toBe("fits");
  });

  it("for an answer without content", async () => {
    const one = await browse(`${server.address}/failing/x`, {
      method: "PUT",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect([one.status, await check(one, "put", "/failing/{code}")]).toEqual([204, "fits"]);
  });

  it("for a stream, and for one that failed before its first message", async () => {
    for (const [code, accept, status] of [
      ["fine", "application/x-ndjson", 200],
      ["fine", "text/event-stream", 200],
      ["not_found", "*/*", 404],
    ] as const) {
      const one = await browse(`${server.address}/watch/${code}`, { headers: { accept } });
      expect([one.status, await check(one, "get", "/watch/{code}")]).toEqual([status, "fits"]);
    }
  });

  it("for conditions", async () => {
    const ask = (method: string, headers: Record<string, string>): Promise<Response> =>
      browse(`${server.address}/things/x`, {
        method,
        headers: { "content-type": "application/json", ...headers },
        ...(method === "PUT" && { body: "{}" }),
      });
    for (const [method, headers, status] of [
      ["PUT", {}, 428],
      ["PUT", { "if-match": 'W/"fine"' }, 412],
      ["PUT", { "if-match": '"failed_precondition"' }, 412],
      ["PUT", { "if-match": '"aborted"' }, 422],
      ["PUT", { "if-match": '"fine"' }, 200],
      ["GET", { "if-none-match": '"x"' }, 304],
      ["GET", { "if-match": '"y"' }, 412],
    ] as const) {
      const one = await ask(method, headers);
      expect([headers, one.status, await check(one, method.toLowerCase(), "/things/{id}")]).toEqual([
        headers,
        status,
        "fits",
      ]);
    }
  });

  it("would notice a body that is not as described", async () => {
    const wrong = Response.json(
      { status: 404 },
      { status: 404, headers: { "content-type": "application/problem+json", "x-request-id": "1" } },
    );
    expect(await check(wrong, "post", "/failing/fail")).toMatch(/^does not fit/);
  });
});
