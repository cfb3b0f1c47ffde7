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
import { declaredFields, type Project } from "./declared-fields.ts";
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
export const BINARY: unique symbol = Symbol("binary") as never;

/** The shapes of messages whose `Any`s and extensions come from `registry`. */
export function shapesOf(registry: Registry): Shapes {
  const declared = declaredFields(registry);
  return (desc, side) => shapeOf(desc, side, { registry, declared });
}

interface Known {
  readonly registry: Registry;
  readonly declared: Project;
}

function shapeOf(desc: DescMessage, side: Side, { registry, declared }: Known): Shape & { readonly [BINARY]: Binary } {
  // A newer server may answer with enum values that an older client has never heard of; in a request they are mistakes.
  const options = { registry, ignoreUnknownFields: side === "response" };
  const read = (one: DescMessage, json: unknown): Message => fromJson(one, json as JsonValue, options);
  const findIssue = issueFinder(read);
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
    return fromBinary(desc, toBinary(desc, wire));
  }

  function unfit(cause: unknown): ServiceError {
    return policyError(side === "request" ? "invalid_request" : "invalid_response", { cause });
  }

  function write(value: unknown): Uint8Array {
    try {
      return toBinary(desc, create(desc, value as Record<string, unknown>), { writeUnknownFields: false });
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
      return toJson(desc, create(desc, value as Record<string, unknown>), { registry });
    } catch (error) {
      throw unfit(error);
    }
  }

  function readBinary(bytes: Uint8Array, maxDepth: number): Message {
    const options: Partial<BinaryReadOptions> = { readUnknownFields: false, recursionLimit: maxDepth };
    try {
      return (decoded = fromBinary(desc, bytes, options));
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
