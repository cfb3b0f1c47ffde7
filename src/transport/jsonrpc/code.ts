/**
 * JSON-RPC's column of the status table, both ways. What the specification has no number for gets one from the range it
 * leaves to servers: −32000 minus the code's gRPC number. `data` carries the code and reason themselves.
 *
 * @module
 */
import { bareError, codes, isCode, type Code, type ServiceError } from "../../errors/index.ts";
import { decodePushBack, encodePushBack } from "../push-back.ts";
import type { RpcError } from "./message.ts";

// The numbers that the specification fixes (§5.1).
const PARSE_ERROR = -32700;
/** The number for a message that is JSON and no request. */
export const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;

const SERVER_ERRORS = -32_000;

/**
 * The JSON-RPC number of an error: by the toolkit's own reason where the specification is more exact, else by the code.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 * import { rpcCodeOf } from "servicekit/transport/jsonrpc";
 *
 * rpcCodeOf(new ServiceError("no such profile", { code: "not_found" })); // => -32005
 * rpcCodeOf(new ServiceError("oops", { code: "internal" })); // => -32603
 * ```
 */
export function rpcCodeOf(error: ServiceError): number {
  // A declared error may bear any name; only the toolkit's own reasons have a number of their own.
  if (error.origin !== "declared") {
    if (error.reason === "unknown_method") return METHOD_NOT_FOUND;
    if (error.reason === "invalid_request") return INVALID_PARAMS;
    if (error.reason === "malformed_message") return PARSE_ERROR;
  }
  if (error.code === "internal" || error.code === "unknown") return INTERNAL_ERROR;
  return SERVER_ERRORS - (codes.indexOf(error.code) + 1);
}

/** An error as it travels: only what is public. */
export function encodeRpcError(error: ServiceError, number: number = rpcCodeOf(error)): RpcError {
  const { code, reason, details } = error;
  const retryAfterMs = encodePushBack(error.retryAfterMs);
  return { code: number, message: error.message, data: { code, reason, details, retryAfterMs } };
}

/**
 * An error that came, whoever sent it: ours says its code in `data`, for others the number decides, and `cause` keeps it.
 * `retryAfterMs` is what the protocol below says, for errors that do not say it themselves.
 */
export function decodeRpcError(error: RpcError, retryAfterMs?: number): ServiceError {
  const data = typeof error.data === "object" && error.data !== null ? (error.data as Record<string, unknown>) : {};
  const isOurs = isCode(data["code"]);
  const code = isOurs ? (data["code"] as Code) : codeOfNumber(error.code);
  const { reason } = data;
  return bareError(error.message.slice(0, 4096), {
    code,
    reason: isOurs && typeof reason === "string" && REASON.test(reason) ? reason : code,
    details: isOurs ? data["details"] : error.data,
    origin: "peer",
    retryAfterMs: (isOurs ? decodePushBack(data["retryAfterMs"]) : undefined) ?? retryAfterMs,
    cause: isOurs ? undefined : { rpcCode: error.code },
  });
}

const REASON = /^[a-z][a-z0-9_]{0,63}$/;

function codeOfNumber(number: number): Code {
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
      return codes[SERVER_ERRORS - number - 1] ?? "unknown";
  }
}
