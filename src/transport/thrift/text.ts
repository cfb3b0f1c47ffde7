/**
 * A contract as a `.thrift` file, so that others can call it and be called.
 *
 * @module
 */
import type { AnyService, Methods, Service } from "../../contract/index.ts";
import { messageTypesOf, type MessageType } from "../message-types.ts";
import { declared } from "./exception.ts";
import { RESERVED } from "./reserved.ts";
import { recordsOf } from "./message.ts";

/**
 * Writes the IDL of a contract: what `thriftServer` and `thriftClient` speak for it, as a `.thrift` file for the compilers of
 * other languages. Each method takes one argument, `request`; its declared errors are exceptions, numbered in their order,
 * with their details as JSON. Fields have the numbers that `messageTypesOf` gives: keep them by `numbered` when the contract
 * is to change. What has no type of its own is a string that holds JSON. Methods that stream are left out.
 *
 * Names of fields that the Thrift compiler reserves get a `_` at their end; they do not travel.
 *
 * @throws {TypeError} when the messages of a method cannot be written, or the service or a method has a name that the
 * compiler reserves.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { thriftText } from "servicekit/transport/thrift";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * thriftText(add).split("\n").at(-3); // => "  SumResponse sum(1: SumRequest request)"
 * ```
 */
export function thriftText<M extends Methods>(described: Service<M>): string {
  const service = described as AnyService;
  const own = service.name.slice(service.name.lastIndexOf(".") + 1);
  if (RESERVED.has(own)) throw new TypeError(`${service.name} has a name that the Thrift compiler reserves`);
  const messages = messageTypesOf(service);
  const names = new Set<string>();
  const structs: string[] = [];
  const methods: string[] = [];
  let hasErrors = false;
  const recordOf = recordsOf();

  function structOf(message: MessageType): string {
    if (names.has(message.name)) return message.name;
    names.add(message.name);
    // Those it is made of come first: the compiler reads from the top.
    for (const { type } of message.fields) {
      const item = type.kind === "list" || type.kind === "map" ? type.of : type;
      if (item.kind === "message") structOf(item.message);
    }
    structs.push(`struct ${message.name} {\n${fieldLines(recordOf(message).fields)}}\n`);
    return message.name;
  }
  const failure = failureName(
    new Set([...messages.values()].flatMap((one) => [...namesIn(one.request), ...namesIn(one.response)])),
  );
  for (const [name, { kind, oneWay, errors }] of Object.entries(service.methods)) {
    if (kind !== "unary") continue;
    if (RESERVED.has(name)) throw new TypeError(`${service.name}.${name} has a name that the Thrift compiler reserves`);
    const { request, response } = messages.get(name)!;
    const argument = `(1: ${structOf(request)} request)`;
    hasErrors ||= errors.length > 0;
    const thrown = errors.map(({ reason }, at) => `${at + 1}: ${failure} ${free(reason)}`).join(", ");
    const throws = thrown === "" ? "" : ` throws (${thrown})`;
    methods.push(
      oneWay === true ? `  oneway void ${name}${argument}` : `  ${structOf(response)} ${name}${argument}${throws}`,
    );
  }
  if (hasErrors) structs.push(`exception ${failure} {\n${fieldLines(declared.fields)}}\n`);
  return `${structs.join("\n")}\nservice ${own} {\n${methods.join("\n")}\n}\n`;
}

function fieldLines(
  fields: readonly {
    readonly id: number;
    readonly name: string;
    readonly isOptional: boolean;
    readonly value: { readonly text: string };
  }[],
): string {
  return fields
    .map(({ id, name, isOptional, value }) => `  ${id}: ${isOptional ? "optional " : ""}${value.text} ${free(name)}\n`)
    .join("");
}

function free(name: string): string {
  return RESERVED.has(name) ? `${name}_` : name;
}

function failureName(taken: ReadonlySet<string>): string {
  let name = "Failure";
  while (taken.has(name)) name += "_";
  return name;
}

function namesIn(message: MessageType, into: Set<string> = new Set()): Set<string> {
  if (into.has(message.name)) return into;
  into.add(message.name);
  for (const { type } of message.fields) {
    const item = type.kind === "list" || type.kind === "map" ? type.of : type;
    if (item.kind === "message") namesIn(item.message, into);
  }
  return into;
}
