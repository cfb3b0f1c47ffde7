/**
 * A contract from somebody else's OpenAPI document, as the text of one TypeScript file. Not for documents that this
 * package wrote of your own services: there the contract is at hand.
 *
 * @module
 */
import { checkNames, checkString } from "../internal/check.ts";
import { own, ownList, ownObject, ownText, Source, type GenerateNote, type JsonObject } from "./generate-document.ts";
import { ErrorReader } from "./generate-errors.ts";
import { fileOf, IMPORTED_TYPES, IMPORTED_VALUES, typeName } from "./generate-file.ts";
import { camel, Identifiers } from "./generate-names.ts";
import { commonPrefix, methodsOf, operationIds } from "./generate-operation.ts";
import { SchemaReader } from "./generate-schema.ts";

/** What a generated contract is told. */
export interface GenerateOptions {
  /**
   * The service's name: letters, digits and `_`, parts joined by dots. Default: what stands before every operation id, as
   * in `pets.get`, else the document's title.
   */
  readonly name?: string | undefined;
  /** Where the document is from, for the first line of the file: a file's name or a URL. Default: its title alone. */
  readonly from?: string | undefined;
}

/** A generated contract. */
export interface GeneratedContract {
  /** The TypeScript file. The same document gives the same text. */
  readonly text: string;
  /** The service's name. */
  readonly name: string;
  /** How many methods it has. */
  readonly methods: number;
  /** What is not carried as the document has it; each is a comment at its place too. */
  readonly notes: readonly GenerateNote[];
}

const NAME = {
  pattern: /^[A-Za-z][A-Za-z0-9_]{0,63}(\.[A-Za-z][A-Za-z0-9_]{0,63}){0,7}$/,
  says: "letters, digits and _, parts joined by dots",
};

/**
 * Writes the contract of an OpenAPI document, version 3.0 or 3.1, given as the object that its JSON is: an interface for
 * each schema and each method, the service, its declared errors, and its routes. What a contract cannot carry is noted,
 * never dropped in silence; an operation that would not work without it is left out.
 *
 * The document is not trusted: no name or description of it can become code.
 *
 * @throws {TypeError | RangeError} when it is no such document, or an option is wrong.
 *
 * @example
 * ```ts
 * import { contractFrom } from "servicekit/documents";
 *
 * const paths = { "/pets/{id}": { get: { operationId: "getPet", responses: { 204: { description: "Seen." } } } } };
 * const { text, methods } = contractFrom({ openapi: "3.1.0", info: { title: "Pets", version: "1" }, paths });
 * methods; // => 1
 * text.includes('getPet: { path: "GET /pets/{id}", status: 204 }'); // => true
 * ```
 */
export function contractFrom(document: unknown, options: GenerateOptions = {}): GeneratedContract {
  checkNames("contractFrom", options, ["name", "from"]);
  const source = new Source(document);
  const name = nameOf(source, options);
  const values = new Identifiers(IMPORTED_VALUES);
  const types = new Identifiers(IMPORTED_TYPES);
  const constant = values.take(camel(name));
  values.take(`${constant}Routes`);
  types.take(typeName(constant));
  const schemas = new SchemaReader(source, types);
  const errors = new ErrorReader(values, types);
  const methods = methodsOf({ source, schemas, errors });
  noteDocument(source);
  const definitions = schemas.definitions();
  const text = fileOf({
    name,
    constant,
    title: titleOf(source.root, options.from),
    servers: serversOf(source.root),
    definitions,
    methods,
    errors: errors.all(),
    notes: source.notes,
    types,
  });
  return { text, name, methods: methods.length, notes: source.notes.all() };
}

function nameOf(source: Source, options: GenerateOptions): string {
  if (options.name !== undefined) return checkString("name", options.name, NAME);
  const prefix = commonPrefix(operationIds(source)).slice(0, -1);
  if (NAME.pattern.test(prefix)) return prefix;
  return camel(ownText(ownObject(source.root, "info"), "title") ?? "") || "service";
}

function titleOf(root: JsonObject, from: string | undefined): string {
  const info = ownObject(root, "info");
  const title = [ownText(info, "title"), ownText(info, "version")].filter((one) => one !== undefined).join(" ");
  return [
    title.replaceAll(/\s+/g, " ").slice(0, 200) || "a document without a title",
    from === undefined ? "" : `(${from})`,
  ]
    .filter((one) => one !== "")
    .join(" ");
}

function serversOf(root: JsonObject): readonly string[] {
  return ownList(root, "servers").flatMap((one) => ownText(one, "url") ?? []);
}

function noteDocument({ root, notes }: Source): void {
  const schemes = Object.keys(ownObject(ownObject(root, "components"), "securitySchemes"));
  if (schemes.length > 0)
    notes.add(
      "#",
      `security is not carried (${schemes.join(", ")}): give credentials by a gate, or by httpClient's headers`,
    );
  const webhooks = Object.keys(ownObject(root, "webhooks"));
  if (webhooks.length > 0) notes.add("#", `webhooks are not carried: ${webhooks.join(", ")}`);
  if (own(root, "jsonSchemaDialect") !== undefined)
    notes.add("#", "schemas are read as JSON Schema 2020-12, whatever the dialect");
}
