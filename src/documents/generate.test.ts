import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { client } from "../client/index.ts";
import { error, method, service, type Service } from "../index.ts";
import type { Methods } from "../contract/index.ts";
import { httpClient, routes, type Routes } from "../transport/http/index.ts";
import { root } from "../../tools/doors.mjs";
import { served } from "../../test/served.ts";
import { contractFrom, openApi } from "./index.ts";
import { compiled, imported } from "./testdata/compile.ts";
import { nameTaken, pets, petsRoutes, type NewPet, type Pet } from "./testdata/gen/pets.ts";
import { tooDry, trees, treesRoutes, type Leaf, type Tree } from "./testdata/gen/trees.ts";

function testdata(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(`${root}src/documents/testdata/${name}`, "utf8")) as Record<string, unknown>;
}

interface Asked {
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A server that is not ours; it answers what `answer` says and keeps what it was asked. */
async function foreign(answer: (line: string, body: string) => { status: number; type?: string; json?: unknown }) {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      const line = `${request.method} ${request.url}`;
      asked.push({ line, headers: request.headers, body });
      const { status, type = "application/json", json } = answer(line, body);
      response.writeHead(status, json === undefined ? {} : { "content-type": type });
      response.end(json === undefined ? undefined : JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

describe("the contract of a document of OpenAPI 3.0", () => {
  const generated = contractFrom(testdata("generate-pets.json"), { name: "pets", from: "pets.json" });

  it("is the file that is kept here, which compiles with everything else", async () => {
    await expect(generated.text).toMatchFileSnapshot("testdata/gen/pets.ts");
    expect(generated).toMatchObject({ name: "pets", methods: 7 });
  });

  it("compiles under stricter rules too: no unused name, declarations file by file", async () => {
    const tree = contractFrom(testdata("generate-tree.json")).text;
    expect(await compiled({ "pets.ts": generated.text, "trees.ts": tree })).toEqual([]);
    expect(await compiled({ "wrong.ts": generated.text.replace("Types extends", "Type extends") })).not.toEqual([]);
  });

  it("has the types of the document", () => {
    expectTypeOf<Pet>().toEqualTypeOf<NewPet & { id: number; born?: string | undefined }>();
    expectTypeOf<NewPet["kind"]>().toEqualTypeOf<"cat" | "dog" | null | undefined>();
    // @ts-expect-error the name is missing
    const nameless: NewPet = {};
    void nameless;
  });

  it("calls a server that is not ours", async () => {
    const rex: Pet = { id: 7, name: "Rex", tag: null, owner: { email: "a@example.com" }, labels: { a: "b" } };
    await using peer = await foreign((line, body) => {
      if (line.startsWith("GET /v2/pets?")) return { status: 200, json: [rex] };
      if (line === "POST /v2/pets" && body.includes("Rex"))
        return { status: 409, type: "application/problem+json", json: { reason: "name_taken", details: { by: 7 } } };
      if (line === "POST /v2/pets") return { status: 201, json: { ...rex, ...(JSON.parse(body) as object) } };
      if (line === "PUT /v2/pets/7") return { status: 200, json: JSON.parse(body) as unknown };
      if (line === "POST /v2/login")
        return { status: 200, json: { email: `${body}@example.com`.replaceAll(/[&=+]/g, "-") } };
      if (line === "GET /v2/motto") return { status: 200, type: "text/plain", json: 1 };
      if (line === "DELETE /v2/pets/7") return { status: 204 };
      if (line === "GET /v2/pets/8") return { status: 200, json: { id: "8", name: "" } };
      return { status: 404, json: { message: "no such pet" } };
    });
    await using remote = client(pets, httpClient({ routes: [petsRoutes] }), { from: `${peer.address}/v2` });
    const id = "0b3a3b5e-7d0d-4a9a-9b9e-0a6c3a3d7f10";
    expect(await remote.listPets({ limit: 2, tag: ["a", "b c"], "sort-by": "name", xClientID: id })).toEqual([rex]);
    expect(peer.asked[0]).toMatchObject({
      line: "GET /v2/pets?limit=2&tag=a&tag=b%20c&sort-by=name",
      headers: { "x-client-id": id },
    });
    expect((await remote.createPet({ name: "Tom", kind: "cat" })).name).toBe("Tom");
    expect(peer.asked[1]!.body).toBe('{"name":"Tom","kind":"cat"}');
    expect(await remote.getPet2({ petId: 7, body: rex })).toEqual(rex);
    expect(await remote.deletePetsPetId({ petId: 7 })).toBe(null);

    const { email } = await remote.login({ user: "ada", form: 1, scope: ["a b", "c"] });
    expect(email).toBe("user-ada-form-1-scope-a-b-scope-c@example.com");
    expect(peer.asked.at(-1)!.headers).toMatchObject({
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
    });
    expect(await remote.motto({})).toBe("1");

    const taken = await remote.createPet.try({ name: "Rex" });
    if (taken.ok) throw new Error("it should be taken");
    expectTypeOf(taken.error.reason).toEqualTypeOf<"name_taken">();
    expect(taken.error.details.by).toBe(7);
    expect(nameTaken.is(taken.error)).toBe(true);
    await expect(remote.getPet({ petId: 8 })).rejects.toMatchObject({ reason: "invalid_response" });
    await expect(remote.getPet({ petId: 9 })).rejects.toMatchObject({ code: "not_found", origin: "peer" });
    // @ts-expect-error the body is missing
    await expect(remote.createPet()).rejects.toMatchObject({ reason: "invalid_request" });
  });

  it("serves what it says as well", async () => {
    await using server = await served(
      pets.implement({
        listPets: ({ limit, tag = [] }) => tag.slice(0, limit).map((name, i) => ({ id: i, name })),
        createPet: ({ name }) => (name === "Rex" ? nameTaken({ by: 1 }) : { id: 1, name }),
        getPet: ({ petId }) => ({ id: petId, name: "Tom" }),
        getPet2: ({ petId, body }) => ({ ...body, id: petId }),
        deletePetsPetId: () => null,
        login: ({ user }) => ({ email: `${user}@example.com` }),
        motto: () => "bark",
      }),
      { routes: [petsRoutes] },
    );
    await using remote = client(pets, httpClient({ routes: [petsRoutes] }), { from: server.address });
    expect(await remote.listPets({ limit: 1, tag: ["a", "b"] })).toEqual([{ id: 0, name: "a" }]);
    expect(await remote.createPet.try({ name: "Rex" })).toMatchObject({ ok: false, error: { details: { by: 1 } } });
    expect(await remote.deletePetsPetId({ petId: 1 })).toBe(null);
    expect(await remote.login({ user: "ada" })).toEqual({ email: "ada@example.com" });
    expect(await remote.motto({})).toBe("bark");
    const answer = await server.ask({ path: "/pets?limit=0" });
    expect(answer.status).toBe(400);
  });

  it("notes what it does not carry, in a list and at its place", () => {
    const notes = generated.notes.map(({ where, says }) => `${where}: ${says}`);
    const wanted = [
      /^GET \/pets: the query parameter "sort-by" is one text/,
      /^GET \/pets: the cookie parameter "session" is not carried/,
      /^GET \/pets: the query parameter "filter" is not carried: its style is deepObject/,
      /^GET \/pets: the header parameter "X-Request-ID" is no field/,
      /^GET \/pets: headers of answers are not carried: x-next/,
      /^GET \/pets: answers are read as application\/json, not as application\/xml/,
      /^PUT \/pets\/\{pet-id\}: callbacks are not carried: changed/,
      /^GET \/pets\/\{id\}\.json: left out: a parameter should be a whole segment/,
      /^POST \/photos: left out: its body is multipart\/form-data/,
      /^GET \/photos: left out: its answer is image\/png/,
      /^HEAD \/photos: left out/,
      /^#: security is not carried \(key\)/,
      /^#: errors without a `reason`/,
    ];
    for (const one of wanted) expect(notes.filter((note) => one.test(note))).toHaveLength(1);
    expect(notes).toHaveLength(wanted.length);
    const plain = generated.text.replaceAll(/\s*\n\s*(?:\*|\/\/)\s*/g, " ");
    for (const { says } of generated.notes) expect(plain).toContain(`${says}.`);
  });
});

describe("the contract of a document of OpenAPI 3.1", () => {
  it("is the file that is kept here, named by what stands before each operation id", async () => {
    const generated = contractFrom(testdata("generate-tree.json"), { from: "tree.json" });
    await expect(generated.text).toMatchFileSnapshot("testdata/gen/trees.ts");
    expect(generated.name).toBe("trees");
  });

  it("carries unions with null, recursion, and answers with and without content", async () => {
    const tree: Tree = {
      name: null,
      left: { name: "left", left: null, right: { kind: "green", area: 2 }, first: { kind: "green", area: 1 } },
      extra: { deep: [1, { er: null }] },
    };
    let answer: { status: number; type?: string; json?: unknown } = { status: 200, json: tree };
    await using peer = await foreign(() => answer);
    await using remote = client(trees, httpClient({ routes: [treesRoutes] }), { from: peer.address });
    expect(await remote.grow(tree)).toEqual(tree);
    expect(JSON.parse(peer.asked[0]!.body)).toEqual(tree);
    answer = { status: 204 };
    expect(await remote.grow(tree)).toBe(null);
    answer = {
      status: 422,
      type: "application/problem+json",
      json: { reason: "too_dry", code: "failed_precondition" },
    };
    await expect(remote.grow(tree)).rejects.toSatisfy(tooDry.is);
    answer = { status: 200, json: { leaves: [{ kind: "fallen" }], range: [1, 2] } };
    const { leaves } = await remote.leaves({ name: "a/b", after: null });
    expect(peer.asked.at(-1)!.line).toBe("GET /trees/a%2Fb/leaves?after=null");
    expectTypeOf(leaves).toEqualTypeOf<Leaf[]>();
    answer = { status: 200, json: { leaves: [{ kind: "green" }] } };
    await expect(remote.leaves({ name: "x" })).rejects.toMatchObject({
      reason: "invalid_response",
      cause: { message: "leaves.0.area: should be given" },
    });
  });
});

describe("a contract generated from our own document", () => {
  it("calls the server that the document is of", async () => {
    const outOfRange = error("too_far", { code: "out_of_range", details: z.object({ max: z.int() }) });
    const page = z.object({ items: z.array(z.string()), next: z.string().nullable() });
    const lists = service("lists", {
      page: method({
        request: z.object({ id: z.string(), from: z.int().default(0), tag: z.array(z.string()).optional() }),
        response: page,
        errors: [outOfRange],
        idempotent: true,
      }),
      put: method({ request: z.object({ id: z.string(), page }), response: page }),
      plain: method({ request: page, response: z.object({ n: z.int() }) }),
    });
    const rest = routes(lists, {
      page: { path: "GET /lists/{id}", query: ["from", "tag"] },
      put: { path: "PUT /lists/{id}", body: "page" },
    });
    const document = openApi([lists], { title: "Lists", version: "1", routes: [rest] });
    const { text, name, methods } = contractFrom(JSON.parse(JSON.stringify(document)));
    expect({ name, methods }).toEqual({ name: "lists", methods: 3 });
    await using server = await served(
      lists.implement({
        page: ({ id, from, tag = [] }) =>
          from > 9 ? outOfRange({ max: 9 }) : { items: [id, String(from), ...tag], next: null },
        put: ({ page }) => page,
        plain: ({ items }) => ({ n: items.length }),
      }),
      { routes: [rest] },
    );
    await imported(text, async (made) => {
      const again = made["lists"] as Service<Methods>;
      const transport = httpClient({ routes: [made["listsRoutes"] as Routes] });
      await using remote = client(again, transport, { from: server.address });
      const call = remote as unknown as Record<string, (request: unknown) => Promise<unknown>>;
      expect(await call["page"]!({ id: "a", tag: ["x"] })).toEqual({ items: ["a", "0", "x"], next: null });
      expect(await call["put"]!({ id: "a", body: { items: [], next: "n" } })).toEqual({ items: [], next: "n" });
      expect(await call["plain"]!({ items: ["a", "b"], next: null })).toEqual({ n: 2 });
      const tooFar = made["tooFar"] as { is(thrown: unknown): boolean };
      await expect(call["page"]!({ id: "a", from: 10 })).rejects.toSatisfy(tooFar.is);
      await expect(call["page"]!({ id: "a", from: 10 })).rejects.toMatchObject({ details: { max: 9 } });
    });
    expect(await compiled({ "lists.ts": text })).toEqual([]);
  });
});

describe("a document of 500 operations", () => {
  const schemas = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [
      `Thing${i}`,
      {
        type: "object",
        properties: {
          id: { type: "string" },
          next: { $ref: `#/components/schemas/Thing${(i + 1) % 200}` },
          tags: { type: "array", items: { type: "string" } },
        },
        required: ["id"],
      },
    ]),
  );
  const paths = Object.fromEntries(
    Array.from({ length: 250 }, (_, i) => {
      const content = { "application/json": { schema: { $ref: `#/components/schemas/Thing${i % 200}` } } };
      const parameters = [{ name: "id", in: "path", required: true, schema: { type: "string" } }];
      const responses = { 200: { description: "It.", content } };
      const get = { operationId: `getThing${i}`, responses };
      return [`/things${i}/{id}`, { parameters, get, put: { requestBody: { required: true, content }, responses } }];
    }),
  );
  const document = { openapi: "3.1.0", info: { title: "Large", version: "1" }, paths, components: { schemas } };

  it("is one file that compiles, loads, and calls", async () => {
    const { text, methods, notes } = contractFrom(document);
    expect({ methods, notes }).toEqual({ methods: 500, notes: [] });
    expect(await compiled({ "large.ts": text })).toEqual([]);
    await using peer = await foreign(() => ({ status: 200, json: { id: "a", next: { id: "b" } } }));
    await imported(text, async (made) => {
      const transport = httpClient({ routes: [made["largeRoutes"] as Routes] });
      await using remote = client(made["large"] as Service<Methods>, transport, { from: peer.address });
      const call = remote as unknown as Record<string, (request: unknown) => Promise<unknown>>;
      expect(await call["getThing249"]!({ id: "a" })).toEqual({ id: "a", next: { id: "b" } });
    });
  });
});

describe("the guide", () => {
  it("shows what is written of the document it shows", () => {
    const guide = readFileSync(`${root}docs/generate.md`, "utf8");
    const [, json = ""] = /```json\n([^]*?)```/.exec(guide) ?? [];
    const [, text] = /```ts file=pets\.ts\n([^]*?)```/.exec(guide) ?? [];
    expect(contractFrom(JSON.parse(json), { from: "pets.json" }).text).toBe(text);
  });
});

describe("contractFrom", () => {
  it.each<[unknown, string]>([
    [[], "the document should be an object, got an array of 0"],
    [{}, "the document should be OpenAPI 3.0 or 3.1, got version undefined"],
    [{ swagger: "2.0" }, 'the document should be OpenAPI 3.0 or 3.1, got version "2.0"'],
    [{ openapi: "3.2.0" }, 'got version "3.2.0"'],
  ])("refuses %j", (document, says) => {
    expect(() => contractFrom(document)).toThrow(says);
  });

  it("refuses a name that no service may have, and an option that it has not", () => {
    const document = { openapi: "3.1.0" };
    expect(() => contractFrom(document, { name: "a-b" })).toThrow("name should be letters, digits and _");
    expect(() => contractFrom(document, { nam: "a" } as object)).toThrow('contractFrom has no option "nam"');
    expect(contractFrom(document)).toMatchObject({ name: "service", methods: 0, notes: [] });
  });
});
