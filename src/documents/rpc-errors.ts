/**
 * How the JSON-RPC server answers errors, as OpenRPC describes it: one error object for each number, since numbers must be
 * unique (OpenRPC 1.3, Method Object), with the declared errors told apart in the schema of its data.
 *
 * @module
 */
import { bareError, codes, policyError, reasons, type Reason } from "../errors/index.ts";
import type { JsonSchemaObject } from "../contract/index.ts";
import { rpcCodeOf } from "../transport/jsonrpc/code.ts";
import type { DescribedError, DescribedMethod } from "./described.ts";
import { pascal } from "./names.ts";
import type { OpenRpcError, OpenRpcMethod } from "./open-rpc-types.ts";
import type { Schemas } from "./schemas.ts";
import { signatureOf } from "./signature.ts";

/** What any call may be answered. What is no request at all (-32700, -32600) is no method's. */
const ALWAYS: readonly Reason[] = [
  "invalid_request",
  "internal",
  "invalid_response",
  "rate_limited",
  "breaker_open",
  "draining",
  "deadline_exceeded",
];

const DATA: JsonSchemaObject = {
  type: "object",
  description: "What a program needs to know of an error.",
  properties: {
    code: { type: "string", enum: codes, description: "What kind of failure it is." },
    reason: { type: "string", description: "What happened, exactly: a stable word to switch over." },
    details: { description: "What a program needs to know of it." },
    retryAfterMs: { type: "number", description: "When to try again, in milliseconds from now; below 0: not at all." },
  },
  required: ["code", "reason"],
};

/** The errors that are the same for every method, as components. */
export function sharedRpcErrors(schemas: Schemas): Readonly<Record<string, OpenRpcError>> {
  const numbers = [...byNumber()].sort(([a], [b]) => b - a);
  return Object.fromEntries(
    numbers.map(([number, said]) => [nameOf(number), errorOf(number, said.map(lineOf), dataSchema(schemas))]),
  );
}

/** The errors of one method. */
export function rpcErrors({ errors }: DescribedMethod, schemas: Schemas): OpenRpcMethod["errors"] {
  const policies = byNumber();
  const declared = new Map<number, DescribedError[]>();
  for (const error of errors) declared.set(numberOf(error), [...(declared.get(numberOf(error)) ?? []), error]);
  return [...new Set([...declared.keys(), ...policies.keys()])]
    .sort((a, b) => b - a)
    .map((number) => {
      const own = declared.get(number);
      if (own === undefined) return { $ref: `#/components/errors/${nameOf(number)}` };
      const said = policies.get(number) ?? [];
      const forms = [
        ...own.map((one) => declaredSchema(one, schemas)),
        ...(said.length > 0 ? [dataSchema(schemas)] : []),
      ];
      const lines = [...own.map(({ message }) => message), ...said.map(lineOf)];
      return errorOf(number, lines, forms.length === 1 ? forms[0] : { anyOf: forms });
    });
}

function declaredSchema(error: DescribedError, schemas: Schemas): JsonSchemaObject {
  const { reason, code, message, details } = error;
  const name = pascal(reason);
  const key = JSON.stringify([reason, code, details && signatureOf(details.schema, details.origin)]);
  return schemas.component(name.endsWith("Error") ? name : `${name}Error`, key, () => ({
    type: "object",
    description: message,
    properties: {
      code: { const: code },
      reason: { const: reason },
      ...(details && { details: schemas.use(details.schema, details.origin) }),
      retryAfterMs: { type: "number" },
    },
    required: ["code", "reason", ...(details ? ["details"] : [])],
  }));
}

function dataSchema(schemas: Schemas): JsonSchemaObject {
  return schemas.component("ErrorData", "", () => DATA);
}

function byNumber(): ReadonlyMap<number, readonly Reason[]> {
  const found = new Map<number, Reason[]>();
  for (const reason of ALWAYS) {
    const number = rpcCodeOf(policyError(reason));
    found.set(number, [...(found.get(number) ?? []), reason]);
  }
  return found;
}

function numberOf({ code, reason }: DescribedError): number {
  return rpcCodeOf(bareError("", { code, reason, origin: "declared" }));
}

function errorOf(code: number, lines: readonly string[], data: unknown): OpenRpcError {
  return { code, message: lines.join(", or "), data };
}

function nameOf(number: number): string {
  return `Error${-number}`;
}

function lineOf(reason: Reason): string {
  return reasons[reason].message;
}
