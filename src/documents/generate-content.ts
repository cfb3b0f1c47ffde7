/**
 * Bodies: which content of a request or an answer is carried, and what becomes of the rest.
 *
 * @module
 */
import { own, ownObject, type JsonObject } from "./generate-document.ts";
import type { ParameterSource } from "./generate-parameters.ts";
import type { Schema } from "./generate-schema.ts";

/** The body of a request. */
export interface BodyPart {
  readonly schema: Schema | boolean;
  readonly required: boolean;
  /** Whether it is a form, not JSON. */
  readonly form: boolean;
}

/** What an answer holds. */
export interface AnswerPart {
  readonly status: number;
  /** Undefined when answers have no content. */
  readonly schema: Schema | boolean | undefined;
  /** Whether it is plain text, not JSON. */
  readonly isText: boolean;
}

/** The body; undefined when there is none, null, with a note, when it cannot be carried. */
export function bodyOf({ source, schemas, operation, where }: ParameterSource): BodyPart | undefined | null {
  if (own(operation, "requestBody") === undefined) return undefined;
  const body = source.follow(own(operation, "requestBody"), where);
  const content = ownObject(body, "content");
  const types = Object.keys(content);
  if (body === undefined || types.length === 0) return undefined;
  const type = types.find(isJson) ?? types.find(isForm);
  if (type === undefined) {
    source.notes.add(where, `left out: its body is ${types.join(", ")}, and only JSON and plain forms are carried`);
    return null;
  }
  const schema = schemaIn(content, type, (given) => schemas.read(given, where));
  const form = isForm(type);
  if (form && !schemas.isFlat(schema)) {
    source.notes.add(where, "left out: its body is a form whose fields are not all texts, numbers and lists of them");
    return null;
  }
  const others = types.filter((one) => one !== type && !isJson(one));
  if (others.length > 0) source.notes.add(where, `bodies are sent as ${type}, not as ${others.join(", ")}`);
  return { schema, required: own(body, "required") === true, form };
}

/** The answer of a success; undefined, with a note, when it cannot be carried. */
export function answerOf({ source, schemas, operation, where }: ParameterSource): AnswerPart | undefined {
  const responses = ownObject(operation, "responses");
  const successes = Object.keys(responses).filter((status) => /^2(\d\d|XX)$/.test(status));
  const statuses = successes.length > 0 ? successes.sort() : Object.hasOwn(responses, "default") ? ["default"] : [];
  if (statuses.length === 0)
    source.notes.add(where, "no answer of a success is described: what comes is not looked at");
  const found: { schema: Schema | boolean; id: string }[] = [];
  let isEmpty = statuses.length === 0;
  let areTexts = false;
  for (const status of statuses) {
    const response = source.follow(responses[status], where);
    const content = ownObject(response, "content");
    const types = Object.keys(content);
    const headers = Object.keys(ownObject(response, "headers"));
    if (headers.length > 0) source.notes.add(where, `headers of answers are not carried: ${headers.join(", ")}`);
    if (types.length === 0) {
      isEmpty = true;
      continue;
    }
    const type = types.find(isJson) ?? types.find(isText);
    if (type === undefined || (found.length > 0 && isText(type) !== areTexts)) {
      source.notes.add(where, `left out: its answer is ${types.join(", ")}, and only JSON or plain text is carried`);
      return undefined;
    }
    areTexts = isText(type);
    const others = types.filter((one) => one !== type && !isJson(one));
    if (others.length > 0) source.notes.add(where, `answers are read as ${type}, not as ${others.join(", ")}`);
    const schema = areTexts ? { type: "string" } : schemaIn(content, type, (given) => schemas.read(given, where));
    found.push({ schema, id: JSON.stringify(schema) });
  }
  const distinct = [...new Map(found.map((one) => [one.id, one.schema])).values()];
  if (distinct.length > 0 && isEmpty) distinct.push({ type: "null" });
  const status = /^2\d\d$/.test(statuses[0] ?? "") ? Number(statuses[0]) : 200;
  if (statuses.length > 1)
    source.notes.add(where, `which of the statuses ${statuses.join(", ")} came is not told apart`);
  return { status, schema: distinct.length > 1 ? { anyOf: distinct } : distinct[0], isText: areTexts };
}

/** Whether a media type, with or without parameters, is JSON or takes it. */
export function isJson(type: string): boolean {
  const name = nameOf(type);
  return name === "application/json" || name.endsWith("+json") || name === "*/*" || name === "application/*";
}

function isForm(type: string): boolean {
  return nameOf(type) === "application/x-www-form-urlencoded";
}

function isText(type: string): boolean {
  return nameOf(type) === "text/plain";
}

function nameOf(type: string): string {
  return type.split(";")[0]!.trim().toLowerCase();
}

function schemaIn(content: JsonObject, type: string, read: (given: unknown) => Schema | boolean): Schema | boolean {
  const given = own(own(content, type), "schema");
  return given === undefined ? {} : read(given);
}
