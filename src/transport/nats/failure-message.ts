/**
 * An error as a message: the two headers of the NATS services protocol, which every client knows, and all we know of it as
 * JSON in the body, which ours read.
 *
 * @module
 */
import type { ServiceError } from "../../errors/index.ts";
import { bareFailure, failureIn, writeFailure } from "../failure.ts";
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
export function bareDraft(error: ServiceError): Draft {
  return failureDraft(bareFailure(error), () => undefined);
}

/** Whether headers say that the message is an error. */
export function isFailure(headers: NatsHeaders): boolean {
  return headers.get(ERROR_CODE_LOWER) !== undefined || headers.get(ERROR_LOWER) !== undefined;
}

/** The error that a message is, read without trust: a foreign service's has the headers only. */
export function failureOf(headers: NatsHeaders, data: Uint8Array, limits: Limits): ServiceError {
  const code = codeOfNumber(Number(headers.get(ERROR_CODE_LOWER)));
  return failureIn(data, limits, { code, message: headers.get(ERROR_LOWER) });
}

/** The number that a message of an error bears, for observers; 0 when it is none. */
export function numberIn(headers: NatsHeaders): number {
  const number = Number(headers.get(ERROR_CODE_LOWER));
  return Number.isInteger(number) ? number : 0;
}
