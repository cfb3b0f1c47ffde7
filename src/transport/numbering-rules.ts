/**
 * The rules by which fields get their numbers: in order, by a lock, or by bringing a lock up to date. A number is never
 * given to another field, since peers know fields by nothing else.
 *
 * @module
 */
import type { RemovedField } from "./message-types-model.ts";

/** A field in a lock. */
export interface FieldNumber {
  readonly name: string;
  readonly number: number;
  /** What it holds: `int64`, `list of string`, the name of a message. */
  readonly type: string;
  /** Whether the contract has it no more; its number stays its own. Default: false. */
  readonly removed?: boolean | undefined;
}

/** The fields of messages by the messages' names. */
export type MessageNumbers = Readonly<Record<string, readonly FieldNumber[]>>;

/** A message whose fields want numbers. */
export interface Unnumbered {
  readonly name: string;
  /** The first method that has it, for errors: `add.sum request`. */
  readonly where: string;
  readonly fields: readonly { readonly name: string; readonly type: string }[];
}

/** Gives numbers to the fields of a message, in their order. */
export type Numbering = (message: Unnumbered) => {
  readonly numbers: readonly number[];
  readonly removed: readonly RemovedField[];
};

/** The highest number protobuf has. */
export const MAX_NUMBER = 536_870_911;

/** Whether protobuf keeps a number for itself. */
export function isKept(number: number): boolean {
  return number >= 19_000 && number <= 19_999;
}

/** From 1, in the order of declaration. */
export function inOrder({ fields }: Unnumbered): ReturnType<Numbering> {
  let last = 0;
  return { numbers: fields.map(() => (last = next(last))), removed: [] };
}

/** As a lock says, which has to know every field. */
export function locked(lock: MessageNumbers): Numbering {
  return function byLock(message) {
    const entries = entriesOf(lock, message.name);
    const numbers = message.fields.map((field) => {
      const entry = entries.find(({ name, removed }) => name === field.name && removed !== true);
      if (entry === undefined) throw notLocked(message, field.name);
      checkType(message, field, entry);
      return entry.number;
    });
    return { numbers, removed: entries.filter(({ number }) => !numbers.includes(number)) };
  };
}

/** As the lock in `messages` says, which is brought up to date: new fields get new numbers, and none is given up. */
export function updating(messages: Record<string, readonly FieldNumber[]>): Numbering {
  return function update(message) {
    const before = entriesOf(messages, message.name);
    let last = Math.max(0, ...before.map(({ number }) => number));
    const fields = message.fields.map((field): FieldNumber => {
      const same = before.filter(({ name }) => name === field.name);
      const live = same.find(({ removed }) => removed !== true);
      if (live !== undefined) checkType(message, field, live);
      const known = live ?? same.findLast(({ type }) => type === field.type);
      return { name: field.name, number: known?.number ?? (last = next(last)), type: field.type };
    });
    const numbers = fields.map(({ number }) => number);
    const gone = before.filter(({ number }) => !numbers.includes(number));
    const removed = gone.map(({ name, number, type }) => ({ name, number, type, removed: true }));
    messages[message.name] = [...fields, ...removed].toSorted((a, b) => a.number - b.number);
    return { numbers, removed };
  };
}

function entriesOf(messages: MessageNumbers, name: string): readonly FieldNumber[] {
  return Object.hasOwn(messages, name) ? messages[name]! : [];
}

function next(number: number): number {
  return isKept(number + 1) ? 20_000 : number + 1;
}

function checkType(
  { name, where }: Unnumbered,
  field: { readonly name: string; readonly type: string },
  entry: FieldNumber,
): void {
  if (entry.type === field.type) return;
  throw new TypeError(
    `${where}: the field "${field.name}" of ${name} was ${entry.type} and is ${field.type}, which peers would misread: ` +
      `give it a new name, or its old type back`,
  );
}

function notLocked({ name, where }: Unnumbered, field: string): TypeError {
  return new TypeError(
    `${where}: the field "${field}" of ${name} has no number in the lock: bring it up to date with ` +
      `"servicekit generate proto" or fieldNumbers()`,
  );
}
