/**
 * How the HTTP server answers errors, as schemas: problem details (RFC 9457) with the declared errors told apart, and what
 * gates, limits and the transport itself may say of any method.
 *
 * @module
 */
import { bareError, codes, policyError, reasons, type Reason } from "../errors/index.ts";
import type { JsonSchemaObject } from "../contract/index.ts";
import type { Route } from "../transport/http/routes.ts";
import { statusOf } from "../transport/http/status.ts";
import { isConditional } from "./answers.ts";
import type { DescribedError, DescribedMethod } from "./described.ts";
import { pascal } from "./names.ts";
import type { OpenApiDocument, OpenApiReference, OpenApiResponse } from "./open-api-types.ts";
import type { Schemas } from "./schemas.ts";
import { signatureOf } from "./signature.ts";

const MEDIA_TYPE = "application/problem+json";

/** What any call may be answered. A canceled one has nobody left who reads it. */
const ALWAYS: readonly Reason[] = [
  "invalid_request",
  "malformed_message",
  "not_acceptable",
  "too_many_headers",
  "rate_limited",
  "internal",
  "invalid_response",
  "breaker_open",
  "draining",
  "not_ready",
  "deadline_exceeded",
];

/** What is only said of a body. */
const WITH_BODY: readonly Reason[] = ["request_timeout", "too_large", "unsupported_media_type"];

/** What is said of conditions, by routes that know versions. */
const CONDITIONS: readonly Reason[] = ["precondition_failed", "precondition_required"];

const PROBLEM: JsonSchemaObject = {
  type: "object",
  description: "Problem details (RFC 9457). `type` is left out, which means about:blank.",
  properties: {
    title: { type: "string", description: "The phrase of the status." },
    status: { type: "integer", description: "The HTTP status." },
    detail: { type: "string", description: "What happened, for people." },
    code: { type: "string", enum: codes, description: "What kind of failure it is." },
    reason: { type: "string", description: "What happened, exactly: a stable word to switch over." },
    details: { description: "What a program needs to know of it." },
  },
  required: ["title", "status", "detail", "code", "reason"],
};

/** The headers that error answers have, as components. */
export const HEADERS: Readonly<Record<string, unknown>> = {
  RequestId: { description: "The id under which the server logged the call.", schema: { type: "string" } },
  RetryAfter: {
    description: "When to try again, in seconds, where the server can tell.",
    schema: { type: "integer", minimum: 1 },
  },
};

function problemSchema(schemas: Schemas): JsonSchemaObject {
  return schemas.component("Problem", "", () => PROBLEM);
}

/** The answers that several methods share, as components: by status, and for what gates may say. */
export function sharedResponses(
  paths: OpenApiDocument["paths"],
  schemas: Schemas,
): Readonly<Record<string, OpenApiResponse>> {
  const problem = problemSchema(schemas);
  const operations = Object.values(paths).flatMap((verbs) => Object.values(verbs));
  const used = new Set(
    operations.flatMap(({ responses }) => Object.values(responses)).map((one) => "$ref" in one && one.$ref),
  );
  const statuses = [...byStatus([...ALWAYS, ...WITH_BODY, ...CONDITIONS])].sort(([a], [b]) => a - b);
  const responses = statuses
    .filter(([status]) => used.has(refOf(status)))
    .map(([status, said]) => {
      const { headers, content, description } = responseOf(status, said.map(lineOf), problem);
      const example = exampleOf(status, said[0]!);
      return [
        `Problem${status}`,
        { description, headers, content: { [MEDIA_TYPE]: { ...content![MEDIA_TYPE], example } } },
      ];
    });
  const other =
    "What nobody foresaw here: a gate's refusal, such as of a caller it does not know, or an undeclared error.";
  return Object.fromEntries([...responses, ["ProblemOther", responseOf(0, [other], problem)]]) as Readonly<
    Record<string, OpenApiResponse>
  >;
}

function refOf(status: number): string {
  return `#/components/responses/Problem${status}`;
}

/** What the errors of a route are described from. */
export interface ErrorSource {
  readonly described: DescribedMethod;
  readonly route: Route | undefined;
  readonly takesBody: boolean;
}

