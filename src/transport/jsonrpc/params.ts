/**
 * Requests as params and back (§4.2): params are an object or an array, a request may be any value.
 *
 * @module
 */
import type { Shape } from "../../contract/index.ts";
import { policyError } from "../../errors/index.ts";
import { schemaOf } from "../codec.ts";
import { formsOf } from "../json/form.ts";

/** What requests of one method look like. */
interface RequestForm {
  /** An array is the params themselves; any other value that is no object is their only one. */
  readonly kind: "object" | "array" | "other";
  /** The fields in their order: the names of params that come by position. */
  readonly names: readonly string[];
}

function formOf(shape: Shape, where: string): RequestForm {
  try {
    const schema = schemaOf(shape, where);
    const forms = formsOf(schema, { root: schema, where });
    const [first] = forms;
    if (forms.length === 1 && first!.kind === "array") return { kind: "array", names: [] };
    if (forms.some(({ kind }) => kind !== "object")) return { kind: "other", names: [] };
    const names = forms.length === 1 && first!.kind === "object" ? first!.fields.map(({ name }) => name) : [];
    return { kind: "object", names };
  } catch {
    // Without a schema nothing is known of its fields; params by name need none.
    return { kind: "object", names: [] };
  }
}

/**
 * Makes the function that turns params into the request of one method: params by position take the names of the
 * request's fields, in the order of its schema.
 */
export function requestReader(shape: Shape, where: string): (params: unknown) => unknown {
  let known: RequestForm | undefined;
  return function requestOf(params) {
    if (params !== undefined && !Array.isArray(params)) return params;
    const { kind, names } = (known ??= formOf(shape, where));
    if (params === undefined) return kind === "object" ? {} : kind === "array" ? [] : undefined;
    if (kind === "array") return params;
    if (kind === "other" && params.length === 1) return (params as readonly unknown[])[0];
    if (names.length === 0 && params.length > 0) throw unfit("params should be given by name");
    if (params.length > names.length) throw unfit(`there should be at most ${names.length} params`);
    return Object.fromEntries((params as readonly unknown[]).map((value, i) => [names[i]!, value]));
  };
}

function unfit(message: string): Error {
  return policyError("invalid_request", { message });
}

/** Makes the function that turns the text of a request of one method into the text of its params. */
export function paramsWriter(shape: Shape, where: string): (request: string) => string {
  const { kind } = formOf(shape, where);
  return function paramsOf(request) {
    return kind === "array" || request.startsWith("{") ? request : `[${request}]`;
  };
}
