import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { scope, type } from "arktype";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { reasons } from "../errors/index.ts";
import { error, method, oneWay, service } from "../index.ts";
import type { AnyService } from "../contract/index.ts";
import { json, type Codec } from "../transport/index.ts";
import { routes, type Routes } from "../transport/http/index.ts";
import { proto } from "../transport/protobuf/index.ts";
import { Add } from "../transport/protobuf/testdata/gen/add_pb.ts";
import { openApi, openRpc, type OpenApiDocument, type OpenApiOperation } from "./index.ts";
import { openApiProblems, openRpcProblems } from "./testdata/validate.ts";

const info = { title: "Test", version: "1.0.0" };

function described(services: AnyService | readonly AnyService[], rest: readonly Routes[] = []): OpenApiDocument {
  return openApi([services].flat() as AnyService[], { ...info, routes: rest });
}

function operation(document: OpenApiDocument, verb: string, path: string): OpenApiOperation {
  return document.paths[path]![verb]!;
}

const body = (one: OpenApiOperation): unknown => one.requestBody?.content["application/json"]?.schema;
const answer = (one: OpenApiOperation, status = "200"): unknown =>
  (one.responses[status] as { content: Record<string, { schema: unknown }> }).content["application/json"]!.schema;

const ref = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });

const user = z
  .object({
    id: z.string().describe("Given at birth."),
    get friends() {
      return z.array(user);
    },
  })
  .meta({ id: "User", title: "A user", description: "Somebody." });
const address = z.object({ city: z.string() });
const gone = error("gone_away", { code: "not_found", details: z.object({ id: z.string(), address }) });
const busy = error("too_busy", { code: "resource_exhausted", message: "come back later" });

const users = service("users", {
  get: method({
    request: z.object({
      id: z.string().describe("Whose."),
      fields: z.array(z.string()).optional(),
      trace: z.int().optional().meta({ deprecated: true }),
    }),
    response: user,
    errors: [gone, busy],
  }),
  put: method({
    request: z.object({ id: z.string(), user, address, nick: z.string().nullable() }).describe("Writes a user."),
    response: z.object({ user, address }),
    errors: [gone],
  }),
  photo: method({ request: z.object({ id: z.string(), photo: z.string() }), response: z.object({}) }),
  all: method({ request: z.object({}), response: z.array(user) }),
});
const rest = routes(users, {
  get: { path: "GET /users/{id}", header: { trace: "x-trace" } },
  put: { path: "PUT /users/{id}", status: 201 },
  photo: { path: "PUT /users/{id}/photo", body: "photo", status: 204 },
});
const document = described(users, [rest]);