/** The error answers of one route, by status. */
export function errorResponses(
  source: ErrorSource,
  schemas: Schemas,
): Readonly<Record<string, OpenApiResponse | OpenApiReference>> {
  const { described, route } = source;
  const policies = byStatus(reasonsOf(source));
  const declared = new Map<number, DescribedError[]>();
  for (const error of described.errors) {
    const status = statusOfDeclared(error, route);
    declared.set(status, [...(declared.get(status) ?? []), error]);
  }
  const answers: [string, OpenApiResponse | OpenApiReference][] = [];
  for (const status of [...new Set([...policies.keys(), ...declared.keys()])].sort((a, b) => a - b)) {
    const own = declared.get(status);
    const said = policies.get(status);
    if (own === undefined) answers.push([String(status), { $ref: refOf(status) }]);
    else {
      const lines = [...own.map(({ reason, message }) => `\`${reason}\`: ${message}`), ...(said ?? []).map(lineOf)];
      const forms = [...own.map((one) => declaredSchema(one, schemas)), ...(said ? [problemSchema(schemas)] : [])];
      answers.push([String(status), responseOf(status, lines, forms.length === 1 ? forms[0]! : { anyOf: forms })]);
    }
  }
  return { ...Object.fromEntries(answers), default: { $ref: "#/components/responses/ProblemOther" } };
}

function reasonsOf({ described, route, takesBody }: ErrorSource): readonly Reason[] {
  const found = takesBody ? [...ALWAYS, ...WITH_BODY] : [...ALWAYS];
  if (route === undefined) return found;
  const conditions = Object.entries(route.header).filter(([, name]) => /^if-(?:none-)?match$/i.test(name));
  if (conditions.length > 0 || isConditional(route)) found.push("precondition_failed");
  const match = conditions.find(([, name]) => name.toLowerCase() === "if-match");
  const { required } =
    match === undefined ? {} : (described.request.schema as { readonly required?: readonly string[] });
  if (match !== undefined && required?.includes(match[0]) === true) found.push("precondition_required");
  return found;
}

/** The status of a declared error: what the route says, what follows from its condition, or its code's. */
function statusOfDeclared({ code, reason }: DescribedError, route: Route | undefined): number {
  const said = route?.errors[reason];
  if (said !== undefined) return said;
  const isMatched = Object.values(route?.header ?? {}).some((name) => name.toLowerCase() === "if-match");
  if (isMatched && code === "failed_precondition") return 412;
  return statusOf(bareError("", { code, reason, origin: "declared" }));
}

function declaredSchema(error: DescribedError, schemas: Schemas): JsonSchemaObject {
  const { reason, code, message, details } = error;
  const name = pascal(reason);
  const key = JSON.stringify([reason, code, details && signatureOf(details.schema, details.origin)]);
  return schemas.component(name.endsWith("Error") ? name : `${name}Error`, key, () => ({
    description: message,
    allOf: [
      problemSchema(schemas),
      {
        type: "object",
        properties: {
          code: { const: code },
          reason: { const: reason },
          ...(details && { details: schemas.use(details.schema, details.origin) }),
        },
        required: ["code", "reason", ...(details ? ["details"] : [])],
      },
    ],
  }));
}

function byStatus(list: readonly Reason[]): ReadonlyMap<number, readonly Reason[]> {
  const found = new Map<number, Reason[]>();
  for (const reason of list) {
    const status = statusOf(policyError(reason));
    found.set(status, [...(found.get(status) ?? []), reason]);
  }
  return found;
}

function lineOf(reason: Reason): string {
  return `\`${reason}\`: ${reasons[reason].message}`;
}

// Not the platform's phrases: they change from one line of it to the next, and a document should not.
const PHRASES: ReadonlyMap<number, string> = new Map([
  [400, "Bad Request"],
  [406, "Not Acceptable"],
  [408, "Request Timeout"],
  [412, "Precondition Failed"],
  [413, "Payload Too Large"],
  [415, "Unsupported Media Type"],
  [428, "Precondition Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
]);

function exampleOf(status: number, reason: Reason): unknown {
  const { code, message } = reasons[reason];
  return { title: PHRASES.get(status), status, detail: message, code, reason };
}

function responseOf(status: number, lines: readonly string[], schema: JsonSchemaObject): OpenApiResponse {
  const retry = status === 429 || status === 503 ? { "retry-after": { $ref: "#/components/headers/RetryAfter" } } : {};
  return {
    description: lines.length === 1 ? lines[0]! : lines.map((line) => `- ${line}`).join("\n"),
    headers: { "x-request-id": { $ref: "#/components/headers/RequestId" }, ...retry },
    content: { [MEDIA_TYPE]: { schema } },
  };
}
