/**
 * Writes JSON by a schema: what the schema declares and nothing else, so that no handler can let a field out by
 * accident. Compiled once per message into nested closures, without `eval`; for values without a schema there is
 * JSON.stringify.
 *
 * @module
 */
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Compile, Compiled, Write } from "./compiled.ts";
import { formsOf, type Form } from "./form.ts";
import { OTHER } from "./kinds.ts";
import { Misfit } from "./misfit.ts";
import { resolveRef, type JsonSchema, type JsonSchemaNode, type Scope } from "./schema.ts";
import { arrayWriter } from "./write-array.ts";
import { objectWriter } from "./write-object.ts";
import { scalarWriter, valuesWriter } from "./write-scalar.ts";
import { unionWriter } from "./write-union.ts";

/** How often a schema may come back to itself within one value. */
const MAX_RECURSION = 512;

/** Which of the toolkit's own errors a value that does not fit becomes. */
export type WriteReason = "invalid_response" | "invalid_request";

/**
 * Compiles a writer of JSON text from a JSON Schema (draft 2020-12) of a message's wire form.
 *
 * An object is closed when it declares `properties` and says nothing of others; `additionalProperties: true` or a schema
 * opens it. Fields keep the schema's order. An undefined optional field is left out. A value with `toJSON` is converted
 * first; a bigint that is a safe integer is a number; `default`, formats and ranges are the receiver's business. In a
 * union the first branch that fits is taken, told apart by three levels of properties.
 *
 * @param where the message, for errors, as in "add.sum response".
 * @throws {TypeError} at once, when the schema has a keyword that changes what may be written and is not supported.
 * @throws {ServiceError} from the writer, with `reason`, when a value does not fit; the cause names the place, the rule
 * and the type received, and never the value.
 */
export function jsonWriter(schema: JsonSchema, where: string, reason: WriteReason = "invalid_response"): Write {
  const root = compiler({ root: schema, where })(schema).write;
  return function write(value) {
    try {
      return root(value);
    } catch (thrown) {
      throw unfit(thrown, where, reason);
    }
  };
}

/**
 * Compiles a projection: from a value to a copy of it in its wire form, with declared fields only. It writes and reads
 * JSON, so it is as strict as `jsonWriter` and costs more; for where no bytes are needed, as between rooms of a process.
 *
 * @throws {TypeError} at once, and {ServiceError} later, as `jsonWriter`.
 */
export function jsonProjector(schema: JsonSchema, where: string, reason?: WriteReason): (value: unknown) => unknown {
  const write = jsonWriter(schema, where, reason);
  return function project(value) {
    return JSON.parse(write(value)) as unknown;
  };
}

/**
 * Compiles a writer of a part of a message, for wires that carry parts of it as JSON. A value that does not fit throws a
 * Misfit: see `unfit`.
 *
 * @throws {TypeError} at once, as `jsonWriter`.
 */
export function partWriter(schema: JsonSchema, scope: Scope): Write {
  return compiler(scope)(schema).write;
}

/** The error for a value that could not be written: the place is in the cause, and no value is. */
export function unfit(thrown: unknown, where: string, reason: WriteReason): ServiceError {
  if (!(thrown instanceof Misfit)) {
    return policyError(reason, { cause: new TypeError(`${where} could not be written`, { cause: thrown }) });
  }
  thrown.message = `${where}${thrown.place} ${thrown.rule}`;
  return policyError(reason, { cause: thrown });
}

function compiler(scope: Scope): Compile {
  const known = new Map<JsonSchema, Compiled>();
  let depth = 0;

  function compile(schema: JsonSchema): Compiled {
    const target = followed(schema, scope);
    const before = known.get(target);
    if (before !== undefined) return before;
    // Whoever meets this schema inside itself calls through `again`, which counts: a cycle in a value must end.
    known.set(target, { kind: OTHER, write: again });
    const made = compileForms(formsOf(target, scope));
    known.set(target, made);
    return made;

    function again(value: unknown): string {
      if (depth === MAX_RECURSION) throw new Misfit(`should not nest deeper than ${MAX_RECURSION}`, value);
      depth++;
      try {
        return made.write(value);
      } finally {
        depth--;
      }
    }
  }

  function compileForms(forms: readonly Form[]): Compiled {
    const [first] = forms;
    if (first === undefined) return { kind: OTHER, write: writeNothing };
    if (forms.length === 1) return compileForm(first);
    return {
      kind: OTHER,
      write: unionWriter(
        forms.map((form) => ({ form, write: compileForm(form).write })),
        scope,
      ),
    };
  }

  function compileForm(form: Form): Compiled {
    if (form.kind === "object") return { kind: OTHER, write: objectWriter(form, compile) };
    if (form.kind === "array") return { kind: OTHER, write: arrayWriter(form, compile) };
    if (form.kind === "values") return { kind: OTHER, write: valuesWriter(form) };
    return scalarWriter(form);
  }
  return compile;
}

function writeNothing(value: unknown): string {
  throw new Misfit("should be absent", value);
}

/** What a schema that is only a reference refers to, so that one definition is compiled once. */
function followed(schema: JsonSchema, scope: Scope): JsonSchema {
  let at = schema;
  for (let i = 0; isOnlyReference(at) && i < MAX_RECURSION; i++) at = resolveRef(at["$ref"], scope);
  return at;
}

const BESIDE_REFERENCE = [
  "$ref",
  "$schema",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
];

function isOnlyReference(schema: JsonSchema): schema is JsonSchemaNode {
  if (typeof schema === "boolean" || schema["$ref"] === undefined) return false;
  return Object.keys(schema).every((keyword) => BESIDE_REFERENCE.includes(keyword));
}
