import fc from "fast-check";
import { parseSync, Visitor } from "oxc-parser";
import { describe, expect, it } from "vitest";
import { contractFrom } from "./index.ts";
import { compiled, imported } from "./testdata/compile.ts";

/** The names that code of a generated file may call. */
const CALLED = ["error", "fromJsonSchema", "method", "routes", "service"];

/** Whatever in a file is more than a generated file may hold: code where there should be texts. */
function foreignCode(text: string): string[] {
  const { errors, program, comments } = parseSync("made.ts", text);
  const found = errors.map(({ message }) => message);
  const constants = new Set<string>(["noContent", "$defs", "undefined", "form", "json", "text"]);
  new Visitor({
    VariableDeclarator({ id }) {
      if (id.type === "Identifier") constants.add(id.name);
    },
  }).visit(program);
  for (const { type } of program.body) {
    const allowed = ["ImportDeclaration", "ExportNamedDeclaration", "VariableDeclaration"];
    if (!allowed.includes(type)) found.push(type);
  }
  const never = (node: { readonly type: string }): void => void found.push(node.type);
  new Visitor({
    CallExpression({ callee, arguments: given }) {
      if (callee.type !== "Identifier" || !CALLED.includes(callee.name)) found.push(`a call of ${callee.type}`);
      for (const one of given) {
        if (one.type === "Identifier" && !constants.has(one.name)) found.push(`the name ${one.name}`);
      }
    },
    Property({ computed, value, key }) {
      if (computed && !(key.type === "Literal" && key.value === "__proto__")) found.push("a computed key");
      if (value.type === "Identifier" && !constants.has(value.name)) found.push(`the name ${value.name}`);
      // What would set the prototype of a literal.
      const isPlain = !computed && (key.type === "Literal" ? key.value : key.type === "Identifier" && key.name);
      if (isPlain === "__proto__") found.push("a prototype");
    },
    TemplateLiteral: never,
    TaggedTemplateExpression: never,
    MemberExpression: never,
    ImportExpression: never,
    NewExpression: never,
    FunctionDeclaration: never,
    FunctionExpression: never,
    ArrowFunctionExpression: never,
    AssignmentExpression: never,
    BinaryExpression: never,
    SpreadElement({ argument }) {
      if (argument.type !== "Identifier" || !["form", "json"].includes(argument.name)) found.push("a spread");
    },
    DebuggerStatement: never,
    ExpressionStatement: never,
  }).visit(program);
  for (const { value } of comments) {
    if (/(^|\s)@ts-|sourceMappingURL|eslint-disable/.test(value)) found.push(`the comment ${value}`);
  }
  return found;
}

const evil = [
  "*/ globalThis.hacked = 1; /*",
  '"; globalThis.hacked = 1; "',
  "`${globalThis.hacked = 1}`",
  "${process.exit(1)}",
  "\n@ts-" + "nocheck\n",
  "// \r\n globalThis.hacked = 1",
  "\u2028globalThis.hacked = 1\u2029",
  "a\u202eb\u200b",
  "\ud800",
  "\\",
  "\\u0022",
  "__proto__",
  "constructor",
  "then",
  "delete",
  "default",
  "$defs",
  "Types",
  "service",
  "1e999",
  "größe",
  "日本",
  "",
  "</script>",
  "]]>",
  "sourceMappingURL=data:,x",
  "eslint-disable",
];

