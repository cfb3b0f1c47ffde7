/**
 * The file that is generated: types first, then the schemas, the errors, the service and its routes.
 *
 * @module
 */
import type { GenerateNote, Notes } from "./generate-document.ts";
import type { ErrorPart } from "./generate-errors.ts";
import type { MethodPart } from "./generate-operation.ts";
import type { Definition } from "./generate-schema.ts";
import { declaration, schemaCode, writtenMethod, type WrittenMethod } from "./generate-message.ts";
import { pascal, type Identifiers } from "./generate-names.ts";
import { Code, docComment, lineComment, literal, memberKey, quoted } from "./generate-text.ts";
import { codecNames, routeEntry } from "./generate-route.ts";

/** What a file is written from. */
export interface FileParts {
  readonly name: string;
  /** The name of the constant that is the service. */
  readonly constant: string;
  readonly title: string;
  readonly servers: readonly string[];
  readonly definitions: readonly Definition[];
  readonly methods: readonly MethodPart[];
  readonly errors: readonly ErrorPart[];
  readonly notes: Notes;
  readonly types: Identifiers;
}

/** Names that the file imports; whatever is generated gets another. */
export const IMPORTED_TYPES: readonly string[] = [
  "ErrorType",
  "JsonSchemaObject",
  "Method",
  "Routes",
  "Service",
  "ServiceError",
  "Types",
];

/** Values that the file imports or makes itself. */
export const IMPORTED_VALUES: readonly string[] = [
  "$defs",
  "error",
  "form",
  "fromJsonSchema",
  "json",
  "method",
  "noContent",
  "routes",
  "service",
  "text",
];

/** The text of the file. */
export function fileOf(parts: FileParts): string {
  const { definitions, methods, errors, notes } = parts;
  const written = methods.map((method) => writtenMethod(method, parts.types));
  const body = [
    ...definitions.map(({ name, schema, where }) => declaration(name, schema, notes.of(where))),
    ...errors.flatMap(({ details }) => (details === undefined ? [] : [declaration(details.type, details.schema, [])])),
    ...written.flatMap(({ declarations }) => declarations),
    ...written.map(typesOf),
    definitionsOf(reachable(parts)),
    ...errors.map(errorOf),
    methodsType(parts, written),
    serviceOf(parts, written),
    leftOut(parts),
    routesOf(parts),
  ].filter((one) => one !== "");
  const code = body.join("\n");
  return `${header(parts)}${imports(parts)}\n${code}`;
}

function header({ title, servers, notes }: FileParts): string {
  const lines = [lineComment(`Generated from ${title}. Do not edit: generate it again.`, "")];
  if (servers.length > 0) lines.push("//\n", lineComment(`Served at ${servers.join(", ")}`, ""));
  const own = notes.of("#");
  if (own.length > 0) lines.push("//\n", ...own.map((says) => lineComment(`Note: ${says}.`, "")));
  return lines.join("");
}

const MODULES: readonly (readonly [from: string, names: readonly string[]])[] = [
  ["servicekit", ["error", "method", "service", "ErrorType", "Method", "Service", "ServiceError", "Types"]],
  ["servicekit/contract", ["JsonSchemaObject"]],
  ["servicekit/jsonschema", ["fromJsonSchema", "noContent"]],
  ["servicekit/transport", ["json"]],
  ["servicekit/transport/http", ["form", "routes", "text", "Routes"]],
];

function imports(parts: FileParts): string {
  const used = usedBy(parts);
  return MODULES.map(([from, all]) => {
    const names = all.filter((name) => used.has(name));
    if (names.length === 0) return "";
    if (names.every((name) => IMPORTED_TYPES.includes(name)))
      return `import type { ${names.join(", ")} } from "${from}";\n`;
    return `import { ${names.map((name) => (IMPORTED_TYPES.includes(name) ? `type ${name}` : name)).join(", ")} } from "${from}";\n`;
  }).join("");
}

function usedBy(parts: FileParts): ReadonlySet<string> {
  const { methods, errors } = parts;
  const used = ["service", "Service", "routes", "Routes"];
  if (methods.length > 0) used.push("method", "Method", "Types", "fromJsonSchema");
  if (methods.some(({ answer }) => answer.schema === undefined)) used.push("noContent");
  if (errors.length > 0) used.push("error", "ErrorType", "ServiceError");
  if (reachable(parts).length > 0) used.push("JsonSchemaObject");
  return new Set([...used, ...methods.flatMap(codecNames)]);
}

