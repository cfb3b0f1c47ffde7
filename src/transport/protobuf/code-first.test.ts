import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { create, fromBinary, fromJson, toBinary, toJson, type DescMessage, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, type FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { root } from "../../../tools/source.ts";
import { method, service, type AnyService } from "../../contract/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import { bytesSchema } from "../bytes.ts";
import { messageTypesOf, type MessageType } from "../message-types.ts";
import { fieldNumbers, numbered } from "../numbering.ts";
import { fileProto } from "./file-desc.ts";
import { protoText, rpcsOf, type MessageWire, type Rpc } from "./index.ts";
import { messageArbitrary, rich } from "./testdata/rich.ts";

const run = promisify(execFile);
const hasProtoc = await run("protoc", ["--version"]).then(
  () => true,
  () => false,
);
const folder = `${root}.cache/code-first-${process.pid}`;
afterAll(() => rm(folder, { recursive: true, force: true }));

const sides = ["request", "response"] as const;
const messages = messageTypesOf(rich);
const { desc, rpcs } = rpcsOf(rich);
const places = [...messages].flatMap(([name, its]) => sides.map((side) => ({ name, side, type: its[side] })));

const of = (request: z.ZodType, response: z.ZodType = z.object({})): Rpc =>
  rpcsOf(service("add", { sum: method({ request, response }) })).rpcs.get("sum")!;
const wireOf = (schema: z.ZodType): MessageWire => of(schema).request;

/** The message of protobuf-es that a value stands for. */
function theirs(schema: DescMessage, type: MessageType, value: unknown): Uint8Array {
  const form = type.isWrapped ? { value } : (value as Record<string, unknown>);
  const message = create(schema);
  const { bytes, others } = splitBytes(form);
  Object.assign(message, fromJson(schema, others as never), bytes);
  return toBinary(schema, message);
}

function splitBytes(form: object): { readonly bytes: object; readonly others: object } {
  const entries = Object.entries(form);
  return {
    bytes: Object.fromEntries(entries.filter(([, value]) => value instanceof Uint8Array)),
    others: Object.fromEntries(entries.filter(([, value]) => !(value instanceof Uint8Array))),
  };
}

describe("a contract made in TypeScript", () => {
  it("has the paths and descriptors of its names", () => {
    expect([...rpcs.values()].map(({ path }) => path)).toEqual(
      ["all", "tree", "text", "many", "blob", "note"].map((name) => `/shop.v1.rich/${name}`),
    );
    expect(desc.typeName).toBe("shop.v1.rich");
    expect(desc.methods.map(({ methodKind }) => methodKind)).toEqual([
      "unary",
      "bidi_streaming",
      "server_streaming",
      "client_streaming",
      "unary",
      "unary",
    ]);
    expect(rpcs.get("all")?.desc.input.typeName).toBe("shop.v1.AllRequest");
    expect(
      rpcsOf(service("add", { sum: method({ request: z.int(), response: z.int() }) })).desc.file.proto.package,
    ).toBe("");
  });

  it.each(places)(
    "$name: every $side comes back, and protobuf-es writes and reads the same bytes",
    ({ name, side, type }) => {
      const wire = rpcs.get(name)![side];
      const schema = rpcs.get(name)!.desc[side === "request" ? "input" : "output"];
      fc.assert(
        fc.property(messageArbitrary(type), (value) => {
          const bytes = wire.write(value);
          expect(wire.read(bytes, 64)).toEqual(value);
          expect(theirs(schema, type, value)).toEqual(bytes);
        }),
        { numRuns: 50 },
      );
    },
  );
});

describe.skipIf(!hasProtoc)(`the .proto text${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  let described: FileDescriptorProto[];
  let generated: DescService;
  const random = fc.sample(fc.array(fieldArbitrary(3), { minLength: 1, maxLength: 6 }), { numRuns: 40, seed: 4 });
  const services = [
    rich,
    withHistory(),
    ...random.map((fields, at) => {
      const request = z.object(Object.fromEntries(fields.map((field, i) => [`f${i}`, field])));
      return service(`p${at}.svc`, { sum: method({ request, response: request, stream: "server" }) });
    }),
  ];

  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    const names = services.map(({ name }) => `${name}.proto`);
    for (const one of services) await writeFile(`${folder}/${one.name}.proto`, protoText(one));
    await run("protoc", ["-I", folder, "--descriptor_set_out", `${folder}/out.binpb`, ...names]);
    described = fromBinary(FileDescriptorSetSchema, await readFile(`${folder}/out.binpb`)).file;
    const plugin = `--plugin=protoc-gen-es=${root}node_modules/.bin/protoc-gen-es`;
    await run("protoc", ["-I", folder, plugin, "--es_out", folder, "--es_opt=target=js", `${rich.name}.proto`]);
    const file = `${folder}/${rich.name}_pb.js`;
    if (!existsSync(file)) throw new Error(`protoc-gen-es wrote no ${file}`);
    await writeFile(`${folder}/package.json`, '{"type":"module"}');
    generated = ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { rich: DescService }).rich;
  });

  it("says what it is and what it is from", () => {
    expect(protoText(rich).split("\n")[0]).toBe(
      '// Generated by Service Kit from the contract "shop.v1.rich". Do not edit: change the contract and generate it again.',
    );
  });

  it.each(services.map((one) => ({ name: one.name, one })))("of $name compiles to our descriptor", ({ name, one }) => {
    const file = described.find((file) => file.name === `${name}.proto`);
    expect(fileProto(one, messageTypesOf(one))).toEqual(file);
  });

  it.each(places)("$name: what protoc-gen-es generated speaks our $side, both ways", ({ name, side, type }) => {
    const wire = rpcs.get(name)![side];
    const method = generated.methods.find((one) => one.name === name)!;
    const schema = side === "request" ? method.input : method.output;
    fc.assert(
      fc.property(messageArbitrary(type), (value) => {
        const bytes = wire.write(value);
        expect(theirs(schema, type, value)).toEqual(bytes);
        const message = fromBinary(schema, bytes);
        expect(wire.read(toBinary(schema, message), 64)).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });

  it("gives fields the names in JSON that they have in the contract", () => {
    const message = create(generated.method["all"]!.input, { userId: 5n } as never);
    expect(toJson(generated.method["all"]!.input, message)).toHaveProperty("user_id", "5");
  });

  it("reads and keeps numbers out of use that were in use", () => {
    expect(protoText(withHistory())).toContain(
      '  reserved 2;\n  reserved "gone";\n  int64 kept = 1;\n  int64 fresh = 3;\n',
    );
  });

  it("refuses two fields that are one to protoc", () => {
    const one = service("s", {
      m: method({ request: z.object({ user_id: z.int(), userId: z.int() }), response: z.int() }),
    });
    expect(() => protoText(one)).toThrow(
      'MRequest: the fields "user_id" and "userId" are one name to protoc: rename one',
    );
  });

  it("tells a message from a method of the same name", async () => {
    const text = z.object({ text: z.string() });
    const one = service("a.b", {
      say: method({ request: text, response: text }),
      SayRequest: method({ request: text, response: text }),
    });
    await writeFile(`${folder}/same.proto`, protoText(one));
    await run("protoc", ["-I", folder, "--descriptor_set_out", "/dev/null", "same.proto"]);
  });

  function withHistory(): AnyService {
    const before = service("history", {
      m: method({ request: z.object({ kept: z.int(), gone: z.int() }), response: z.int() }),
    });
    const after = service("history", {
      m: method({ request: z.object({ fresh: z.int(), kept: z.int() }), response: z.int() }),
    });
    return numbered(after, fieldNumbers(after, fieldNumbers(before)));
  }
});

function fieldArbitrary(depth: number): fc.Arbitrary<z.ZodType> {
  const leaves = fc.constantFrom<z.ZodType>(z.string(), z.int(), z.number(), z.boolean(), z.literal("x"), z.unknown());
  if (depth === 0) return leaves;
  const inner = fieldArbitrary(depth - 1);
  return fc.oneof(
    leaves,
    inner.map((one) => one.optional()),
    inner.map((one) => one.nullable()),
    inner.map((one) => z.array(one)),
    inner.map((one) => z.record(z.string(), one)),
    fc.tuple(inner, inner).map(([a, b]) => z.union([a, b])),
    fc.dictionary(fc.constantFrom("a", "b_c", "dE", "f_1"), inner).map((fields) => z.object({ ...fields })),
  );
}

describe("reading", () => {
  const failed = (wire: MessageWire, bytes: readonly number[], depth = 64): ServiceError => {
    try {
      wire.read(new Uint8Array(bytes), depth);
    } catch (error) {
      expect(error).toMatchObject({ reason: "malformed_message" });
      return error as ServiceError;
    }
    throw new Error("it was read");
  };
  const sum = wireOf(z.object({ a: z.int(), b: z.int().optional(), l: z.array(z.int()), t: z.string().nullable() }));

  it("takes what is missing for zero, nothing or null, as the schema has it", () => {
    expect(sum.read(new Uint8Array(), 64)).toEqual({ a: 0, l: [], t: null });
  });

  it("leaves a missing message missing, for the schema to decide", () => {
    expect(wireOf(z.object({ inner: z.object({ a: z.int() }) })).read(new Uint8Array(), 64)).toEqual({});
  });

  it("takes the last of several values, and joins the parts of a message", () => {
    expect(sum.read(new Uint8Array([8, 1, 8, 2]), 64)).toMatchObject({ a: 2 });
    const nested = wireOf(z.object({ inner: z.object({ a: z.int(), l: z.array(z.int()) }) }));
    expect(nested.read(new Uint8Array([10, 4, 8, 5, 16, 1, 10, 2, 16, 2]), 64)).toEqual({ inner: { a: 5, l: [1, 2] } });
  });

  it("takes numbers packed and one by one", () => {
    for (const bytes of [
      [26, 2, 5, 6],
      [24, 5, 24, 6],
      [26, 1, 5, 24, 6],
    ])
      expect(sum.read(new Uint8Array(bytes), 64)).toMatchObject({ l: [5, 6] });
  });

  it("goes past fields that are not declared, whatever their wire type", () => {
    const others = [
      0x78, 0xff, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7a, 2, 1, 2, 0x7b, 0x78, 1, 0x7c, 0x7d, 1, 2, 3, 4,
    ];
    expect(sum.read(new Uint8Array([...others, 8, 3, ...others]), 64)).toMatchObject({ a: 3 });
  });

  it("copies bytes, also out of a Buffer", () => {
    const wire = rpcsOf(service("b", { m: method({ request: bytesSchema, response: z.int() }) })).rpcs.get(
      "m",
    )!.request;
    const bytes = Buffer.from(wire.write(new Uint8Array([1, 2])));
    const value = wire.read(bytes, 64);
    bytes.fill(0);
    expect(value).toEqual(new Uint8Array([1, 2]));
    expect(Buffer.isBuffer(value)).toBe(false);
  });

  it("takes names that every object has as data", () => {
    const map = wireOf(z.object({ m: z.record(z.string(), z.int()), j: z.unknown() }));
    const value = JSON.parse('{"m":{"__proto__":1,"constructor":2},"j":{"__proto__":{"x":1}}}') as unknown;
    const read = map.read(map.write(value), 64) as { readonly m: object; readonly j: object };
    expect(Object.entries(read.m)).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
    ]);
    expect(JSON.stringify(read.j)).toBe('{"__proto__":{"x":1}}');
    expect(Object.getPrototypeOf(read.m)).toBe(Object.prototype);
  });

  it("reads an entry without key or value as the zero of each", () => {
    const map = wireOf(
      z.object({ m: z.record(z.string(), z.object({ a: z.int() })), n: z.record(z.string(), z.int()) }),
    );
    expect(map.read(new Uint8Array([10, 0, 18, 0]), 64)).toEqual({ m: { "": { a: 0 } }, n: { "": 0 } });
  });

  it("reads integers up to what a number holds, and refuses others", () => {
    for (const a of [
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      -1,
      2 ** 28,
      -(2 ** 28),
      2 ** 49,
      -(2 ** 49) - 1,
    ])
      expect(sum.read(sum.write({ a, l: [], t: null }), 64)).toMatchObject({ a });
    const { input } = of(z.object({ a: z.int() })).desc;
    for (const a of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 56n, -(2n ** 56n) - 5n])
      expect(failed(sum, [...toBinary(input, create(input, { a } as never))]).cause).toMatchObject({
        message: "an integer is not safe",
      });
  });

  it.each<[string, readonly number[]]>([
    ["a length past the end", [0x22, 0x7f, 65]],
    ["a length of 2^31-1", [0x22, 0xff, 0xff, 0xff, 0xff, 0x07]],
    ["a negative length", [0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["a length of 2^32-1", [0x22, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["an endless varint", [0x08, ...Array<number>(11).fill(0xff)]],
    ["an endless varint of no meaning", [0x78, ...Array<number>(11).fill(0xff)]],
    ["an end in a varint", [0x08, 0x80]],
    ["an end after a tag", [0x08]],
    ["an end in a tag", [0x88]],
    ["field number 0", [0x00, 0x00]],
    ["a tag that is too long", [0x88, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ["a wire type that does not exist", [0x7f]],
    ["a wrong wire type", [0x0a, 0x01, 0x01]],
    ["a text that is not UTF-8", [0x22, 0x01, 0xff]],
    ["a long text that is not UTF-8", [0x22, 0x20, ...Array<number>(32).fill(0xff)]],
    ["a group that never ends", [0x7b]],
    ["a group that never began", [0x7c]],
    ["a packed list that ends within a number", [0x1a, 0x01, 0x80, 0x01]],
    ["groups without end", Array<number>(100_000).fill(0x7b)],
  ])("refuses %s at once", (_, bytes) => {
    const before = process.memoryUsage().arrayBuffers;
    const error = failed(sum, bytes);
    expect(error.message).toBe("the body is no SumRequest");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });

  it("refuses numbers that JSON does not have", () => {
    const { request, desc } = of(z.object({ n: z.number() }));
    for (const n of [NaN, Infinity]) failed(request, [...toBinary(desc.input, create(desc.input, { n } as never))]);
  });

  it("reads a message no further than its own end", () => {
    const nested = wireOf(z.object({ inner: z.object({ a: z.string() }) }));
    failed(nested, [10, 2, 10, 5, 65, 65, 65, 65, 65]);
  });

  it("refuses what nests deeper than the limit: messages, values, groups", () => {
    interface Tree {
      readonly kid?: Tree | undefined;
    }
    const tree: z.ZodType<Tree> = z.object({
      get kid() {
        return tree.optional();
      },
    });
    const deep = (levels: number): Tree => (levels === 1 ? {} : { kid: deep(levels - 1) });
    const wire = wireOf(tree);
    expect(wire.read(wire.write(deep(64)), 64)).toEqual(deep(64));
    failed(wire, [...wire.write(deep(65))]);
    const any = wireOf(z.object({ any: z.unknown() }));
    const list = (levels: number): unknown => (levels === 0 ? 1 : [list(levels - 1)]);
    expect(any.read(any.write({ any: list(63) }), 64)).toEqual({ any: list(63) });
    failed(any, [...any.write({ any: list(64) })]);
    failed(any, [...any.write({ any: list(400) })]);
  });

  it.each<[string, readonly number[]]>([
    ["without a kind", [10, 0]],
    ["with a wrong wire type", [10, 2, 16, 1]],
    ["in a list, without a kind", [10, 4, 50, 2, 10, 0]],
    ["in an object, without a kind", [10, 4, 42, 2, 10, 0]],
  ])("refuses a value %s", (_, bytes) => {
    failed(wireOf(z.object({ any: z.unknown() })), bytes);
  });
});

describe("writing", () => {
  const wire = of(
    z.object({
      n: z.int().optional(),
      at: z.object({ street: z.string() }).optional(),
      list: z.array(z.int()).optional(),
      map: z.record(z.string(), z.int()).optional(),
      color: z.enum(["red", "green"]).optional(),
      any: z.union([z.object({ a: z.int() }), z.object({ b: z.int() })]).optional(),
      texts: z.array(z.string()).optional(),
      part: z.number().optional(),
    }),
    z.object({ when: z.string() }),
  );
  const cause = (value: unknown): string => {
    try {
      wire.request.write(value);
    } catch (error) {
      expect(error).toMatchObject({ reason: "invalid_request", message: "the request does not fit the method" });
      return ((error as ServiceError).cause as Error).message;
    }
    throw new Error("it was written");
  };

  it.each<[unknown, string]>([
    [undefined, "add.sum request should be an object, got undefined"],
    [[], "add.sum request should be an object, got an array"],
    [{ n: "5" }, "add.sum request.n should be an integer between -(2^53-1) and 2^53-1, got a string"],
    [{ n: 2 ** 53 }, "add.sum request.n should be an integer between -(2^53-1) and 2^53-1, got a number"],
    [{ n: null }, "add.sum request.n should be an integer between -(2^53-1) and 2^53-1, got null"],
    [{ n: 2n ** 60n }, "add.sum request.n should be an integer between -(2^53-1) and 2^53-1, got a bigint"],
    [{ part: NaN }, "add.sum request.part should be a number, got NaN"],
    [{ at: {} }, "add.sum request.at.street should be a string without lone surrogates, got undefined"],
    [
      { at: { street: "\ud800" } },
      "add.sum request.at.street should be a string without lone surrogates, got a string",
    ],
    [
      { list: [1, "secret"] },
      "add.sum request.list[1] should be an integer between -(2^53-1) and 2^53-1, got a string",
    ],
    [{ list: {} }, "add.sum request.list should be an array, got an object"],
    [{ texts: [undefined] }, "add.sum request.texts[0] should be a string without lone surrogates, got undefined"],
    [
      { map: { secret: true } },
      "add.sum request.map.* should be an integer between -(2^53-1) and 2^53-1, got a boolean",
    ],
    [{ map: { "\ud800": 1 } }, "add.sum request.map.* should be a string without lone surrogates, got a string"],
    [{ color: "blue" }, 'add.sum request.color should be one of "red", "green", got a string'],
    [{ any: { a: "x" } }, "add.sum request.any should fit one of its 2 declared forms, got an object"],
  ])("refuses %o, naming the place and no value", (value, message) => {
    expect(cause(value)).toBe(message);
  });

  it("fails with the side's own reason", () => {
    expect(() => wire.response.write({})).toThrow(expect.objectContaining({ reason: "invalid_response" }) as Error);
  });

  it("writes after a failure as before it", () => {
    const bytes = wire.request.write({ n: 5, at: { street: "x" } });
    cause({ n: 5, at: { street: 5 } });
    expect(wire.request.write({ n: 5, at: { street: "x" } })).toEqual(bytes);
  });

  it("lets no undeclared field out, at any depth", () => {
    const value = { n: 1, password: "x", at: { street: "s", password: "x" }, any: { a: 1, password: "x" } };
    expect(wire.request.read(wire.request.write(value), 64)).toEqual({ n: 1, at: { street: "s" }, any: { a: 1 } });
  });

  it("converts what JSON converts", () => {
    expect(wire.response.read(wire.response.write({ when: new Date(0) }), 64)).toEqual({
      when: "1970-01-01T00:00:00.000Z",
    });
    expect(wire.request.read(wire.request.write({ n: 5n }), 64)).toEqual({ n: 5 });
    expect(wire.request.read(wire.request.write({ toJSON: () => ({ n: 6 }) }), 64)).toEqual({ n: 6 });
  });

  it("ends at a value that holds itself", () => {
    interface Tree {
      kid?: Tree | undefined;
    }
    const tree: z.ZodType<Tree> = z.object({
      get kid() {
        return tree.optional();
      },
    });
    const loop: Tree = {};
    loop.kid = loop;
    expect(() => wireOf(tree).write(loop)).toThrow(expect.objectContaining({ reason: "invalid_request" }) as Error);
  });

  it("writes while it writes: a getter of a value may", () => {
    const inner = { n: 7 };
    const outer = {
      n: 1,
      get at() {
        wire.request.write(inner);
        return { street: "s" };
      },
    };
    expect(wire.request.read(wire.request.write(outer), 64)).toEqual({ n: 1, at: { street: "s" } });
  });

  it("refuses at construction what has no field with a number, naming the method", () => {
    expect(() => of(z.object({ "a-b": z.int() }))).toThrow(
      'add.sum request: the field "a-b" should be named with letters, digits and _, a digit not first, to have a number',
    );
  });
});