/** A document full of a few texts, in every place where a text may stand. */
function documentOf(texts: readonly string[], openapi = "3.1.0"): unknown {
  const t = (i: number): string => texts[i % texts.length]!;
  const properties = Object.fromEntries(
    texts.map((text, i) => [text, { description: t(i), type: "string", default: t(i) }]),
  );
  const schema = {
    type: "object",
    title: t(1),
    description: t(2),
    properties: { ...properties, ["__proto__"]: { type: "string" } },
    required: texts,
    additionalProperties: { enum: [...texts, { [t(3)]: t(4) }, null, Infinity] },
    discriminator: { propertyName: t(5) },
    patternProperties: { [t(6)]: { const: { [t(7)]: [t(8)] } } },
    pattern: t(9),
    format: t(10),
    [t(11)]: t(12),
  };
  const parameters = texts.flatMap((name) => [
    { name, in: "query", description: t(3), schema: { type: "array", items: { enum: texts } } },
    { name, in: "header", schema: { type: "string", const: t(4) } },
    { name, in: t(5), schema: {} },
  ]);
  const content = {
    [t(6)]: {},
    "application/json": {
      schema: { $ref: `#/components/schemas/${encodeURIComponent(t(7).replaceAll(/\p{Surrogate}/gu, "?"))}` },
    },
  };
  const problem = {
    properties: { reason: { const: "evil_reason" }, details: schema },
    required: ["details"],
    description: t(8),
  };
  const operation = (i: number): unknown => ({
    operationId: t(i),
    summary: t(i + 1),
    description: t(i + 2),
    parameters,
    requestBody: { required: true, description: t(3), content },
    responses: {
      200: { description: t(4), content },
      400: { description: t(5), content: { "application/problem+json": { schema: problem } } },
      [t(6)]: { description: t(7), headers: { [t(8)]: {} } },
    },
    callbacks: { [t(9)]: {} },
  });
  return {
    openapi,
    info: { title: t(0), version: t(1) },
    servers: [{ url: t(2) }],
    paths: Object.fromEntries(
      texts.slice(0, 12).flatMap((text, i) => [
        [`/${text}`, { get: operation(i), post: operation(i + 1) }],
        [`/x/{${text}}`, { put: operation(i + 2), delete: operation(i) }],
      ]),
    ),
    components: {
      schemas: Object.fromEntries(texts.map((text) => [text, schema])),
      securitySchemes: { [t(3)]: {} },
    },
    webhooks: { [t(4)]: {} },
  };
}

describe("a document that wants to be code", () => {
  it("finds foreign code where there is some", () => {
    expect(foreignCode("alert(1)")).not.toEqual([]);
    expect(foreignCode("export const a = { b: evil };")).not.toEqual([]);
    expect(foreignCode("export const a = `x`;")).not.toEqual([]);
    expect(foreignCode('export const a = { "__proto__": "x" };')).not.toEqual([]);
    expect(foreignCode("export const a = (")).not.toEqual([]);
  });

  it.each(["3.0.3", "3.1.0"])(
    "stays text, %s",
    (version) => {
      expect(foreignCode(contractFrom(documentOf(evil, version), { from: evil.join(" ") }).text)).toEqual([]);
    },
    60_000,
  );

  it("stays text, whatever it says", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom(...evil));
    const texts = fc.uniqueArray(text, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(texts, fc.constantFrom("3.0.3", "3.1.0"), (all, version) => {
        expect(foreignCode(contractFrom(documentOf(all, version)).text)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("is read, whatever stands where", () => {
    const keys = fc.constantFrom(
      "$ref",
      "type",
      "properties",
      "items",
      "allOf",
      "get",
      "parameters",
      "content",
      "schema",
      "in",
      "name",
    );
    const json = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>("#", "#/paths", "object", "query", "a", 1, null, true, "#/components/schemas/A"),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(keys, tie("any"), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(json, json, json, (a, b, c) => {
        const document = {
          openapi: "3.1.0",
          paths: { "/a": { get: a, post: { parameters: [b], requestBody: c, responses: { 200: a, 400: b } } } },
          components: { schemas: { A: a, B: b, C: c } },
        };
        expect(foreignCode(contractFrom(document).text)).toEqual([]);
      }),
      { numRuns: 300, examples: [[[], { in: Object.create(null), name: "#" }, "#"]] },
    );
  });

  it("compiles, loads, and does nothing but describe", async () => {
    const { text, methods } = contractFrom(documentOf(evil));
    expect(methods).toBeGreaterThan(0);
    expect(await compiled({ "evil.ts": text })).toEqual([]);
    await imported(text, async (made) => {
      expect(Object.keys(made).some((name) => name.endsWith("Routes"))).toBe(true);
      expect(Object.hasOwn(globalThis, "hacked")).toBe(false);
    });
  });

  it("breaks schemas that are made of themselves, and says so", async () => {
    const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
    const document = {
      openapi: "3.1.0",
      info: { title: "Loops" },
      paths: {
        "/a": { post: { requestBody: { content: { "application/json": { schema: ref("A") } } }, responses: {} } },
      },
      components: { schemas: { A: { allOf: [ref("B")] }, B: { anyOf: [ref("C"), ref("A")] }, C: ref("C") } },
    };
    const { text, notes } = contractFrom(document);
    expect(notes.filter(({ says }) => says.includes("made of itself"))).toHaveLength(2);
    expect(await compiled({ "loops.ts": text })).toEqual([]);
    await imported(text, async (made) => expect(Object.keys(made)).toEqual(["loops", "loopsRoutes"]));
  });
});
