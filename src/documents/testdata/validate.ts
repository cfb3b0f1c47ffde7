/**
 * Documents before judges that are not ours: the specifications' own schemas.
 *
 * @module
 */
import { createRequire } from "node:module";
import metaSchema from "@open-rpc/meta-schema";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv, type ValidateFunction } from "ajv";
// oxlint-disable-next-line no-restricted-imports -- the path is that of the package, not of a build of ours
import { Ajv2020 } from "ajv/dist/2020.js";

const openApiValidator = new Validator();

/** What is wrong with an OpenAPI document; nothing when it is valid. */
export async function openApiProblems(document: unknown): Promise<unknown> {
  const plain = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
  const { valid, errors } = await openApiValidator.validate(plain);
  return valid ? [...dangling(plain), ...wrongSchemas(plain)] : errors;
}

const DOCUMENT = "https://document.test/";

const draft7 = createRequire(import.meta.url)("ajv/dist/refs/json-schema-draft-07.json") as Record<string, unknown>;
let openRpcValidator: ValidateFunction | undefined;

/** What is wrong with an OpenRPC document; nothing when it is valid. */
export function openRpcProblems(document: unknown): unknown {
  const plain = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
  const validate = (openRpcValidator ??= compileOpenRpc());
  return validate(plain) ? dangling(plain) : validate.errors;
}

function compileOpenRpc(): ValidateFunction {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  // What the meta schema refers to, with a slash at its end and without, is draft 7 with names of its own.
  const { $schema: _draft, ...draft } = draft7;
  const definitions = {
    ...(draft["definitions"] as object),
    JSONSchemaObject: { properties: { $ref: { type: "string" } } },
  };
  ajv.addSchema({ ...draft, definitions, $id: "https://draft7.test/schema" });
  const text = JSON.stringify(metaSchema).replaceAll(
    /https:\/\/meta\.json-schema\.tools\/?/g,
    "https://draft7.test/schema",
  );
  const { $schema: _tools, ...schema } = JSON.parse(text) as Record<string, unknown>;
  return ajv.compile(schema);
}

/** Every reference that leads to nothing. */
export function dangling(document: unknown): readonly string[] {
  return references(document).filter((ref) => lookUp(document, ref) === undefined);
}

/** Every reference of a document. */
export function references(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(references);
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "$ref" && typeof value === "string" ? [value] : references(value),
  );
}

/** What a reference leads to. */
export function lookUp(document: unknown, ref: string): unknown {
  if (!ref.startsWith("#/")) return undefined;
  return ref
    .slice(2)
    .split("/")
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[decodeURIComponent(step)], document);
}

/** A validator of one component schema of a document. */
export function validatorOf(document: unknown, schema: unknown): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, formats: { "date-time": true, email: true, uuid: true } });
  ajv.addSchema({ $id: DOCUMENT, ...(document as object) }, DOCUMENT);
  return ajv.compile(rebased(schema) as object);
}

function rebased(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(rebased);
  if (typeof node !== "object" || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => [
    key,
    key === "$ref" && typeof value === "string" ? `${DOCUMENT}${value}` : rebased(value),
  ]);
  return Object.fromEntries(entries);
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });

// The schema of OpenAPI leaves the schemas in it to JSON Schema.
function wrongSchemas(document: Record<string, unknown>): readonly unknown[] {
  const { schemas } = document["components"] as { readonly schemas: Readonly<Record<string, object>> };
  return Object.entries(schemas)
    .filter(([, schema]) => ajv.validateSchema(schema) !== true)
    .map(([name]) => `${name} is no JSON Schema: ${ajv.errorsText()}`);
}
