/**
 * Numbers of fields that outlive changes of the contract: a lock, as plain JSON, beside the contract. For contracts made in
 * TypeScript; one from a `.proto` file has its numbers there.
 *
 * @module
 */
import type { AnyService, Implementation, Methods, Service } from "../contract/index.ts";
import { checkNames, checkNumber, checkString, shown } from "../internal/check.ts";
import { buildMessages } from "./message-types-build.ts";
import { isKept, MAX_NUMBER, updating, type FieldNumber, type MessageNumbers } from "./numbering-rules.ts";

/** The numbers of all fields of a service there ever were: plain JSON, to be kept beside the contract. */
export interface FieldNumbers {
  /** The service's name. */
  readonly service: string;
  /** The fields of each message by the message's name, in the order of their numbers. */
  readonly messages: MessageNumbers;
}

const LOCK: unique symbol = Symbol.for("servicekit.numbers") as never;

/**
 * Gives a contract the numbers of a lock: the same service, whose messages on wires with numbered fields have those numbers.
 * Make the lock by `servicekit generate proto` or `fieldNumbers`. That each field is in it, with its type, is checked where
 * the numbers are used: by a transport that needs them, when it is made.
 *
 * @throws {TypeError | RangeError} when the lock is none, or another service's.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { fieldNumbers, messageTypesOf, numbered } from "servicekit/transport";
 * import { z } from "zod";
 *
 * const of = (request: z.ZodType) => service("add", { sum: method({ request, response: z.object({ v: z.int() }) }) });
 * const lock = fieldNumbers(of(z.object({ a: z.int(), b: z.int() })));
 * const add = numbered(of(z.object({ b: z.int(), a: z.int() })), lock);
 * messageTypesOf(add).get("sum")?.request.fields.map(({ name, number }) => `${name} = ${number}`); // => ["b = 2", "a = 1"]
 * ```
 */
export function numbered<M extends Methods>(service: Service<M>, lock: FieldNumbers): Service<M> {
  checkLock(service, lock);
  const made: Service<M> & { readonly [LOCK]: MessageNumbers } = {
    ...service,
    [LOCK]: lock.messages,
    implement(handlers, attach): Implementation {
      return { ...service.implement(handlers, attach), service: made };
    },
  };
  return made;
}

/** The lock of a service, if it has one. */
export function lockOf(service: AnyService): MessageNumbers | undefined {
  return (service as { readonly [LOCK]?: MessageNumbers })[LOCK];
}

/**
 * Makes the lock of a contract, or brings one up to date: fields that are there keep their numbers, new ones get the next,
 * those of removed fields are kept for ever. A field that comes back gets its old number if it holds the same as before.
 *
 * @throws {TypeError} when a field holds something else than before: says what to do.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { fieldNumbers } from "servicekit/transport";
 * import { z } from "zod";
 *
 * const text = z.object({ text: z.string() });
 * const lock = fieldNumbers(service("echo", { say: method({ request: text, response: text }) }));
 * lock.messages["SayRequest"]; // => [{ name: "text", number: 1, type: "string" }]
 * ```
 */
export function fieldNumbers(service: AnyService, previous?: FieldNumbers): FieldNumbers {
  if (previous !== undefined) checkLock(service, previous);
  const messages = { ...previous?.messages };
  const update = updating(messages);
  const seen = new Set<string>();
  buildMessages(service, (message) => {
    seen.add(message.name);
    return update(message);
  });
  for (const [name, fields] of Object.entries(messages)) {
    if (!seen.has(name)) messages[name] = fields.map((field) => ({ ...field, removed: true }));
  }
  return { service: service.name, messages };
}

function checkLock(service: AnyService, lock: FieldNumbers): void {
  const { name } = service;
  if (typeof lock !== "object" || lock === null)
    throw new TypeError(`${name}: the lock should be an object, got ${shown(lock)}`);
  checkNames(`${name}: the lock`, lock, ["service", "messages"]);
  if (lock.service !== name)
    throw new RangeError(`${name}: the lock should be this service's, got one of ${shown(lock.service)}`);
  if (typeof lock.messages !== "object" || lock.messages === null)
    throw new TypeError(`${name}: the lock's messages should be an object, got ${shown(lock.messages)}`);
  for (const [message, fields] of Object.entries(lock.messages)) checkFields(`${name}: ${message} in the lock`, fields);
}

function checkFields(where: string, fields: readonly FieldNumber[]): void {
  if (!Array.isArray(fields)) throw new TypeError(`${where} should be a list, got ${shown(fields)}`);
  const numbers = new Set<number>();
  const names = new Set<string>();
  for (const field of fields as readonly FieldNumber[]) {
    if (typeof field !== "object" || field === null)
      throw new TypeError(`a field of ${where} should be an object, got ${shown(field)}`);
    checkNames(`a field of ${where}`, field, ["name", "number", "type", "removed"]);
    const { name, number, removed = false } = field;
    checkString(`a name of ${where}`, name);
    checkString(`the type of ${where}.${name}`, field.type);
    checkNumber(`the number of ${where}.${name}`, number, { min: 1, max: MAX_NUMBER, integer: true });
    if (typeof removed !== "boolean")
      throw new TypeError(`removed of ${where}.${name} should be true or false, got ${shown(removed)}`);
    if (isKept(number))
      throw new RangeError(`the number of ${where}.${name} should not be from 19000 to 19999, got ${number}`);
    if (numbers.has(number))
      throw new RangeError(`the number of ${where}.${name} should be its own, got ${number} twice`);
    if (!removed && names.has(name)) throw new RangeError(`${where} should have each field once, got "${name}" twice`);
    numbers.add(number);
    if (!removed) names.add(name);
  }
}
