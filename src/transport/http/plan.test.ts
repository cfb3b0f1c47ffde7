import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { method, service } from "../../index.ts";
import { json, type Codec } from "../codec.ts";
import { routes } from "./index.ts";

const note = z.object({ id: z.string(), tenant: z.string().optional(), dry: z.string().optional(), text: z.string() });
const notes = service("notes", {
  get: method({ request: z.object({ id: z.string() }), response: z.object({ id: z.string() }) }),
  put: method({ request: note, response: note }),
});
const implementation = notes.implement({ get: ({ id }) => ({ id }), put: (given) => given });

describe("a body that is all fields which are nowhere else", () => {
  const bound = routes(notes, {
    put: { path: "PUT /notes/{id}", header: { tenant: "x-tenant" }, query: ["dry"] },
  });
  const body = JSON.stringify({ id: "of the body", tenant: "of the body", dry: "of the body", text: "t" });

  it("gives no field that is bound to the path, a header or the query, also where that says nothing", async () => {
    await using server = await served(implementation, { routes: [bound] });
    const bare = await server.ask({ verb: "PUT", path: "/notes/1", body });
    expect(JSON.parse(bare.body)).toEqual({ id: "1", text: "t" });
    const full = await server.ask({ verb: "PUT", path: "/notes/1?dry=q", headers: { "x-tenant": "h" }, body });
    expect(JSON.parse(full.body)).toEqual({ id: "1", tenant: "h", dry: "q", text: "t" });
  });
});

describe("answers in several formats", () => {
  const other: Codec = { ...json, mediaType: "application/x-other", contentType: "application/x-other" };
  const bound = routes(notes, { get: { path: "GET /notes/{id}", cacheControl: "public, max-age=60" } });

  it("tell caches that they go by Accept, beside what else they go by", async () => {
    await using server = await served(implementation, {
      routes: [bound],
      codecs: [json, other],
      cors: { origins: ["https://a.example"] },
      compress: { minBytes: 1 },
    });
    for (const accept of ["application/json", "application/x-other"]) {
      const { headers } = await server.ask({ verb: "GET", path: "/notes/1", headers: { accept } });
      expect(headers["content-type"]).toBe(accept);
      expect(String(headers["vary"]).split(", ")).toEqual(expect.arrayContaining(["accept", "Origin"]));
    }
  });

  it("are the same for all where there is one", async () => {
    await using server = await served(implementation, { routes: [bound] });
    const { headers } = await server.ask({ verb: "GET", path: "/notes/1" });
    expect(headers["vary"]).toBeUndefined();
  });
});
