import { describe, expect, it } from "vitest";
import { contractFrom, type GeneratedContract } from "./index.ts";

const ok = { responses: { 204: { description: "Done." } } };
const json = (schema: unknown): object => ({ content: { "application/json": { schema } } });
const answer = (schema: unknown): object => ({ responses: { 200: { description: "It.", ...json(schema) } } });

/** The contract of a document with one operation, `GET /a` unless told otherwise. */
function of(
  operation: object,
  more: { path?: string; item?: object; schemas?: object; openapi?: string } = {},
): GeneratedContract {
  const { path = "/a", item = {}, schemas = {}, openapi = "3.1.0" } = more;
  const paths = { [path]: { ...item, get: { operationId: "get", ...operation } } };
  return contractFrom({ openapi, info: { title: "Test" }, paths, components: { schemas } });
}

const says = ({ notes }: GeneratedContract): readonly string[] => notes.map(({ where, says }) => `${where}: ${says}`);

describe("parameters", () => {
  it.each<[object, string, number]>([
    [{ in: "path", style: "matrix" }, 'left out: the path parameter "p" is not carried: its style is matrix', 0],
    [{ in: "path", style: "label" }, 'left out: the path parameter "p" is not carried: its style is label', 0],
    [{ in: "query", style: "deepObject" }, 'the query parameter "p" is not carried: its style is deepObject', 1],
    [{ in: "query", style: "deepObject", required: true }, "left out: the query parameter", 0],
    [{ in: "query", schema: { type: "object" } }, "an object has no form as a parameter here", 1],
    [{ in: "query", content: { "application/json": {} } }, "is one text: write its content as JSON", 1],
    [{ in: "query", style: "pipeDelimited", schema: { type: "array" } }, 'is one text: a list joined by "|"', 1],
    [{ in: "query", style: "spaceDelimited", schema: { type: "array" } }, 'is one text: a list joined by " "', 1],
    [{ in: "header", schema: { type: "array" } }, 'is one text: a list joined by ","', 1],
    [{ in: "cookie", required: true }, "add it in a `before` hook of httpClient", 1],
    [{ in: "moon" }, "it stands nowhere that is known", 1],
    [{ in: "query", name: "constructor" }, "every object has something of that name", 1],
    [{ in: "header", name: "a b" }, "no header can have that name", 1],
    [{ in: "header", name: "If-Match", schema: { type: "string" } }, "takes a tag without its quotes", 1],
    [{ in: "query", name: "" }, "a parameter without a name is not carried", 1],
    [{ $ref: "#/none" }, 'the reference "#/none" leads to nothing', 1],
    [{ $ref: "other.json" }, 'the reference "other.json" leads out of the document', 1],
  ])("%j", (parameter, note, methods) => {
    const named = "$ref" in parameter ? parameter : { name: "p", ...parameter };
    const inPath = "in" in parameter && parameter.in === "path";
    const made = of({ ...ok, parameters: [named] }, { path: inPath ? "/a/{p}" : "/a" });
    expect(says(made).join("\n")).toContain(note);
    expect(made.methods).toBe(methods);
  });

  it("of an operation win over those of its path, and headers that stand elsewhere are passed over", () => {
    const shared = [{ name: "n", in: "query", schema: { type: "string" } }];
    const parameters = [
      { name: "n", in: "query", schema: { type: "integer" } },
      { name: "Accept", in: "header", schema: { type: "string" } },
    ];
    const made = of({ ...ok, parameters }, { item: { parameters: shared } });
    expect(made.notes).toEqual([]);
    expect(made.text).toContain("export interface GetRequest {\n  n?: number | undefined;\n}\n");
  });

  it("of the path are taken as text where they are not described, and are none where the path has none", () => {
    const made = of({ ...ok, parameters: [{ name: "z", in: "path", required: true }] }, { path: "/a/{b-c}" });
    expect(says(made)).toEqual([
      'GET /a/{b-c}: the path has no parameter "z", though one is described',
      'GET /a/{b-c}: the parameter "b-c" of the path is not described: it is taken as text',
    ]);
    expect(made.text).toContain('get: { path: "GET /a/{bC}", status: 204 }');
  });
});

