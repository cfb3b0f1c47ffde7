/**
 * Writes objects: the declared fields and nothing else, unless the schema itself is open.
 *
 * The code is shared by all schemas, so each read of a field is a megamorphic keyed load: 6 ns where generated code needs
 * 1. That is the price of not using `eval`; scalars are written in the loop without a call to make up for it.
 *
 * @module
 */
import type { Compile, Compiled, Write } from "./compiled.ts";
import type { ObjectForm } from "./form.ts";
import { OTHER, STRING } from "./kinds.ts";
import { jsonForm, Misfit, within } from "./misfit.ts";
import { isInherited, ownValue, type Wire } from "./own.ts";
import { isNative, isUnescaped, quote, scalarText } from "./text.ts";

interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly inherited: boolean;
  /** What stands before the value of the first field written, and of any other. */
  readonly opening: string;
  readonly following: string;
  readonly kind: number;
  readonly write: Write;
}

/** Compiles the writer of one object form. */
export function objectWriter(form: ObjectForm, compile: Compile): Write {
  const fields = form.fields.map(({ name, schema, required }): Field => {
    const { kind, write } = compile(schema);
    // The quote that opens a string stands with its key: one text less to make and to flatten.
    const key = `${JSON.stringify(name)}:${kind === STRING ? '"' : ""}`;
    return { name, required, inherited: isInherited(name), opening: `{${key}`, following: `,${key}`, kind, write };
  });
  const others = otherFields(form, compile);
  // An array would fail for want of a required field, except one that arrays have too.
  const takesArrays = !fields.some(({ name, required }) => required && name !== "length");

  function writeObject(value: unknown): string {
    const from = isPlain(value) && !(takesArrays && Array.isArray(value)) ? value : objectOf(value);
    let out = "";
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      const one = field.inherited ? ownValue(from, field.name) : from[field.name];
      if (one === undefined) {
        if (!field.required) continue;
        if (Array.isArray(from)) return objectOf(from) as never;
      }
      const lead = out.length === 0 ? field.opening : out + field.following;
      if (field.kind !== STRING) out = lead + (scalarText(field.kind, one) ?? nested(field, one));
      else if (typeof one === "string" && isUnescaped(one)) out = lead + one + '"';
      else out = lead + nested(field, one).slice(1);
    }
    return out.length === 0 ? "{}" : out + "}";
  }

  if (others === undefined) return writeObject;
  if (isRecord(form)) return recordWriter(compile(form.extra!).kind, others);
  return function writeOpen(value) {
    const from = isPlain(value) && !Array.isArray(value) ? value : objectOf(value);
    const head = writeObject(from);
    const rest = others(from);
    if (rest === "") return head;
    return head.length === 2 ? `{${rest.slice(1)}}` : `${head.slice(0, -1)}${rest}}`;
  };
}

/** Whether all there is are undeclared names, all with the same schema. */
function isRecord({ fields, patterns, extra, allows }: ObjectForm): boolean {
  return fields.length === 0 && patterns.length === 0 && extra !== undefined && allows === undefined;
}

/** Where all values are of a kind JSON.stringify knows, one native call beats joining texts: 30 ns an entry against 60. */
function recordWriter(kind: number, others: (from: Wire) => string): Write {
  return function writeRecord(value) {
    const from = isPlain(value) && !Array.isArray(value) ? value : objectOf(value);
    if (kind !== OTHER && isAllNative(kind, from)) return JSON.stringify(from);
    return `{${others(from).slice(1)}}`;
  };
}

function isAllNative(kind: number, from: Wire): boolean {
  for (const name in from) if (!isNative(kind, from[name])) return false;
  return true;
}

function isPlain(value: unknown): value is Wire {
  return typeof value === "object" && value !== null && (value as Wire)["toJSON"] === undefined;
}

function objectOf(value: unknown): Wire {
  const plain = jsonForm(value);
  if (typeof plain === "object" && plain !== null && !Array.isArray(plain)) return plain as Wire;
  throw new Misfit("should be an object", plain);
}

function nested({ name, write }: Field, value: unknown): string {
  try {
    return write(value);
  } catch (thrown) {
    throw within(`.${name}`, thrown);
  }
}

/** Compiles the writer of what an open schema allows beside its fields; each with a comma before it. */
function otherFields(form: ObjectForm, compile: Compile): ((from: Wire) => string) | undefined {
  if (form.extra === undefined && form.patterns.length === 0) return undefined;
  const declared = new Set(form.fields.map(({ name }) => name));
  const patterns = form.patterns.map(({ test, schema }) => ({ test, ...compile(schema) }));
  const extra = form.extra === undefined ? undefined : compile(form.extra);
  const { allows } = form;
  const writerOf = (name: string): Compiled | undefined => {
    if (declared.has(name)) return undefined;
    for (const pattern of patterns) if (pattern.test.test(name)) return pattern;
    return allows === undefined || allows(name) ? extra : undefined;
  };
  return function writeOthers(from) {
    let out = "";
    const names = Object.keys(from);
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      const by = writerOf(name);
      const one = by === undefined ? undefined : from[name];
      if (one !== undefined) out += `,${quote(name)}:${scalarText(by!.kind, one) ?? entry(by!.write, one)}`;
    }
    return out;
  };
}

// The name of an undeclared field is data, and data stays out of errors.
function entry(write: Write, value: unknown): string {
  try {
    return write(value);
  } catch (thrown) {
    throw within(".*", thrown);
  }
}
