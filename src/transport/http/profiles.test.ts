import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { error, method, service } from "../../index.ts";
import { routes } from "./index.ts";

// Go kit's profilesvc: nine routes, REST as people write it by hand, slashes at the end included.

const address = z.object({ id: z.string(), location: z.string().optional() });
const profile = z.object({ id: z.string(), name: z.string().optional(), addresses: z.array(address).optional() });
const done = z.object({});
const one = z.object({ id: z.string() });
const place = z.object({ id: z.string(), addressID: z.string() });

const notFound = error("profile_not_found", { code: "not_found", message: "not found" });
const exists = error("profile_exists", { code: "invalid_argument", message: "already exists" });
const inconsistent = error("inconsistent_ids", { code: "invalid_argument", message: "inconsistent IDs" });

const profiles = service("profiles", {
  post: method({ request: z.object({ profile }), response: done, errors: [exists] }),
  get: method({ request: one, response: z.object({ profile }), errors: [notFound] }),
  put: method({ request: z.object({ id: z.string(), profile }), response: done, errors: [inconsistent] }),
  patch: method({
    request: z.object({ id: z.string(), profile: profile.partial() }),
    response: done,
    errors: [notFound, inconsistent],
  }),
  remove: method({ request: one, response: done, errors: [notFound] }),
  addresses: method({
    request: one,
    response: z.object({ addresses: z.array(address).optional() }),
    errors: [notFound],
  }),
  address: method({ request: place, response: z.object({ address }), errors: [notFound] }),
  postAddress: method({ request: z.object({ id: z.string(), address }), response: done, errors: [notFound, exists] }),
  removeAddress: method({ request: place, response: done, errors: [notFound] }),
});

const rest = routes(profiles, {
  post: { path: "POST /profiles/", body: "profile" },
  get: "GET /profiles/{id}",
  put: { path: "PUT /profiles/{id}", body: "profile" },
  patch: { path: "PATCH /profiles/{id}", body: "profile" },
  remove: "DELETE /profiles/{id}",
  addresses: "GET /profiles/{id}/addresses/",
  address: "GET /profiles/{id}/addresses/{addressID}",
  postAddress: { path: "POST /profiles/{id}/addresses/", body: "address" },
  removeAddress: "DELETE /profiles/{id}/addresses/{addressID}",
});

type Profile = z.infer<typeof profile>;

function inMemory() {
  const held = new Map<string, Profile>();
  return profiles.implement({
    post: ({ profile }) => (held.has(profile.id) ? exists() : (held.set(profile.id, profile), {})),
    get: ({ id }) => (held.has(id) ? { profile: held.get(id)! } : notFound()),
    put: ({ id, profile }) => (id === profile.id ? (held.set(id, profile), {}) : inconsistent()),
    patch({ id, profile }) {
      const before = held.get(id);
      if (profile.id !== undefined && profile.id !== id) return inconsistent();
      return before === undefined ? notFound() : (held.set(id, { ...before, ...profile, id }), {});
    },
    remove: ({ id }) => (held.delete(id) ? {} : notFound()),
    addresses: ({ id }) => (held.has(id) ? { addresses: held.get(id)!.addresses } : notFound()),
    address({ id, addressID }) {
      const found = held.get(id)?.addresses?.find((one) => one.id === addressID);
      return found === undefined ? notFound() : { address: found };
    },
    postAddress({ id, address }) {
      const before = held.get(id);
      if (before === undefined) return notFound();
      if (before.addresses?.some((one) => one.id === address.id)) return exists();
      held.set(id, { ...before, addresses: [...(before.addresses ?? []), address] });
      return {};
    },
    removeAddress({ id, addressID }) {
      const before = held.get(id);
      const left = before?.addresses?.filter((one) => one.id !== addressID);
      if (before === undefined || left?.length === before.addresses?.length) return notFound();
      held.set(id, { ...before, addresses: left });
      return {};
    },
  });
}

