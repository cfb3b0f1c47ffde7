import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { shapeOf } from "../contract/index.ts";
import type { InferInput, InferOutput } from "../errors/index.ts";
import { bytesSchema, byteStreamSchema, withFields, type ByteStream } from "./index.ts";

async function* stream(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array([1]);
}

const validate = (schema: { readonly "~standard": { validate(value: unknown): unknown } }, value: unknown): unknown =>
  schema["~standard"].validate(value);

describe("schemas of bytes", () => {
  it("take what they say and nothing else", () => {
    const bytes = Buffer.from("x");
    expect(validate(bytesSchema, bytes)).toEqual({ value: bytes });
    for (const other of ["x", [1], null, undefined, {}])
      expect(validate(bytesSchema, other)).toEqual({ issues: [{ message: "should be bytes (a Uint8Array)" }] });
    const given = stream();
    expect(validate(byteStreamSchema, given)).toEqual({ value: given });
    for (const other of [bytes, "x", [bytes], null, undefined])
      expect(validate(byteStreamSchema, other)).toHaveProperty("issues");
  });

  it("look in documents as OpenAPI has it", () => {
    expect(shapeOf(bytesSchema).jsonSchema()).toEqual({ type: "string", format: "binary" });
    expect(shapeOf(byteStreamSchema).jsonSchema()).toEqual({ type: "string", format: "binary", "x-stream": true });
  });
});

describe("an object with such fields beside its own", () => {
  const upload = withFields(z.object({ name: z.string().trim(), size: z.int().optional() }), {
    content: byteStreamSchema,
    key: bytesSchema,
  });
  const key = new Uint8Array([1]);

  it("has the types of both", () => {
    expectTypeOf<InferInput<typeof upload>>().toExtend<{
      name: string;
      size?: number | undefined;
      content: ByteStream;
      key: Uint8Array;
    }>();
    expectTypeOf<InferOutput<typeof upload>["content"]>().toEqualTypeOf<ByteStream>();
    // @ts-expect-error -- the field is no text
    const wrong: InferInput<typeof upload>["key"] = "x";
    void wrong;
  });

  it("is validated by both, and what is wrong is told of both", () => {
    const content = stream();
    expect(validate(upload, { name: " a ", content, key, more: 1 })).toEqual({ value: { name: "a", content, key } });
    expect(validate(upload, { name: 1, content: "x", key })).toMatchObject({
      issues: [{ path: ["name"] }, { path: ["content"], message: expect.stringMatching("stream of bytes") }],
    });
    expect(validate(upload, { content, key })).toMatchObject({ issues: [{ path: ["name"] }] });
    for (const other of [null, [], "x", undefined])
      expect(validate(upload, other)).toMatchObject({
        issues: [{ message: expect.stringMatching("^should be an object, got") }],
      });
  });

  it("may have a schema that takes its time", async () => {
    const slow = withFields(
      z.object({ name: z.string() }).refine(async () => Promise.resolve(true)),
      { key: bytesSchema },
    );
    expect(await validate(slow, { name: "a", key })).toEqual({ value: { name: "a", key } });
    expect(await validate(slow, { name: "a", key: 1 })).toMatchObject({ issues: [{ path: ["key"] }] });
  });

  it("looks in documents like one object", () => {
    expect(shapeOf(upload).jsonSchema()).toMatchObject({
      type: "object",
      properties: { name: { type: "string" }, content: { format: "binary" }, key: { format: "binary" } },
      required: ["name", "content", "key"],
    });
    expect(() => shapeOf(withFields(z.array(z.string()) as never, { key: bytesSchema })).jsonSchema()).toThrow(
      'the zod schema should give the JSON Schema of an object, got "array"',
    );
  });
});