describe("an OpenAPI document", () => {
  it("is valid", async () => {
    expect(await openApiProblems(document)).toEqual([]);
    expect(document.openapi).toBe("3.1.1");
    expect(document.info).toEqual(info);
  });

  it("has an operation for each route, and POST /service/method for what has none", () => {
    const all = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, one]) => `${verb} ${path} ${one.operationId} ${one.tags.join()}`),
    );
    expect(all).toEqual([
      "get /users/{id} users.get users",
      "put /users/{id} users.put users",
      "put /users/{id}/photo users.photo users",
      "post /users/all users.all users",
    ]);
  });

  it("says where each field travels", () => {
    const get = operation(document, "get", "/users/{id}");
    expect(get.parameters).toEqual([
      {
        name: "id",
        in: "path",
        required: true,
        description: "Whose.",
        schema: { type: "string", description: "Whose." },
      },
      { name: "fields", in: "query", schema: { type: "array", items: { type: "string" } } },
      { name: "x-trace", in: "header", deprecated: true, schema: expect.objectContaining({ type: "integer" }) },
    ]);
    expect(get.requestBody).toBeUndefined();
  });

  it("leaves out of the body what travels elsewhere", () => {
    const put = operation(document, "put", "/users/{id}");
    expect(body(put)).toMatchObject({ required: ["user", "address", "nick"] });
    expect(Object.keys((body(put) as { properties: object }).properties)).toEqual(["user", "address", "nick"]);
    expect(put.description).toBe("Writes a user.");
    expect(body(operation(document, "put", "/users/{id}/photo"))).toEqual({ type: "string" });
  });

  it("gives the status of the route, and no content where there is none", () => {
    expect(answer(operation(document, "put", "/users/{id}"), "201")).toBeDefined();
    expect(operation(document, "put", "/users/{id}/photo").responses["204"]).toEqual({ description: "The answer." });
  });

  it("answers a one-way method 202, without content, or what its route says", async () => {
    const told = service("told", { note: oneWay({ request: z.object({ text: z.string() }) }) });
    const document = described(told);
    expect(await openApiProblems(document)).toEqual([]);
    const { responses } = operation(document, "post", "/told/note");
    expect(responses["202"]).toEqual({ description: "The request is accepted; what becomes of it is not answered." });
    expect(responses).not.toHaveProperty("200");
    const routed = described(told, [routes(told, { note: { path: "POST /notes", status: 204 } })]);
    expect(Object.keys(operation(routed, "post", "/notes").responses)[0]).toBe("204");
  });

  it("shares schemas with a name, and objects that are used in several places, once", () => {
    expect(Object.keys(document.components.schemas)).toEqual([
      "Address",
      "GoneAwayError",
      "Problem",
      "TooBusyError",
      "User",
    ]);
    expect(document.components.schemas["User"]).toEqual({
      type: "object",
      title: "A user",
      description: "Somebody.",
      properties: {
        id: { type: "string", description: "Given at birth." },
        friends: { type: "array", items: ref("User") },
      },
      required: ["id", "friends"],
    });
    expect(answer(operation(document, "get", "/users/{id}"))).toEqual(ref("User"));
    expect(answer(operation(document, "post", "/users/all"))).toEqual({ type: "array", items: ref("User") });
  });

  it("gives the same text for the same services", () => {
    expect(JSON.stringify(described(users, [rest]))).toBe(JSON.stringify(described(users, [rest])));
  });

  it("tells declared errors apart from what the server says under the same status", () => {
    const get = operation(document, "get", "/users/{id}");
    const problem = (status: string): unknown =>
      (get.responses[status] as { content?: Record<string, { schema: unknown }> }).content?.["application/problem+json"]
        ?.schema;
    expect(problem("404")).toEqual(ref("GoneAwayError"));
    expect(problem("429")).toEqual({ anyOf: [ref("TooBusyError"), ref("Problem")] });
    expect(get.responses["503"]).toEqual({ $ref: "#/components/responses/Problem503" });
    expect(get.responses["default"]).toEqual({ $ref: "#/components/responses/ProblemOther" });
    expect((get.responses["429"] as { description: string }).description).toBe(
      "- `too_busy`: come back later\n- `rate_limited`: rate limit exceeded",
    );
    expect(document.components.schemas["GoneAwayError"]).toMatchObject({
      allOf: [
        ref("Problem"),
        {
          properties: { code: { const: "not_found" }, reason: { const: "gone_away" } },
          required: ["code", "reason", "details"],
        },
      ],
    });
  });

  it("says what is only said of a body only where there is one", () => {
    const statuses = (one: OpenApiOperation): string[] => Object.keys(one.responses).filter((status) => status < "5");
    expect(statuses(operation(document, "get", "/users/{id}"))).toEqual(["200", "400", "404", "406", "429", "431"]);
    expect(statuses(operation(document, "post", "/users/all"))).toEqual([
      "200",
      "400",
      "406",
      "408",
      "413",
      "415",
      "429",
      "431",
    ]);
  });

  it("knows each of the toolkit's reasons: it describes it, or no route of a server gives it", () => {
    const all = service("all", {
      put: method({ request: z.object({ id: z.string(), version: z.string() }), response: z.object({}) }),
    });
    const made = described(all, [routes(all, { put: { path: "PUT /all/{id}", header: { version: "if-match" } } })]);
    const said = Object.values(made.components.responses)
      .map(({ description }) => description)
      .join();
    const unsaid = Object.keys(reasons).filter((reason) => !said.includes(`\`${reason}\``));
    const ofNoRoute = ["unknown_method", "wrong_verb"];
    const ofNoProblem = ["not_modified", "canceled"];
    const ofClients = ["no_instances", "unreachable", "connection_lost", "unknown"];
    // Of transports that bound how many calls there are at once.
    const ofOthers = ["overloaded"];
    expect(unsaid.sort()).toEqual([...ofNoRoute, ...ofNoProblem, ...ofClients, ...ofOthers].sort());
  });

  it("describes streams as what they are", async () => {
    const message = z.object({ id: z.string(), text: z.string() }).meta({ id: "Message" });
    const chat = service("chat", {
      watch: method({
        request: z.object({ room: z.string(), after: z.string().optional() }),
        response: message,
        stream: "server",
      }),
      send: method({ request: message, response: z.object({ sent: z.int() }), stream: "client" }),
      talk: method({ request: message, response: message, stream: "bidi" }),
    });
    const watch = { path: "GET /rooms/{room}", events: { id: "id", resume: "after" } } as const;
    const made = described(chat, [routes(chat, { watch })]);
    expect(await openApiProblems(made)).toEqual([]);
    const lines = {
      "application/x-ndjson": { schema: expect.objectContaining({ type: "string" }), "x-item-schema": ref("Message") },
    };
    const events = { "text/event-stream": lines["application/x-ndjson"] };
    const get = operation(made, "get", "/rooms/{room}");
    expect(get.responses["200"]).toEqual({ description: "The answer.", content: { ...lines, ...events } });
    expect(get.parameters!.map(({ name }) => name)).toEqual(["room", "after", "last-event-id"]);
    expect(operation(made, "post", "/chat/send").requestBody!.content).toEqual(lines);
    expect(
      Object.keys((operation(made, "post", "/chat/send").responses["200"] as { content: object }).content),
    ).toEqual(["application/json"]);
    expect(operation(made, "post", "/chat/talk").requestBody!.content).toEqual(lines);
    expect(operation(made, "post", "/chat/talk").responses["200"]).toMatchObject({ content: { ...lines, ...events } });
  });

  it("says what routes add to answers", async () => {
    const taken = error("name_taken", { code: "already_exists" });
    const stale = error("stale", { code: "failed_precondition" });
    const note = z.object({ id: z.string(), version: z.string(), next: z.string().optional(), isNew: z.boolean() });
    const notes = service("notes", {
      add: method({ request: z.object({ text: z.string() }), response: note, errors: [taken] }),
      get: method({ request: z.object({ id: z.string(), cursor: z.string().optional() }), response: note }),
      put: method({
        request: z.object({ id: z.string(), version: z.string(), text: z.string() }),
        response: note,
        errors: [stale],
      }),
      set: method({ request: z.object({ id: z.string() }), response: note }),
    });
    const made = described(notes, [
      routes(notes, {
        add: { path: "POST /notes", location: "/notes/{id}", errors: { name_taken: 422 } },
        get: {
          path: "GET /notes/{id}",
          etag: "version",
          lastModified: "next",
          cacheControl: "no-cache",
          links: { next: { cursor: "next" } },
        },
        put: { path: "PUT /notes/{id}", header: { version: "If-Match" }, etag: "version" },
        set: { path: "POST /notes/{id}", location: "/notes/{id}", created: "isNew" },
      }),
    ]);
    expect(await openApiProblems(made)).toEqual([]);
    const told = (verb: string, path: string): unknown =>
      Object.entries(operation(made, verb, path).responses)
        .filter(
          ([status]) =>
            !["400", "406", "408", "413", "415", "429", "431", "500", "503", "504", "default"].includes(status),
        )
        .map(([status, one]) => [status, ...Object.keys((one as { headers?: object }).headers ?? {})].join(" "));
    expect(told("post", "/notes")).toEqual(["201 location", "422 x-request-id"]);
    expect(told("get", "/notes/{id}")).toEqual([
      "200 link cache-control etag last-modified",
      "304 etag last-modified",
      "412",
    ]);
    expect(told("put", "/notes/{id}")).toEqual(["200 etag", "412 x-request-id", "428"]);
    expect(told("post", "/notes/{id}")).toEqual(["200", "201 location"]);
    expect(operation(made, "put", "/notes/{id}").parameters![1]).toEqual({
      name: "If-Match",
      in: "header",
      required: true,
      schema: { type: "string", description: "Entity tags as the header `etag` of an answer gives them, or *." },
    });
  });

  it("needs no schema of what only bytes are made of, and says what answers when another codec does", async () => {
    const files = service("files", {
      put: method({ request: v.object({ a: v.string() }), response: z.object({ size: z.int() }) }),
    });
    const binary: Codec = { ...json, mediaType: "application/octet-stream", form: "bytes", answers: json };
    const made = openApi([files], { ...info, codecs: [binary] });
    expect(await openApiProblems(made)).toEqual([]);
    const { requestBody, responses } = operation(made, "post", "/files/put");
    expect(requestBody!.content).toEqual({ "application/octet-stream": {} });
    expect(Object.keys((responses["200"] as { content: object }).content)).toEqual(["application/json"]);
  });

  it("gives different schemas of one name different names", async () => {
    const one = z.object({ a: z.string() }).meta({ id: "Thing" });
    const other = z.object({ b: z.string() }).meta({ title: "Thing" });
    const things = service("things", { turn: method({ request: one, response: other }) });
    const made = described(things);
    expect(body(operation(made, "post", "/things/turn"))).toEqual(ref("Thing"));
    expect(answer(operation(made, "post", "/things/turn"))).toEqual(ref("Thing2"));
    expect(await openApiProblems(made)).toEqual([]);
  });

  it("shares choices that are used in several places, and leaves texts and nullable fields where they are", async () => {
    const size = z.enum(["small", "large"]);
    const shape = z.union([z.object({ radius: z.number() }), z.object({ side: z.number() })]);
    const thing = z.object({
      size,
      shape,
      note: z.string().nullable(),
      name: z.string().max(9).meta({ title: "Its name" }),
    });
    const things = service("things", {
      turn: method({ request: thing, response: z.object({ size, shape, all: z.array(thing) }) }),
      grow: method({
        request: z.object({ size: size.optional(), note: z.string().nullable() }),
        response: z.object({}),
      }),
    });
    const made = described(things);
    expect(Object.keys(made.components.schemas)).toEqual(["Problem", "Shape", "Size", "ThingsTurnRequest"]);
    expect(made.components.schemas["Size"]).toEqual({ type: "string", enum: ["small", "large"] });
    expect(await openApiProblems(made)).toEqual([]);
  });

  it("keeps a name of its own for a user's Problem", async () => {
    const problem = z.object({ p: z.int() }).meta({ id: "Problem" });
    const made = described(service("math", { pose: method({ request: problem, response: problem, errors: [gone] }) }));
    expect(body(operation(made, "post", "/math/pose"))).toEqual(ref("Problem"));
    expect(made.components.schemas["GoneAwayError"]).toMatchObject({ allOf: [ref("Problem2"), {}] });
    expect(await openApiProblems(made)).toEqual([]);
  });

  it("describes templates that differ in names only as one path", async () => {
    const notes = service("notes", {
      get: method({ request: z.object({ id: z.string() }), response: z.object({}) }),
      put: method({ request: z.object({ name: z.string() }), response: z.object({}) }),
    });
    const made = described(notes, [routes(notes, { get: "GET /notes/{id}", put: "PUT /notes/{name}" })]);
    expect(Object.keys(made.paths)).toEqual(["/notes/{id}"]);
    expect(operation(made, "put", "/notes/{id}").parameters![0]).toMatchObject({ name: "id", in: "path" });
    expect(await openApiProblems(made)).toEqual([]);
  });

  it("describes a route for every verb, and a method with two routes", async () => {
    const echo = service("echo", { say: method({ request: z.object({ v: z.int() }), response: z.object({}) }) });
    const made = described(echo, [routes(echo, { say: "/echo" }), routes(echo, { say: "POST /echo" })]);
    expect(operation(made, "post", "/echo").operationId).toBe("echo.say.2");
    expect(operation(made, "put", "/echo")).toMatchObject({
      operationId: "echo.say",
      description: "Served under every verb.",
    });
    expect(await openApiProblems(made)).toEqual([]);
  });

  it("takes fields out of every branch of a union", () => {
    const request = z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a"), id: z.string(), x: z.int() }),
      z.object({ kind: z.literal("b"), id: z.string() }),
    ]);
    const shapes = service("shapes", { put: method({ request, response: z.object({}) }) });
    const made = described(shapes, [routes(shapes, { put: "PUT /shapes/{id}" })]);
    const { oneOf } = body(operation(made, "put", "/shapes/{id}")) as {
      oneOf: { properties: object; required: string[] }[];
    };
    expect(oneOf.map((one) => [Object.keys(one.properties), one.required])).toEqual([
      [
        ["kind", "x"],
        ["kind", "x"],
      ],
      [["kind"], ["kind"]],
    ]);
  });

  it("offers every codec, and says no schema of a binary one", () => {
    const binary: Codec = {
      ...json,
      mediaType: "application/x-thing",
      contentType: "application/x-thing",
      form: "bytes",
    };
    const { content } = operation(
      openApi([users], { ...info, codecs: [json, binary] }),
      "post",
      "/users/all",
    ).requestBody!;
    expect(content).toEqual({
      "application/json": { schema: { type: "object", properties: {} } },
      "application/x-thing": {},
    });
  });

  it("names the message whose schema gives no JSON Schema, and the adapter", () => {
    const bare = service("bare", { get: method({ request: v.object({ a: v.string() }), response: z.object({}) }) });
    expect(() => described(bare)).toThrow(/^bare\.get request: .*@valibot\/to-json-schema/);
  });

  it("refuses wrong options", () => {
    // @ts-expect-error a document has a title and a version
    expect(() => openApi([users], {})).toThrow("title should be a non-empty string, got undefined");
    expect(() => openApi([users], { ...info, title: "" })).toThrow('title should be a non-empty string, got ""');
    expect(() => openApi([users], { ...info, naem: 1 } as never)).toThrow('openApi has no option "naem"');
    expect(() => openApi([users], { ...info, servers: [{}] as never })).toThrow("servers: url should be");
    expect(() => openApi([{}] as never, info)).toThrow("services should hold what service() returns");
    expect(() => openApi([users], { ...info, routes: {} as never })).toThrow("routes should be a list");
  });
});

