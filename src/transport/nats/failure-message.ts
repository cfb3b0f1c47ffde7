/**
 * An error as a message: the two headers of the NATS services protocol, which every client knows, and all we know of it as
 * JSON in the body, which ours read.
 *
 * @module
 */
import { bareError, type ServiceError } from "../../errors/index.ts";
import { readFailure, writeFailure } from "../failure.ts";
import { parseJson } from "../json/parse.ts";
import type { Limits } from "../limits.ts";
import { codeOfNumber, numberOf } from "./code.ts";
import { headerText, type NatsHeaders } from "./headers.ts";
import { Draft } from "./message.ts";

/** The message of an error, in one line. */
const ERROR = "Nats-Service-Error";

/** Its number. */
const ERROR_CODE = "Nats-Service-Error-Code";

const ERROR_CODE_LOWER = ERROR_CODE.toLowerCase();
const ERROR_LOWER = ERROR.toLowerCase();

/** An error as it goes out; `report` is told when its details cannot be written. */
export function failureDraft(error: ServiceError, report: (thrown: unknown) => void): Draft {
  const headers = [ERROR, headerText(error.message), ERROR_CODE, String(numberOf(error.code))];
  return new Draft(writeFailure(error, report), headers);
}

/** The same, cut down to what NATS always takes. */
export function bareDraft({ code, reason, message }: ServiceError): Draft {
  return failureDraft(bareError(message.slice(0, 512), { code, reason }), () => undefined);
}

/** Whether headers say that the message is an error. */
export function isFailure(headers: NatsHeaders): boolean {
  return headers.get(ERROR_CODE_LOWER) !== undefined || headers.get(ERROR_LOWER) !== undefined;
}

/** The error that a message is, read without trust: a foreign service's has the headers only. */
export function failureOf(headers: NatsHeaders, data: Uint8Array, limits: Limits): ServiceError {
  let said: unknown;
  try {
    if (data.length > 0 && data.length <= limits.maxBodyBytes)
      said = parseJson(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"), limits);
  } catch {
    // Somebody else's body: the headers say it.
  }
  const error = readFailure(said);
  if (error.code !== "unknown") return error;
  const code = codeOfNumber(Number(headers.get(ERROR_CODE_LOWER)));
  const message = headers.get(ERROR_LOWER)?.slice(0, 4096);
  // Our own body of an unknown error has the same to say.
  return bareError(message === undefined || message === "" ? error.message : message, {
    code,
    reason: code,
    details: said,
    origin: "peer",
  });
}

/** The number that a message of an error bears, for observers; 0 when it is none. */
export function numberIn(headers: NatsHeaders): number {
  const number = Number(headers.get(ERROR_CODE_LOWER));
  return Number.isInteger(number) ? number : 0;
}
