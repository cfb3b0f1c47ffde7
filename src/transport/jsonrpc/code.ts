/**
 * JSON-RPC's column of the status table, both ways. What the specification has no number for gets one from the range it
 * leaves to servers: −32000 minus the code's gRPC number. `data` carries the code and reason themselves.
 *
 * @module
 */
import { bareError, codes, isCode, type Code, type ServiceError } from "../../errors/index.ts";
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  type RpcError,
} from "./message.ts";

const SERVER_ERRORS = -32_000;

/** The number of an error. */
export function rpcCodeOf(error: ServiceError): number {
  if (error.origin !== "declared") {
    if (error.reason === "unknown_method") return METHOD_NOT_FOUND;
    if (error.reason === "invalid_request") return INVALID_PARAMS;
    if (error.reason === "malformed_message") return PARSE_ERROR;
  }
  if (error.code === "internal" || error.code === "unknown") return INTERNAL_ERROR;
  return SERVER_ERRORS - (codes.indexOf(error.code) + 1);
}

/** An error as it travels: only what is public. */
export function encodeRpcError(error: ServiceError): RpcError {
  const { code, reason, details, retryAfterMs } = error;
  return { code: rpcCodeOf(error), message: error.message, data: { code, reason, details, retryAfterMs } };
}

/** An error that came, whoever sent it: ours says its code in `data`, for others the number decides. */
export function decodeRpcError(value: unknown): ServiceError {
  const error = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const data =
    typeof error["data"] === "object" && error["data"] !== null ? (error["data"] as Record<string, unknown>) : {};
  const code = isCode(data["code"]) ? data["code"] : codeOfNumber(error["code"]);
  const { reason, retryAfterMs } = data;
  return bareError(
    typeof error["message"] === "string" ? error["message"].slice(0, 4096) : "the peer answered an error",
    {
      code,
      reason: typeof reason === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(reason) ? reason : code,
      details: isCode(data["code"]) ? data["details"] : error["data"],
      origin: "peer",
      retryAfterMs: typeof retryAfterMs === "number" && retryAfterMs >= 0 ? retryAfterMs : undefined,
    },
  );
}

function codeOfNumber(number: unknown): Code {
  switch (number) {
    case PARSE_ERROR:
    case INVALID_REQUEST:
    case INVALID_PARAMS:
      return "invalid_argument";
    case METHOD_NOT_FOUND:
      return "unimplemented";
    case INTERNAL_ERROR:
      return "internal";
    default:
      return typeof number === "number" ? (codes[SERVER_ERRORS - number - 1] ?? "unknown") : "unknown";
  }
}