describe("the schemas of", () => {
  const node = z.object({
    value: z.int(),
    get next() {
      return node.optional();
    },
  });
  const types = scope({ tree: { value: "number", "left?": "tree" } }).export();
  const chain: v.GenericSchema = v.object({ value: v.number(), next: v.lazy(() => v.nullable(chain)) });
  const valibot = <S extends v.GenericSchema>(schema: S): ReturnType<typeof toStandardJsonSchema<S>> =>
    toStandardJsonSchema(schema);
  const libraries: Readonly<Record<string, readonly unknown[]>> = {
    zod: [node, z.object({ node, list: z.array(node) }), z.tuple([z.string(), z.int()]), z.record(z.string(), node)],
    valibot: [
      valibot(v.object({ a: v.pipe(v.string(), v.title("Label"), v.description("What it says.")) })),
      valibot(chain),
      valibot(
        v.variant("k", [v.object({ k: v.literal("a") }), v.object({ k: v.literal("b"), n: v.optional(v.number()) })]),
      ),
    ],
    arktype: [
      type({ a: "string", "b?": "number.integer > 0", c: "'x' | 'y'" }),
      types.tree,
      type({ all: types.tree.array() }),
    ],
  };

  it.each(Object.entries(libraries))("%s are described", async (_name, schemas) => {
    const methods = schemas.map((one, i) => [`m${i}`, method({ request: one as never, response: one as never })]);
    const made = described(service("all", Object.fromEntries(methods) as never));
    expect(await openApiProblems(made)).toEqual([]);
    expect(Object.keys(made.paths)).toHaveLength(schemas.length);
    expect(JSON.stringify(made)).not.toMatch(/\$defs|__schema|\$schema|intersection\d/);
  });

  it("protobuf are described in their JSON form", async () => {
    const add = proto(Add);
    const made = described(add);
    expect(await openApiProblems(made)).toEqual([]);
    expect(Object.keys(made.components.schemas)).toContain("pb.SumRequest");
  });
});

