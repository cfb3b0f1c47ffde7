/**
 * The shape of a protobuf message: its JSON form in and out, and its binary form for the codec.
 *
 * @module
 */
import {
  create,
  fromBinary,
  fromJson,
  isMessage,
  toBinary,
  toJson,
  type BinaryReadOptions,
  type DescMessage,
  type JsonValue,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import type { JsonSchemaObject, Shape } from "../../contract/index.ts";
import { policyError, type ServiceError, type Validated } from "../../errors/index.ts";
import { shown } from "../../internal/check.ts";
import { declaredFields, fieldTables, type Fields, type Project } from "./declared-fields.ts";
import { issueFinder } from "./issue.ts";
import { messageSchema } from "./json-schema.ts";

/** Which way a message goes. */
export type Side = "request" | "response";

/** Makes the shape of a message. */
export type Shapes = (desc: DescMessage, side: Side) => Shape;

/** What the binary codec needs of a shape. */
export interface Binary {
  readonly desc: DescMessage;
  /** The shape's own `toJson`: one that was derived of it has another. */
  readonly toJson: (value: unknown) => unknown;
  /** @throws {ServiceError} malformed_message when the bytes are no such message. */
  read(bytes: Uint8Array, maxDepth: number): unknown;
  /** @throws {ServiceError} invalid_request or invalid_response when the value is no such message. */
  write(value: unknown): Uint8Array;
  /** The same, of the JSON form. */
  writeJson(json: unknown): Uint8Array;
}

/** Where a shape holds its `Binary`. */
const BINARY: unique symbol = Symbol("binary") as never;

/** The binary form of a shape; undefined when it is not protobuf's. */
export function binaryOf(shape: Shape): Binary | undefined {
  return (shape as { readonly [BINARY]?: Binary })[BINARY];
}

/** The shapes of messages whose `Any`s and extensions come from `registry`. */
export function shapesOf(registry: Registry): Shapes {
  const fields = fieldTables();
  const declared = declaredFields(registry, fields);
  return (desc, side) => shapeOf(desc, side, { registry, fields, declared });
}

interface Known {
  readonly registry: Registry;
  readonly fields: Fields;
  readonly declared: Project;
}

function shapeOf(
  desc: DescMessage,
  side: Side,
  { registry, fields, declared }: Known,
): Shape & { readonly [BINARY]: Binary } {
  // A newer server may answer with enum values that an older client has never heard of; in a request they are mistakes.
  const options = { registry, ignoreUnknownFields: side === "response" };
  const read = (one: DescMessage, json: unknown): Message => fromJson(one, json as JsonValue, options);
  const findIssue = issueFinder(read, fields);
  let schema: JsonSchemaObject | undefined;
  // The message that was decoded last: the one object that is known to be what it says. A `$typeName` is no proof, a peer
  // may write one into its JSON.
  let decoded: Message | undefined;

  function validate(wire: unknown): Validated<Message> {
    if (wire !== undefined && wire === decoded) {
      decoded = undefined;
      return { value: wire as Message };
    }
    try {
      return { value: received(wire) };
    } catch {
      // Asked again below, where it costs nothing to those who send what they should.
    }
    let known = wire;
    try {
      if (side === "request" && !isMessage(wire)) known = declared(desc, wire);
      return { value: received(known) };
    } catch (error) {
      return { issues: [findIssue(desc, known, error)] };
    }
  }

  // Nothing at all is a message with no field set, as it is in binary.
  function received(wire: unknown): Message {
    if (wire === undefined) return create(desc);
    if (!isMessage(wire)) return read(desc, wire);
    if (wire.$typeName !== desc.typeName) throw new TypeError(`it is a ${wire.$typeName}`);
    // Through its binary form, which only a sound message has.
    return fromBinary(desc, toBinary(desc, wire, { writeUnknownFields: false }));
  }

  function unfit(cause: unknown): ServiceError {
    return policyError(side === "request" ? "invalid_request" : "invalid_response", { cause });
  }

  function sent(value: unknown): Message {
    // Of nothing, `create` makes an empty message, and a handler that forgot to answer would be right.
    if (typeof value !== "object" || value === null)
      throw new TypeError(`should be a ${desc.typeName}, got ${shown(value)}`);
    return create(desc, value as Record<string, unknown>);
  }

  function write(value: unknown): Uint8Array {
    try {
      return toBinary(desc, sent(value), { writeUnknownFields: false });
    } catch (error) {
      throw unfit(error);
    }
  }

  function writeJson(json: unknown): Uint8Array {
    try {
      return toBinary(desc, read(desc, json));
    } catch (error) {
      throw unfit(error);
    }
  }

  function toJsonForm(value: unknown): unknown {
    try {
      return toJson(desc, sent(value), { registry });
    } catch (error) {
      throw unfit(error);
    }
  }

  function readBinary(bytes: Uint8Array, maxDepth: number): Message {
    const options: Partial<BinaryReadOptions> = { readUnknownFields: false, recursionLimit: maxDepth };
    try {
      // A view, since node's own Buffer would show in every field of bytes.
      const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return (decoded = fromBinary(desc, view, options));
    } catch (cause) {
      throw policyError("malformed_message", { message: `the body is no ${desc.typeName}`, cause });
    }
  }

  return {
    validate,
    jsonSchema: () => (schema ??= messageSchema(desc)),
    toJson: toJsonForm,
    [BINARY]: { desc, toJson: toJsonForm, read: readBinary, write, writeJson },
  };
}
