/**
 * A contract made in TypeScript with a field of every type there is, and values for it.
 *
 * @module
 */
import fc from "fast-check";
import { z } from "zod";
import { method, oneWay, service, type AnyService } from "../../../contract/index.ts";
import { bytesSchema, withFields } from "../../bytes.ts";
import type { FieldType, MessageField, MessageType } from "../../message-types.ts";

const geo = z.object({ lat: z.number(), lon: z.number() }).meta({ id: "geo" });
const address = z
  .object({ street: z.string(), geo: geo.nullable(), zip: z.string().optional() })
  .meta({ id: "Address" });

interface Node {
  readonly name: string;
  readonly next?: Node | undefined;
  readonly kids: readonly Node[];
}
const node: z.ZodType<Node> = z.object({
  name: z.string(),
  get next() {
    return node.optional();
  },
  get kids() {
    return z.array(node);
  },
}) as never;

const single = { yes: z.boolean(), whole: z.int(), part: z.number(), text: z.string() };
const all = z.object({
  ...single,
  maybe: z.object(single).partial(),
  nothing: z.object({ whole: z.int().nullable(), text: z.string().nullable(), at: geo.nullable() }),
  color: z.enum(["red", "green"]),
  home: address,
  other: address.optional(),
  user_id: z.int(),
  constructor: z.string().optional(),
  flags: z.array(z.boolean()),
  numbers: z.array(z.int()),
  parts: z.array(z.number()),
  texts: z.array(z.string()).optional(),
  places: z.array(address),
  by_name: z.record(z.string(), z.int()),
  places_by__name: z.record(z.string(), geo).optional(),
  either: z.union([z.int(), z.string()]).optional(),
  matrix: z.array(z.array(z.int())),
  loose: z.record(z.string(), z.unknown()),
});

/** Every field type, each way of streaming, roots that are no objects. */
export const rich: AnyService = service("shop.v1.rich", {
  all: method({ request: all, response: all, idempotent: true }),
  tree: method({ request: node, response: z.array(node), stream: "bidi" }),
  text: method({ request: z.string(), response: z.record(z.string(), z.boolean()), stream: "server" }),
  many: method({ request: address, response: z.int().nullable(), stream: "client" }),
  blob: method({
    request: withFields(z.object({ name: z.string() }), { content: bytesSchema }),
    response: bytesSchema,
  }),
  note: oneWay({ request: z.object({ text: z.string() }) }),
});

const text = fc.string({ unit: "binary", maxLength: 40 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true });

/** Any value that a field may hold, as it comes back: an optional list or map that is empty does not. */
function fieldArbitrary({ type, isOptional, isNullable }: MessageField, depth: number): fc.Arbitrary<unknown> {
  if (isOptional && depth > 3) return fc.constant(isNullable ? null : undefined);
  const value = typeArbitrary(type, depth);
  if (isNullable) return fc.option(value, { nil: null });
  if (!isOptional) return value;
  const isMany = type.kind === "list" || type.kind === "map";
  return fc.option(isMany ? value.filter((one) => Object.keys(one as object).length > 0) : value, { nil: undefined });
}

function typeArbitrary(type: FieldType, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case "list":
      return depth > 2 ? fc.constant([]) : fc.array(typeArbitrary(type.of, depth), { maxLength: 4 });
    case "map":
      // What "__proto__" does has a test of its own; protobuf-es takes it for the prototype.
      return fc
        .dictionary(text, typeArbitrary(type.of, depth), { maxKeys: 4, noNullPrototype: true })
        .filter((map) => !Object.hasOwn(map, "__proto__"));
    case "message":
      return messageArbitrary(type.message, depth + 1);
    case "json":
      return fc
        .oneof(fc.array(fc.integer(), { maxLength: 3 }), fc.integer(), fc.string({ unit: "binary" }))
        .filter((value) => fits(type.write, value));
    case "bytes":
      return fc.uint8Array({ maxLength: 40 });
    case "bool":
      return fc.boolean();
    case "double":
      return fc.oneof(number, fc.constant(-0), fc.integer());
    case "int64":
      return fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -1, max: 200 }));
    case "string":
      return type.values === undefined ? text : fc.constantFrom(...(type.values as readonly string[]));
  }
}

function fits(write: (value: unknown) => string, value: unknown): boolean {
  try {
    write(value);
    return true;
  } catch {
    return false;
  }
}

/** Any value of a message that comes back as it went. */
export function messageArbitrary(type: MessageType, depth = 0): fc.Arbitrary<unknown> {
  const fields = type.fields.map((field) => [field.name, fieldArbitrary(field, depth)] as const);
  const values = fc
    .record(Object.fromEntries(fields))
    .map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)));
  return type.isWrapped ? values.map((made) => made["value"]) : values;
}