describe("Go kit's profilesvc, as a contract and a table of nine routes", () => {
  let server: Served;
  beforeAll(async () => {
    server = await served(inMemory(), {
      routes: [rest],
      // Its errors are `{"error": text}`; everything else it does not know is a 500.
      errorEncoder(error, reply) {
        reply.header("content-type", "application/json; charset=utf-8");
        reply.body = `${JSON.stringify({ error: error.message })}\n`;
      },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const steps: readonly (readonly [string, string, string | undefined, number, string])[] = [
    ["POST", "/profiles/", '{"id":"1","name":"Ada","addresses":[{"id":"a","location":"Here"}],"secret":1}', 200, "{}"],
    ["POST", "/profiles/", '{"id":"1"}', 400, '{"error":"already exists"}\n'],
    [
      "GET",
      "/profiles/1",
      undefined,
      200,
      '{"profile":{"id":"1","name":"Ada","addresses":[{"id":"a","location":"Here"}]}}',
    ],
    ["GET", "/profiles/2", undefined, 404, '{"error":"not found"}\n'],
    ["PUT", "/profiles/2", '{"id":"2"}', 200, "{}"],
    // Go kit answers 200 {"err":{}} here, by mistake.
    ["PUT", "/profiles/2", '{"id":"3"}', 400, '{"error":"inconsistent IDs"}\n'],
    ["GET", "/profiles/2", undefined, 200, '{"profile":{"id":"2"}}'],
    ["PATCH", "/profiles/2", '{"name":"Bob"}', 200, "{}"],
    ["PATCH", "/profiles/2", '{"id":"1"}', 400, '{"error":"inconsistent IDs"}\n'],
    ["PATCH", "/profiles/3", '{"name":"Bob"}', 404, '{"error":"not found"}\n'],
    ["GET", "/profiles/2", undefined, 200, '{"profile":{"id":"2","name":"Bob"}}'],
    ["GET", "/profiles/1/addresses/", undefined, 200, '{"addresses":[{"id":"a","location":"Here"}]}'],
    ["GET", "/profiles/2/addresses/", undefined, 200, "{}"],
    ["GET", "/profiles/3/addresses/", undefined, 404, '{"error":"not found"}\n'],
    ["GET", "/profiles/1/addresses/a", undefined, 200, '{"address":{"id":"a","location":"Here"}}'],
    ["GET", "/profiles/1/addresses/b", undefined, 404, '{"error":"not found"}\n'],
    ["POST", "/profiles/1/addresses/", '{"id":"b"}', 200, "{}"],
    ["POST", "/profiles/1/addresses/", '{"id":"b"}', 400, '{"error":"already exists"}\n'],
    ["POST", "/profiles/3/addresses/", '{"id":"b"}', 404, '{"error":"not found"}\n'],
    ["DELETE", "/profiles/1/addresses/a", undefined, 200, "{}"],
    ["DELETE", "/profiles/1/addresses/a", undefined, 404, '{"error":"not found"}\n'],
    ["GET", "/profiles/1/addresses/", undefined, 200, '{"addresses":[{"id":"b"}]}'],
    ["DELETE", "/profiles/1", undefined, 200, "{}"],
    ["DELETE", "/profiles/1", undefined, 404, '{"error":"not found"}\n'],
    // gorilla/mux: the wrong verb is a 405, a slash more or less another path.
    ["DELETE", "/profiles/", undefined, 405, '{"error":"the method is not served under this verb"}\n'],
    ["POST", "/profiles", '{"id":"1"}', 404, '{"error":"there is no such method"}\n'],
    ["GET", "/profiles/2/addresses", undefined, 404, '{"error":"there is no such method"}\n'],
  ];

  it("answers as it does, step by step", async () => {
    for (const [verb, path, body, status, expected] of steps) {
      const answer = await server.ask({ verb, path, body });
      expect([verb, path, answer.status, answer.body]).toEqual([verb, path, status, expected]);
    }
  });

  it("has no ninth route too few", () => {
    expect(rest.routes.map(({ verb, path }) => `${verb} ${path}`)).toEqual([
      "POST /profiles/",
      "GET /profiles/{id}",
      "PUT /profiles/{id}",
      "PATCH /profiles/{id}",
      "DELETE /profiles/{id}",
      "GET /profiles/{id}/addresses/",
      "GET /profiles/{id}/addresses/{addressID}",
      "POST /profiles/{id}/addresses/",
      "DELETE /profiles/{id}/addresses/{addressID}",
    ]);
  });
});
