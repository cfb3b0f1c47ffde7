/**
 * Structs of somebody else's IDL, as a table: names, numbers and types. For services that are described elsewhere; a
 * contract of ours needs none.
 *
 * @module
 */
import { checkNumber, checkString, shown } from "../../internal/check.ts";
import { RecordValue, type RecordField } from "./record.ts";
import { listOf, mapOf, SCALARS, type Value } from "./value.ts";

/** The types that have a name, and what they are here. */
export interface ThriftScalars {
  bool: boolean;
  byte: number;
  i16: number;
  i32: number;
  /** A number, which is refused beyond 2⁵³−1. */
  i64: number;
  /** An i64 as bigint. */
  bigint: bigint;
  double: number;
  string: string;
  binary: Uint8Array;
  uuid: string;
}

/** A type of Thrift whose values are a `T` here. */
export interface ThriftType<T> {
  readonly "~thrift": Value;
  readonly "~type"?: T | undefined;
}

/** What a field is of: a name, or what `struct`, `list`, `set`, `map` and `optional` give. */
export type ThriftField = keyof ThriftScalars | ThriftType<unknown>;

/** The fields of a struct: name → number and type, as in an IDL. */
export type ThriftFields = { readonly [name: string]: readonly [id: number, type: ThriftField] };

/** The type that a field's values have. */
export type ThriftValue<F> = F extends keyof ThriftScalars
  ? ThriftScalars[F]
  : F extends ThriftType<infer T>
    ? T
    : never;

/** The type of a struct with these fields. */
export type ThriftStruct<T extends ThriftFields> = {
  -readonly [P in keyof T as undefined extends ThriftValue<T[P][1]> ? never : P]: ThriftValue<T[P][1]>;
} & {
  -readonly [P in keyof T as undefined extends ThriftValue<T[P][1]> ? P : never]?: ThriftValue<T[P][1]>;
};

const NAME = { pattern: /^[A-Za-z_][A-Za-z0-9_.]{0,127}$/, says: "a name of an IDL" };

/**
 * Describes a struct of an IDL. Every field is there when it is read, with its zero value (0, "", false, empty) when the
 * peer left it out, and is written, also when it is zero, as generated code of Go does; `optional` ones may be missing.
 *
 * @throws {RangeError | TypeError} when a name, number or type is wrong, or a number stands twice.
 *
 * @example
 * ```ts
 * import { list, struct } from "servicekit/transport/thrift";
 *
 * const reply = struct({ value: [1, "i64"], err: [2, "string"] });
 * const page = struct({ replies: [1, list(reply)] });
 * page["~thrift"].text; // => "struct"
 * ```
 */
export function struct<const T extends ThriftFields>(fields: T): ThriftType<ThriftStruct<T>> {
  const record = new RecordValue("struct", { fills: true });
  record.fields = fieldsOf("struct", fields);
  return { "~thrift": record };
}

/** The fields of a table, checked. */
export function fieldsOf(where: string, fields: ThriftFields): readonly RecordField[] {
  if (typeof fields !== "object" || fields === null)
    throw new TypeError(`${where} should be given fields, got ${shown(fields)}`);
  const ids = new Set<number>();
  return Object.entries(fields).map(([name, field]) => {
    checkString(`a field of ${where}`, name, NAME);
    if (name === "__proto__" || !Array.isArray(field))
      throw new TypeError(`${where}.${name} should be [number, type], got ${shown(field)}`);
    const [number, type] = field as readonly [number, ThriftField];
    const id = checkNumber(`the number of ${where}.${name}`, number, { min: -32_768, max: 32_767, integer: true });
    if (ids.has(id)) throw new RangeError(`the number of ${where}.${name} should be its own, got ${id} again`);
    ids.add(id);
    const value = valueOf(`${where}.${name}`, type);
    const isOptional = OPTIONAL in value;
    return { name, id, value, isOptional, absent: isOptional ? undefined : () => value.zero() };
  });
}

/** The type that a name or a description stands for. */
export function valueOf(where: string, type: ThriftField): Value {
  if (typeof type === "string" && Object.hasOwn(SCALARS, type)) return SCALARS[type];
  const value = (type as Partial<ThriftType<unknown>> | undefined)?.["~thrift"];
  if (value === undefined)
    throw new TypeError(
      `${where} should be ${Object.keys(SCALARS).join(", ")} or a struct, list, set or map, got ${shown(type)}`,
    );
  return value;
}

/**
 * A list of values of one type.
 *
 * @example
 * ```ts
 * import { list } from "servicekit/transport/thrift";
 *
 * list("i32")["~thrift"].text; // => "list<i32>"
 * ```
 */
export function list<const F extends ThriftField>(of: F): ThriftType<ThriftValue<F>[]> {
  return { "~thrift": listOf(valueOf("a list's items", of)) };
}

/**
 * A set, which is an array here.
 *
 * @example
 * ```ts
 * import { set } from "servicekit/transport/thrift";
 *
 * set("string")["~thrift"].text; // => "set<string>"
 * ```
 */
export function set<const F extends ThriftField>(of: F): ThriftType<ThriftValue<F>[]> {
  return { "~thrift": listOf(valueOf("a set's items", of), "set") };
}

/**
 * A map from strings, which is an object here.
 *
 * @example
 * ```ts
 * import { map } from "servicekit/transport/thrift";
 *
 * map("double")["~thrift"].text; // => "map<string, double>"
 * ```
 */
export function map<const F extends ThriftField>(of: F): ThriftType<Record<string, ThriftValue<F>>> {
  return { "~thrift": mapOf(valueOf("a map's values", of)) };
}

const OPTIONAL: unique symbol = Symbol("optional") as never;

/**
 * A field that may be left out: then it is undefined here, and not written.
 *
 * @example
 * ```ts
 * import { optional, struct } from "servicekit/transport/thrift";
 *
 * const page = struct({ token: [1, optional("string")] });
 * page["~thrift"].zero(); // => {}
 * ```
 */
export function optional<const F extends ThriftField>(of: F): ThriftType<ThriftValue<F> | undefined> {
  const value = valueOf("an optional field", of);
  const made: Value & { readonly [OPTIONAL]: true } = {
    [OPTIONAL]: true,
    type: value.type,
    text: value.text,
    read: (reader) => value.read(reader),
    write: (writer, one) => value.write(writer, one),
    zero: () => undefined,
  };
  return { "~thrift": made };
}