function typesOf({ types, request, response, method }: WrittenMethod): string {
  const fails = method.errors.map(
    ({ reason, details }) => `ServiceError<${quoted(reason)}, ${details?.type ?? "undefined"}>`,
  );
  const fail = fails.length === 0 ? "never" : fails.join(" | ");
  return (
    `export interface ${types} extends Types {\n` +
    `  reqIn: ${request.type};\n  reqOut: ${request.type};\n  resIn: ${response.type};\n  resOut: ${response.type};\n` +
    `  failIn: ${fail};\n  failOut: ${fail};\n  kind: "unary";\n}\n`
  );
}

/** The definitions that messages and details are made of; the others are types only. */
function reachable({ definitions, methods, errors }: FileParts): readonly Definition[] {
  const byRef = new Map(definitions.map((one) => [`#/$defs/${one.name}`, one]));
  const found = new Set<Definition>();
  const rest: unknown[] = [
    ...methods.flatMap(({ request, answer }) => [request, answer.schema]),
    ...errors.map(({ details }) => details?.schema),
  ];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value !== "object" || value === null) continue;
    for (const one of Object.values(value)) rest.push(one);
    const target = byRef.get((value as { readonly $ref?: unknown }).$ref as string);
    if (target === undefined || found.has(target)) continue;
    found.add(target);
    rest.push(target.schema);
  }
  return definitions.filter((one) => found.has(one));
}

function definitionsOf(definitions: readonly Definition[]): string {
  if (definitions.length === 0) return "";
  const entries = definitions.map(({ name, schema }) => {
    return `  ${name}: ${literal(schema === true ? {} : schema === false ? { not: {} } : schema, "  ", name.length + 3)},\n`;
  });
  return `const $defs: { readonly [name: string]: JsonSchemaObject } = {\n${entries.join("")}};\n`;
}

function errorOf({ name, reason, code, message, details }: ErrorPart): string {
  const type = details?.type ?? "undefined";
  const options = {
    code,
    ...(message === undefined ? undefined : { message: message.slice(0, 200) }),
    ...(details === undefined ? undefined : { details: new Code(schemaCode(details.schema, details.type, "  ")) }),
  };
  return (
    `export const ${name}: ErrorType<${quoted(reason)}, ${type}, ${type}> = ` +
    `error(${quoted(reason)}, ${literal(options, "", reason.length * 2 + name.length + type.length * 2 + 44)});\n`
  );
}

function methodsType({ constant, notes }: FileParts, written: readonly WrittenMethod[]): string {
  const members = written.map(({ method, types }) => {
    const said = notes.of(method.where).map((says) => `Note: ${says}.`);
    const doc = docComment([...method.description, `\`${method.where}\``, ...said], "  ", method.isDeprecated);
    return `${doc}  readonly ${memberKey(method.name)}: Method<${types}>;\n`;
  });
  return `export type ${typeName(constant)} = {${members.length === 0 ? "" : `\n${members.join("")}`}};\n`;
}

/** The name of the type of a service's methods. */
export function typeName(constant: string): string {
  return `${pascal(constant)}Methods`;
}

function serviceOf({ name, constant }: FileParts, written: readonly WrittenMethod[]): string {
  const entries = written.map(({ method, request, response }) => {
    const lines = [`    request: ${request.code},\n`, `    response: ${response.code},\n`];
    if (method.errors.length > 0) lines.push(`    errors: [${method.errors.map((one) => one.name).join(", ")}],\n`);
    if (["GET", "PUT", "DELETE"].includes(method.verb)) lines.push("    idempotent: true,\n");
    return `  ${memberKey(method.name)}: method({\n${lines.join("")}  }),\n`;
  });
  const methods = entries.length === 0 ? "{}" : `{\n${entries.join("")}}`;
  return `export const ${constant}: Service<${typeName(constant)}> = service(${quoted(name)}, ${methods});\n`;
}

/** What has a note and no place in the file. */
function leftOut({ methods, definitions, notes }: FileParts): string {
  const places = new Set(["#", ...methods.map(({ where }) => where), ...definitions.map(({ where }) => where)]);
  const others: readonly GenerateNote[] = notes.all().filter(({ where }) => !places.has(where));
  return others.map(({ where, says }) => lineComment(`${where}: ${says}.`, "")).join("");
}

function routesOf({ constant, methods }: FileParts): string {
  const entries = methods.map(routeEntry);
  const table = entries.length === 0 ? "{}" : `{\n${entries.join("")}}`;
  return `export const ${constant}Routes: Routes = routes(${constant}, ${table});\n`;
}
