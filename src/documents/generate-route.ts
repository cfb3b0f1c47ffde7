/**
 * The entry of one method in the table of routes.
 *
 * @module
 */
import type { MethodPart } from "./generate-operation.ts";
import { Code, literal, memberKey, quoted } from "./generate-text.ts";

/** The names of the codecs that write its requests and read its answers, where they are not the transport's own. */
export function codecNames({ form, answer }: MethodPart): readonly string[] {
  const isPlain = !form && !answer.isText;
  return isPlain ? [] : [form ? "form" : "json", answer.isText ? "text" : "json"];
}

/** The line, or lines, of a method. */
export function routeEntry(method: MethodPart): string {
  const { name, verb, path, fields, body, answer } = method;
  const codec = codecNames(method);
  const query = fields.filter(({ place }) => place === "query").map(({ field }) => field);
  const header = fields.filter(({ place }) => place === "header");
  const hasBody = verb !== "GET" && verb !== "DELETE";
  const full = {
    path: `${verb} ${path}`,
    ...(query.length === 0 ? undefined : { query }),
    ...(header.length === 0 ? undefined : { header: Object.fromEntries(header.map((one) => [one.field, one.name])) }),
    ...(body === undefined || (body === "*" && hasBody) ? undefined : { body }),
    ...(answer.status === 200 ? undefined : { status: answer.status }),
    ...(codec.length === 0 ? undefined : { codec: new Code(`{ ...${codec[0]}, answers: ${codec[1]} }`) }),
  };
  const key = memberKey(name);
  const text = Object.keys(full).length === 1 ? quoted(full.path) : literal(full, "  ", key.length + 3);
  return `  ${key}: ${text},\n`;
}
