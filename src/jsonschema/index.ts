/**
 * A JSON Schema as a schema of the contract: for contracts that a tool wrote from somebody's document, and for schemas that
 * are data. Where you write the contract by hand, a schema library gives you its types and better messages.
 *
 * @module
 */
export { fromJsonSchema, noContent } from "./schema.ts";
