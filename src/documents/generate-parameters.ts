/**
 * The parameters of an operation as fields of its request.
 *
 * @module
 */
import { own, ownList, ownText, type JsonObject, type Source } from "./generate-document.ts";
import { camel, Identifiers } from "./generate-names.ts";
import { DOC, type Schema, type SchemaReader } from "./generate-schema.ts";

/** One field of a request that travels outside the body. */
export interface FieldPart {
  readonly field: string;
  readonly place: "path" | "query" | "header";
  /** The parameter's name in the document. */
  readonly name: string;
  readonly required: boolean;
  readonly schema: Schema | boolean;
}

/** Where parameters are read from. */
export interface ParameterSource {
  readonly source: Source;
  readonly schemas: SchemaReader;
  readonly item: JsonObject;
  readonly operation: JsonObject;
  /** The names in the path's braces, in order. */
  readonly inPath: readonly string[];
  readonly where: string;
}

/** The fields, those of the path first; undefined, with a note, when one that is required cannot be carried. */
export function parametersOf(from: ParameterSource): readonly FieldPart[] | undefined {
  const given = parametersGiven(from);
  const parts: FieldPart[] = [];
  let isWhole = true;
  for (const parameter of given.values()) {
    const place = own(parameter, "in");
    const name = ownText(parameter, "name")!;
    if (place === "path" && !from.inPath.includes(name)) {
      from.source.notes.add(from.where, `the path has no parameter "${name}", though one is described`);
      continue;
    }
    const refusal = refusalOf(from.source, parameter, from.where);
    if (refusal === "ignore") continue;
    if (refusal === undefined && place === "header" && OWN_HEADERS.test(name)) {
      from.source.notes.add(
        from.where,
        `the header parameter "${name}" is no field: a client sends it with every call`,
      );
      continue;
    }
    if (refusal === undefined) parts.push(partOf(from, parameter));
    else {
      const isRequired = own(parameter, "required") === true || place === "path";
      const [before, after] = !isRequired
        ? ["", ""]
        : place === "cookie"
          ? ["", "; add it in a `before` hook of httpClient"]
          : ["left out: ", ""];
      const text = `the ${placeText(place)} parameter "${name}" is not carried: ${refusal}`;
      from.source.notes.add(from.where, `${before}${text}${after}`);
      isWhole &&= !isRequired || place === "cookie";
    }
  }
  for (const name of from.inPath) {
    if (given.has(`path ${name}`)) continue;
    from.source.notes.add(from.where, `the parameter "${name}" of the path is not described: it is taken as text`);
    parts.push({ field: "", place: "path", name, required: true, schema: { type: "string" } });
  }
  return isWhole ? named(parts, from.inPath) : undefined;
}

/** What the operation says of a parameter wins over what its path says. */
function parametersGiven({ source, item, operation, where }: ParameterSource): ReadonlyMap<string, JsonObject> {
  const given = new Map<string, JsonObject>();
  for (const one of [...ownList(item, "parameters"), ...ownList(operation, "parameters")]) {
    const parameter = source.follow(one, where);
    const name = own(parameter, "name");
    if (parameter === undefined || typeof name !== "string" || name === "")
      source.notes.add(where, "a parameter without a name is not carried");
    else given.set(`${placeText(own(parameter, "in"))} ${name}`, parameter);
  }
  return given;
}

/** What a client of this package writes itself: a field would be a second value of it. */
const OWN_HEADERS = /^(x-request-id|traceparent|tracestate|user-agent|host|content-length|connection)$/i;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function refusalOf(source: Source, parameter: JsonObject, where: string): string | undefined {
  const place = own(parameter, "in");
  const name = own(parameter, "name") as string;
  const style = own(parameter, "style");
  if (place === "cookie") return "cookies are no part of a request here";
  if (place !== "path" && place !== "query" && place !== "header") return "it stands nowhere that is known";
  // The others get names of their own.
  if (place === "query" && name in Object.prototype) return "every object has something of that name";
  // OpenAPI 3.1 §4.8.12.1: such definitions are to be ignored.
  if (place === "header" && /^(accept|content-type|authorization)$/i.test(name)) return "ignore";
  if (place === "header" && !TOKEN.test(name)) return "no header can have that name";
  if (place === "path" && (style === "matrix" || style === "label")) return `its style is ${style}`;
  if (style === "deepObject") return "its style is deepObject";
  const schema = source.follow(own(parameter, "schema"), where);
  return own(schema, "type") === "object" || own(schema, "properties") !== undefined
    ? "an object has no form as a parameter here"
    : undefined;
}

function partOf({ source, schemas, where }: ParameterSource, parameter: JsonObject): FieldPart {
  const place = own(parameter, "in") as FieldPart["place"];
  const name = own(parameter, "name") as string;
  const required = place === "path" || own(parameter, "required") === true;
  const joint = jointOf(source, parameter, where);
  if (joint !== undefined) source.notes.add(where, `the ${place} parameter "${name}" is one text: ${joint}`);
  if (place === "header" && /^if-(?:none-)?match$/i.test(name))
    source.notes.add(where, `the header parameter "${name}" takes a tag without its quotes`);
  const given = own(parameter, "schema");
  const read = joint !== undefined ? { type: "string" } : given === undefined ? {} : schemas.read(given, where);
  const doc = { text: ownText(parameter, "description"), deprecated: own(parameter, "deprecated") === true };
  const isSaid = doc.text !== undefined || doc.deprecated;
  const schema = isSaid && typeof read === "object" ? { ...read, [DOC]: doc } : read;
  return { field: "", place, name, required, schema };
}

/** How a list, or content of another type, is to be said as one text; undefined when it need not be. */
function jointOf(source: Source, parameter: JsonObject, where: string): string | undefined {
  if (own(parameter, "content") !== undefined) return "write its content as JSON, or whatever its type is";
  const schema = source.follow(own(parameter, "schema"), where);
  if (own(schema, "type") !== "array") return undefined;
  const style = own(parameter, "style");
  if (own(parameter, "in") !== "query") return 'a list joined by ","';
  if (style === "spaceDelimited") return 'a list joined by " "';
  if (style === "pipeDelimited") return 'a list joined by "|"';
  return own(parameter, "explode") === false ? 'a list joined by ","' : undefined;
}

/**
 * Gives fields their names. In the query a field has the parameter's own name, since that is what is sent; the others are
 * bound by place, and get a name that reads well.
 */
function named(parts: readonly FieldPart[], inPath: readonly string[]): readonly FieldPart[] {
  const query = parts.filter(({ place }) => place === "query");
  const names = new Identifiers(
    query.map(({ name }) => name),
    true,
  );
  const path = inPath.map((name) => parts.find((part) => part.place === "path" && part.name === name)!);
  const headers = parts.filter(({ place }) => place === "header");
  const renamed = (part: FieldPart): FieldPart => ({ ...part, field: names.take(camel(part.name) || part.place) });
  return [...path.map(renamed), ...query.map((part) => ({ ...part, field: part.name })), ...headers.map(renamed)];
}

/** Where a parameter says it stands; a document may say anything. */
function placeText(place: unknown): string {
  return typeof place === "string" ? place : "misplaced";
}
