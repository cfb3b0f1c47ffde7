import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { client, close } from "../../client/index.ts";
import { method, service } from "../../contract/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import { json } from "../codec.ts";
import { RequestDraft } from "./client-draft.ts";
import { routeForm } from "./client-request.ts";
import { httpClient } from "./client.ts";
import { routes, type Routes } from "./routes.ts";

const profile = z.object({ id: z.string(), name: z.string().optional() });
const request = z.object({
  id: z.string(),
  n: z.int().optional(),
  tags: z.array(z.string()).optional(),
  on: z.boolean().optional(),
  tenant: z.string().optional(),
  profile: profile.optional(),
});
const profiles = service("profiles", { get: method({ request, response: z.object({}) }) });

function written(bound: Routes, wire: unknown, basePath = ""): RequestDraft {
  const form = routeForm(basePath, bound.routes[0]!, {
    method: profiles.methods.get,
    codec: json,
    where: "profiles.get",
  });
  const draft = new RequestDraft(form.verb, form.path, []);
  form.write(wire, draft);
  return draft;
}

describe("a route's request", () => {
  it("has fields in the path, percent-encoded as whole segments", () => {
    const bound = routes(profiles, { get: { path: "GET /profiles/{id}/x", query: [] } });
    expect(written(bound, { id: "a/b?c#d e%é" }, "/v1").path).toBe("/v1/profiles/a%2Fb%3Fc%23d%20e%25%C3%A9/x");
  });

  it("has fields in the query, lists by repetition, in the order of the schema", () => {
    const bound = routes(profiles, { get: "GET /profiles/{id}" });
    const draft = written(bound, { id: "1", tags: ["a&b", "c"], n: 0, on: false });
    expect([draft.verb, draft.path, draft.body]).toEqual(["GET", "/profiles/1?n=0&tags=a%26b&tags=c&on=false", ""]);
    expect(written(bound, { id: "1" }).path).toBe("/profiles/1");
  });

  it("has fields in headers", () => {
    const bound = routes(profiles, {
      get: { path: "GET /profiles/{id}", query: [], header: { tenant: "X-Tenant", n: "x-n" } },
    });
    expect(written(bound, { id: "1", tenant: "blue", n: 7 }).headers).toEqual(["x-tenant", "blue", "x-n", "7"]);
  });

  it("has the rest as the body, and nothing twice", () => {
    const bound = routes(profiles, {
      get: { path: "PUT /profiles/{id}", query: ["n"], header: { tenant: "x-tenant" } },
    });
    const draft = written(bound, { id: "1", n: 2, tenant: "blue", on: true, extra: 1 });
    expect([draft.verb, draft.path, draft.body]).toEqual(["PUT", "/profiles/1?n=2", '{"on":true}']);
  });

  it("has one field as the body, with declared fields only", () => {
    const bound = routes(profiles, { get: { path: "PUT /profiles/{id}", query: [], body: "profile" } });
    expect(written(bound, { id: "1", profile: { id: "1", name: "x", password: "y" } }).body).toBe(
      '{"id":"1","name":"x"}',
    );
    expect(written(bound, { id: "1" }).body).toBe("");
  });

  it("has the whole request as the body where nothing stands elsewhere, by POST when any verb will do", () => {
    const draft = written(routes(profiles, { get: "/everything" }), { id: "1", on: true });
    expect([draft.verb, draft.path, draft.body]).toEqual(["POST", "/everything", '{"id":"1","on":true}']);
  });

  it("reads fields only where the request itself has them", () => {
    const bound = routes(profiles, { get: { path: "GET /profiles/{id}", query: ["n"] } });
    const wire = Object.assign(Object.create({ n: 9 }) as object, { id: "1" });
    expect(written(bound, wire).path).toBe("/profiles/1");
  });

  it("is refused where a field cannot stand in its place", () => {
    const bound = routes(profiles, { get: { path: "GET /profiles/{id}", query: [], header: { tenant: "x-tenant" } } });
    const refused = { reason: "invalid_request" };
    for (const id of ["", ".", "..", undefined, ["a", "b"], {}])
      expect(() => written(bound, { id })).toThrow(expect.objectContaining(refused));
    expect(() => written(bound, { id: "\ud800" })).toThrow("a text with half a character cannot stand in a URL");
    expect(() => written(bound, { id: "1", tenant: "a\r\nx: y" })).toThrow(
      "header x-tenant cannot hold what the request says",
    );
    expect(() => written(bound, { id: "1", tenant: ["a", "b"] })).toThrow(
      "profiles.get: tenant should be one value, got 2",
    );
    expect(() => written(bound, "text")).toThrow("profiles.get: the request should be an object");
  });

  it("survives the way there for any text in path and query", () => {
    const bound = routes(profiles, { get: { path: "GET /profiles/{id}", query: ["tenant"] } });
    const texts = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text !== "." && text !== "..");
    fc.assert(
      fc.property(texts, texts, (id, tenant) => {
        const { path } = written(bound, { id, tenant });
        const url = new URL(path, "http://h");
        expect(decodeURIComponent(url.pathname.slice("/profiles/".length))).toBe(id);
        expect(url.searchParams.get("tenant")).toBe(tenant);
        expect(path).toMatch(/^[!-~]+$/);
      }),
    );
  });

  it("of a shape that writes itself is split the same way", () => {
    const toJson = (value: unknown): unknown => ({ id: (value as { key: string }).key, on: true, n: 5 });
    const shape = { ...profiles.methods.get.request, toJson };
    const bound = routes(profiles, { get: { path: "PUT /profiles/{id}", query: ["n"] } });
    const form = routeForm("", bound.routes[0]!, {
      method: { ...profiles.methods.get, request: shape },
      codec: json,
      where: "x",
    });
    const draft = new RequestDraft(form.verb, form.path, []);
    form.write({ key: "k" }, draft);
    expect([draft.path, draft.body]).toEqual(["/profiles/k?n=5", '{"on":true}']);
  });

  it("needs the schema of the request", () => {
    const opaque = {
      ...profiles.methods.get.request,
      jsonSchema: () => {
        throw new TypeError("no schema");
      },
    };
    const bound = routes(profiles, { get: "GET /profiles/{id}" });
    const make = (): unknown =>
      routeForm("", bound.routes[0]!, {
        method: { ...profiles.methods.get, request: opaque },
        codec: json,
        where: "profiles.get",
      });
    expect(make).toThrow("profiles.get request: no schema");
  });
});