it("takes a field for what it is, whatever it is called", () => {
  const odd = z.object({ $ref: z.string(), $defs: z.object({ id: z.string() }), id: z.string(), "a/b~c": z.int() });
  const made = described(service("odd", { get: method({ request: odd, response: odd }) }));
  const { properties } = made.components.schemas["OddGetRequest"] as { readonly properties: object };
  expect(Object.keys(properties)).toEqual(["$ref", "$defs", "id", "a/b~c"]);
});

it("describes hundreds of methods while nobody waits", () => {
  const line = z.object({
    sku: z.string(),
    count: z.int(),
    price: z.object({ amount: z.string(), currency: z.string() }),
  });
  const order = z.object({ id: z.string(), lines: z.array(line), to: address, notes: z.array(z.string()).optional() });
  const methods = Array.from({ length: 300 }, (_, i) => {
    const request = z.object({ [`f${i}`]: z.string(), order, user });
    return [`m${i}`, method({ request, response: z.object({ order, [`r${i}`]: z.int() }), errors: [gone] })];
  });
  const made = described(service("many", Object.fromEntries(methods) as Record<string, ReturnType<typeof method>>));
  expect(Object.keys(made.components.schemas)).toEqual(["GoneAwayError", "Order", "OrderTo", "Problem", "User"]);
});

