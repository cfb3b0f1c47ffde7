/**
 * Errors on the wire: declared ones as exceptions of a result, all others as a TApplicationException whose further fields
 * other readers pass over.
 *
 * @module
 */
import { bareError, policyError, type ServiceError } from "../../errors/index.ts";
import { readFailure } from "../failure.ts";
import { encodePushBack } from "../push-back.ts";
import { parseJson } from "../json/parse.ts";
import { RecordValue, type RecordField } from "./record.ts";
import type { ThriftReader, ThriftWriter } from "./types.ts";
import { SCALARS } from "./value.ts";

/** The types of a TApplicationException (Apache's own numbers). */
const EXCEPTION_TYPE = {
  UNKNOWN: 0,
  UNKNOWN_METHOD: 1,
  INVALID_MESSAGE_TYPE: 2,
  WRONG_METHOD_NAME: 3,
  BAD_SEQUENCE_ID: 4,
  MISSING_RESULT: 5,
  INTERNAL_ERROR: 6,
  PROTOCOL_ERROR: 7,
} as const;

/** The struct of a declared error. */
export const declared: RecordValue = new RecordValue("Failure", { fills: true });
declared.fields = failureFields(1);

/** The struct of all others: Apache's two fields, and what another end of ours reads besides. */
const application = new RecordValue("TApplicationException", { fills: true });
application.fields = [
  { name: "message", id: 1, value: SCALARS.string, isOptional: true },
  { name: "type", id: 2, value: SCALARS.i32, isOptional: true },
  ...failureFields(100).filter(({ name }) => name !== "message"),
];

function failureFields(first: number): readonly RecordField[] {
  return [
    { name: "code", id: first, value: SCALARS.string, isOptional: true },
    { name: "reason", id: first + 1, value: SCALARS.string, isOptional: true },
    { name: "message", id: first + 2, value: SCALARS.string, isOptional: true },
    { name: "details", id: first + 3, value: SCALARS.string, isOptional: true },
    { name: "retryAfterMs", id: first + 4, value: SCALARS.i64, isOptional: true },
  ];
}

/** What an error says of itself, for either struct; details that cannot be written are told to `report` and left out. */
export function failureOf(error: ServiceError, report: (thrown: unknown) => void): Record<string, unknown> {
  const { code, reason, message } = error;
  let details: string | undefined;
  try {
    details = error.details === undefined ? undefined : JSON.stringify(error.details);
  } catch (thrown) {
    report(thrown);
  }
  return {
    code,
    reason,
    message: wellFormed(message),
    details: details === undefined ? undefined : wellFormed(details),
    retryAfterMs: encodePushBack(error.retryAfterMs),
  };
}

// What cannot be written must not take its error's place.
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Writes what is no declared error. */
export function writeException(writer: ThriftWriter, error: ServiceError, report: (thrown: unknown) => void): void {
  application.write(writer, { ...failureOf(error, report), type: typeOf(error) });
}

function typeOf({ code, reason }: ServiceError): number {
  if (reason === "unknown_method") return EXCEPTION_TYPE.UNKNOWN_METHOD;
  if (reason === "malformed_message" || reason === "invalid_request") return EXCEPTION_TYPE.PROTOCOL_ERROR;
  return code === "unknown" ? EXCEPTION_TYPE.UNKNOWN : EXCEPTION_TYPE.INTERNAL_ERROR;
}

/** Reads an exception, of our kind or anybody's. */
export function readException(reader: ThriftReader): ServiceError {
  const said = application.read(reader);
  if (typeof said["code"] === "string") return readDeclared(said);
  const message = typeof said["message"] === "string" ? said["message"].slice(0, 4096) : "";
  switch (said["type"]) {
    case EXCEPTION_TYPE.UNKNOWN_METHOD:
      return foreignError("unknown_method", message);
    case EXCEPTION_TYPE.PROTOCOL_ERROR:
      return foreignError("malformed_message", message);
    case EXCEPTION_TYPE.INTERNAL_ERROR:
    case EXCEPTION_TYPE.MISSING_RESULT:
      return foreignError("internal", message);
    default:
      return foreignError("unknown", message);
  }
}

function foreignError(
  reason: "unknown_method" | "malformed_message" | "internal" | "unknown",
  message: string,
): ServiceError {
  const own = policyError(reason);
  return bareError(message === "" ? own.message : message, { code: own.code, reason, origin: "peer" });
}

/** What a struct of either kind says, read without trust. */
export function readDeclared(said: Readonly<Record<string, unknown>>): ServiceError {
  let details: unknown;
  try {
    details = typeof said["details"] === "string" ? parseJson(said["details"]) : undefined;
  } catch {
    // An error without its details is still that error.
  }
  return readFailure({ ...said, details });
}