describe("a client with routes", () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    while (cleanups.length > 0) await cleanups.pop()!();
  });

  it("calls somebody else's REST service", async () => {
    const seen: unknown[] = [];
    const server = createServer((message: IncomingMessage, response) => {
      seen.push(message.method, message.url, message.headers["content-type"], message.headers["content-length"]);
      response.writeHead(message.method === "DELETE" ? 204 : 200, { "content-type": "application/json" });
      response.end(message.method === "DELETE" ? "" : '{"id":"1","name":"Ada"}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => (server.close(), server.closeAllConnections()));
    const people = service("people", {
      get: method({ request: z.object({ id: z.string(), fields: z.string().optional() }), response: profile }),
      drop: method({ request: z.object({ id: z.string() }), response: z.undefined() }),
      put: method({ request: z.object({ id: z.string(), name: z.string() }), response: profile }),
      other: method({ request: z.object({}), response: profile }),
    });
    const rest = routes(people, { get: "GET /people/{id}", drop: "DELETE /people/{id}", put: "PUT /people/{id}" });
    const remote = client(people, httpClient({ routes: [rest] }), {
      from: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    });
    cleanups.push(() => close(remote));
    expect(await remote.get({ id: "1", fields: "name" })).toEqual({ id: "1", name: "Ada" });
    expect(await remote.drop({ id: "1" })).toBeUndefined();
    await remote.put({ id: "1", name: "Ada" });
    await remote.other({});
    expect(seen).toEqual([
      ...["GET", "/api/people/1?fields=name", undefined, undefined],
      ...["DELETE", "/api/people/1", undefined, undefined],
      ...["PUT", "/api/people/1", "application/json", "14"],
      ...["POST", "/api/people/other", "application/json", "2"],
    ]);
    const refused = (await remote.get({ id: ".." }).catch((e: unknown) => e)) as ServiceError;
    expect(refused.reason).toBe("invalid_request");
  });
});