describe("any small contract", () => {
  const leaf = fc.constantFrom(
    () => z.string(),
    () => z.int().min(0),
    () => z.boolean().optional(),
    () => z.enum(["a", "b"]).describe("one of two"),
    () => z.iso.datetime().nullable(),
    () => z.array(z.string()),
    () => user,
    () => z.object({ city: z.string() }),
  );
  const field = fc.constantFrom("id", "name", "enum", "type", "properties", "__proto__", "a b", "ü");
  const message = fc
    .tuple(
      fc.dictionary(field, leaf, { maxKeys: 5, noNullPrototype: true }),
      fc.option(fc.string({ minLength: 1, maxLength: 12 }), { nil: undefined }),
    )
    .map(([fields, title]) => {
      const shape = Object.fromEntries(
        Object.entries(fields)
          .filter(([name]) => name !== "__proto__")
          .map(([name, make]) => [name, make()]),
      );
      return title === undefined ? z.object(shape) : z.object(shape).meta({ title });
    });
  const declared = fc
    .tuple(
      fc.constantFrom("not_here", "too_many", "is_error"),
      fc.constantFrom("not_found", "internal", "invalid_argument"),
      fc.option(message, { nil: undefined }),
    )
    .map(([reason, code, details]) => error(reason, { code: code as never, details: details as never }));
  const methods = fc.dictionary(
    fc.constantFrom("get", "put", "all", "Get"),
    fc.tuple(message, message, fc.uniqueArray(declared, { selector: ({ reason }) => reason, maxLength: 3 })),
    { maxKeys: 3, minKeys: 1, noNullPrototype: true },
  );

  it("has a valid document, all of whose references lead somewhere", async () => {
    await fc.assert(
      fc.asyncProperty(methods, fc.constantFrom("GET", "PUT", "/"), async (specs, verb) => {
        const made = Object.entries(specs).map(([name, [request, response, errors]]) => [
          name,
          method({ request, response, errors }),
        ]);
        const one = service("any.thing", Object.fromEntries(made) as Record<string, ReturnType<typeof method>>);
        const table = Object.keys(specs).map((name) => {
          const has = Object.hasOwn(specs[name]![0].shape, "id");
          return [name, `${verb === "/" ? "" : `${verb} `}/${name}${has ? "/{id}" : ""}`];
        });
        const bound = routes(one, Object.fromEntries(table) as never);
        expect(await openApiProblems(described(one, [bound]))).toEqual([]);
        expect(await openApiProblems(described(one))).toEqual([]);
        expect(openRpcProblems(openRpc([one], info))).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