describe("paths", () => {
  it.each([
    ["/a/{b}.json", "a parameter should be a whole segment"],
    ["/a/{b}-{c}", "a parameter should be a whole segment"],
    ["/a?b={c}", "a query or a fragment"],
    ["a", "should begin with a slash"],
    ["/{a}/{a}", 'names "a" twice'],
    ["/a".repeat(33), "may have 32 segments"],
  ])("%s is left out", (path, why) => {
    const made = of(ok, { path });
    expect(made.methods).toBe(0);
    expect(says(made).join("\n")).toMatch(/left out/);
    expect(says(made).join("\n")).toContain(why);
  });

  it("of other signs are percent-encoded", () => {
    expect(of(ok, { path: "/größe a/b" }).text).toContain('"GET /gr%C3%B6%C3%9Fe%20a/b"');
  });
});

describe("bodies and answers", () => {
  it("that cannot be carried leave the operation out", () => {
    const nested = { type: "object", properties: { a: { type: "object", properties: { b: { type: "string" } } } } };
    const form = { content: { "application/x-www-form-urlencoded": { schema: nested } } };
    expect(says(of({ ...ok, requestBody: form }))).toEqual([
      "GET /a: left out: its body is a form whose fields are not all texts, numbers and lists of them",
    ]);
    const mixed = { 200: { ...json({}) }, 202: { content: { "text/plain": {} } } };
    expect(of({ responses: mixed }).methods).toBe(0);
    expect(of({ responses: { 200: { content: { "text/event-stream": {} } } } }).methods).toBe(0);
  });

  it("of several statuses are a union", () => {
    const made = of({ responses: { 200: json({ type: "string" }), 201: json({ type: "integer" }), "2XX": {} } });
    expect(made.text).toContain("resIn: string | number | null;");
    expect(says(made)).toEqual(["GET /a: which of the statuses 200, 201, 2XX came is not told apart"]);
  });

  it("are the default where no success is described, and nothing where nothing is", () => {
    expect(of({ responses: { default: json({ type: "string" }) } }).text).toContain("resIn: string;");
    const silent = of({ responses: {} });
    expect(silent.text).toContain("response: noContent");
    expect(says(silent)).toEqual(["GET /a: no answer of a success is described: what comes is not looked at"]);
  });
});

describe("schemas", () => {
  it.each<[object, string, string]>([
    [{ type: "string", pattern: "(" }, "string", '"pattern" is not checked'],
    [{ type: "file" }, "unknown", '"type" is not checked: it has a value that it should not, "file"'],
    [{ enum: [] }, "unknown", '"enum" is not checked'],
    [{ not: { type: "string" } }, "unknown", '"not" is not checked beside objects and lists'],
    [{ type: "string", if: {}, dependentSchemas: {} }, "string", '"if" is not checked'],
    [{ $ref: "https://example.com/a" }, "unknown", "leads out of the document: anything is taken"],
    [{ $ref: "#/components/schemas/None" }, "unknown", "leads to no schema: anything is taken"],
  ])("%j becomes %s, with a note", (schema, type, note) => {
    const made = of(answer(schema));
    expect(made.text).toContain(`resIn: ${type};`);
    expect(says(made).join("\n")).toContain(note);
  });

  it.each<[unknown, string]>([
    [{ type: ["string", "null"], enum: ["a", null] }, '"a" | null'],
    [{ type: "array", items: { anyOf: [{ type: "string" }, { type: "number" }] } }, "(string | number)[]"],
    [{ allOf: [{ $ref: "#/components/schemas/A" }, { $ref: "#/components/schemas/B" }] }, "A & B"],
    [{ oneOf: [{ $ref: "#/components/schemas/A" }, false] }, "A"],
    [{ prefixItems: [{ type: "string" }], items: { type: "number" } }, "[string?, ...number[]]"],
    [{ const: { a: [1, "x"] } }, '{ a: [1, "x"] }'],
    [{ $ref: "#/components/schemas/A/properties/b" }, "APropertiesB"],
    [{ $ref: "#/components/schemas/A", minProperties: 1 }, "A"],
    [true, "unknown"],
    [false, "never"],
  ])("%j becomes %s", (schema, type) => {
    const schemas = { A: { type: "object", properties: { b: { type: "string" } } }, B: { type: "object" } };
    const made = of(answer(schema), { schemas });
    expect(made.text).toContain(`resIn: ${type};`);
    expect(made.notes).toEqual([]);
  });

  it("of 3.0 may be null where they say so, also beside a reference", () => {
    const schema = { properties: { a: { $ref: "#/components/schemas/A", nullable: true } }, type: "object" };
    const made = of(answer(schema), { openapi: "3.0.0", schemas: { A: { type: "string", nullable: true } } });
    expect(made.text).toContain("a?: A | null | undefined;");
    expect(made.text).toContain("export type A = string | null;");
  });

  it("that require a field one way only make it optional", () => {
    const A = { type: "object", required: ["id", "n"], properties: { id: { type: "string", readOnly: true }, n: {} } };
    const made = of(answer({ $ref: "#/components/schemas/A" }), { schemas: { A } });
    expect(made.text).toContain("export interface A {\n  id?: string | undefined;\n  n: unknown;\n}\n");
    expect(says(made).join()).toContain('optional both ways: "id"');
    expect(made.text).toMatch(/Note: fields required one way only[^]*export interface A/);
  });
});

