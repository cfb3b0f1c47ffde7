/**
 * The messages of a contract for wires whose fields have numbers and types (Protocol Buffers, Thrift): worked out of the
 * schemas, with the numbers a lock file keeps.
 *
 * @module
 */
import type { AnyService } from "../contract/index.ts";
import { buildMessages } from "./message-types-build.ts";
import type { MethodMessages } from "./message-types-model.ts";
import { inOrder, locked } from "./numbering-rules.ts";
import { lockOf } from "./numbering.ts";

export type {
  FieldType,
  JsonFieldType,
  MessageField,
  MessageType,
  MethodMessages,
  RemovedField,
  SingleType,
} from "./message-types-model.ts";

/**
 * Works out the messages of a contract, by the names of its methods: objects become messages, integers `int64`, numbers
 * `double`, records maps from strings; what has no type of its own is `json`. Fields are numbered from 1 in their order,
 * or as `numbered` says.
 *
 * @throws {TypeError} when a schema gives no JSON Schema, a field has a name that no wire takes, or the contract and the
 * numbers do not go together: names the method, the field and the rule.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { messageTypesOf } from "servicekit/transport";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * messageTypesOf(add).get("sum")?.request.fields.map(({ name, number }) => `${name} = ${number}`); // => ["a = 1", "b = 2"]
 * ```
 */
export function messageTypesOf(service: AnyService): ReadonlyMap<string, MethodMessages> {
  const lock = lockOf(service);
  return buildMessages(service, lock === undefined ? inOrder : locked(lock));
}