describe("errors", () => {
  const problem = (properties: object, more: object = {}): object => ({
    responses: { 204: {}, 410: { content: { "application/problem+json": { schema: { properties, ...more } } } } },
  });

  it("are declared by a constant reason, with the code they name or that of their status", () => {
    const made = of(problem({ reason: { const: "long_gone" } }));
    expect(made.text).toContain('error("long_gone", { code: "not_found" })');
    expect(made.text).toContain("errors: [longGone]");
    const named = of(problem({ reason: { enum: ["long_gone"] }, code: { const: "data_loss" } }));
    expect(named.text).toContain('error("long_gone", { code: "data_loss" })');
  });

  it("are left to their status where the reason is the toolkit's own, or no reason", () => {
    expect(of(problem({ reason: { const: "too_large" } })).text).not.toContain("error(");
    const made = of(problem({ reason: { const: "Long Gone" } }));
    expect(says(made)).toEqual(['GET /a: the error "Long Gone" is not declared: a reason is a lower-case identifier']);
  });

  it("lose details that may be missing, with a note", () => {
    const made = of(problem({ reason: { const: "long_gone" }, details: { type: "string" } }));
    expect(says(made)).toEqual(['GET /a: the details of the error "long_gone" are not carried: they may be missing']);
  });
});

describe("names", () => {
  const named = (ids: readonly (string | undefined)[]): GeneratedContract => {
    const paths = Object.fromEntries(ids.map((operationId, i) => [`/a/${i}`, { get: { ...ok, operationId } }]));
    return contractFrom({ openapi: "3.1.0", info: { title: "the Größte API!" }, paths });
  };
  const methods = ({ text }: GeneratedContract): readonly string[] =>
    [...text.matchAll(/^ {2}(\w+): method\(\{$/gm)].map((match) => match[1]!);

  it.each<[readonly (string | undefined)[], readonly string[]]>([
    [
      ["list_pets", "listPets", "list pets"],
      ["listPets", "listPets2", "listPets3"],
    ],
    [
      ["pets.list", "pets.get", "pets.get.2"],
      ["list", "get", "get2"],
    ],
    [
      ["pets.list", "dogs.list"],
      ["petsList", "dogsList"],
    ],
    [
      ["URLOf", "ID", "3d"],
      ["urlOf", "id", "n3d"],
    ],
    [
      ["then", "constructor", "delete"],
      ["then_", "constructor_", "delete"],
    ],
    [
      [undefined, "日本", "x".repeat(200)],
      ["getA0", "getA1", `x${"x".repeat(47)}`],
    ],
  ])("%j become %j", (ids, names) => {
    expect(methods(named(ids))).toEqual(names);
  });

  it("are the same in every run", () => {
    const ids = ["a", "a", undefined];
    expect(named(ids).text).toBe(named(ids).text);
    expect(named(ids).name).toBe("theGroTeAPI");
  });
});
