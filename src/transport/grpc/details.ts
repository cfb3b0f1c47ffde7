/**
 * Errors as gRPC trailers: status, message, and google.rpc.Status with what those cannot say (Google's AIP-193, "richer
 * error model"): the reason as ErrorInfo, the hint as RetryInfo (and as gRPC's own push-back), and details as
 * google.protobuf.Value.
 *
 * @module
 */
import { fromBinary, fromJson, toBinary, toJson, type JsonValue } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { bareError, type ServiceError } from "../../errors/index.ts";
import { encodePushBack } from "../push-back.ts";
import { decodeMessage, encodeMessage } from "./percent.ts";
import { DOMAIN, readStatus, writeStatus, type RpcStatus } from "./rpc-status.ts";
import type { Fields } from "./metadata.ts";
import { codeOf, OK, statusOf } from "./status.ts";

/** The most characters of base64 that `grpc-status-details-bin` has: peers accept 8 KiB of trailers, some proxies 4. */
const MAX_DETAILS_CHARS = 4096;

/** gRPC's own word for it (proposal A6). */
const PUSH_BACK = "grpc-retry-pushback-ms";

const MAX_DEPTH = 64;

const REASON = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * The trailers of an error. Details that are not JSON, or that would take `grpc-status-details-bin` beyond 4 KiB, are left out,
 * and `report` is told; the message is cut at 1 KiB of UTF-8.
 */
export function trailersOf(error: ServiceError, report: (thrown: unknown) => void): Record<string, string> {
  const { code, reason, details } = error;
  const status = statusOf(error);
  const message = encodeMessage(error.message);
  const trailers: Record<string, string> = { "grpc-status": String(status) };
  if (message !== "") trailers["grpc-message"] = message;
  const pushBackMs = encodePushBack(error.retryAfterMs);
  // Clients with a retry policy of gRPC's own obey it.
  if (pushBackMs !== undefined) trailers[PUSH_BACK] = String(pushBackMs);
  const retryAfterMs = pushBackMs === -1 ? undefined : pushBackMs;
  // Nothing but the code to say, and the status says that.
  if ((reason as string) === code && details === undefined && retryAfterMs === undefined) return trailers;
  const plain: RpcStatus = {
    status,
    message: decodeMessage(message),
    info: { reason, domain: DOMAIN },
    retryAfterMs,
    value: undefined,
    violations: undefined,
  };
  let text: string | undefined;
  if (details !== undefined) {
    try {
      const value = valueBytes(details);
      if (value.length > MAX_DETAILS_CHARS) throw tooLarge(value.length, reason);
      text = base64(writeStatus({ ...plain, value }));
      if (text.length > MAX_DETAILS_CHARS) throw tooLarge(value.length, reason);
    } catch (thrown) {
      text = undefined;
      report(thrown);
    }
  }
  trailers["grpc-status-details-bin"] = text ?? base64(writeStatus(plain));
  return trailers;
}

/** What an answer says of how it went. */
export interface Said {
  readonly status: number;
  readonly statusMessage: string;
  readonly statusDetails: string | undefined;
}

/**
 * The details of an error after an encoder has looked at it: its own, or what is left of ours, since peers believe the details
 * where they differ from the status (grpc-go does). Another message stands in them too; of another status they say nothing.
 */
export function agreeing(was: Said, now: Said): string | undefined {
  const { statusDetails: details } = was;
  if (now.statusDetails !== details) return now.statusDetails;
  if (details === undefined || now.status !== was.status) return undefined;
  if (now.statusMessage === was.statusMessage) return details;
  const message = decodeMessage(encodeMessage(String(now.statusMessage)));
  return base64(writeStatus({ ...readStatus(Buffer.from(details, "base64")), message }));
}

/** The trailers of an encoder: where they tell of the same status, ours say when to come again. */
export function withPushBack<F extends Record<string, unknown>>(now: F, was: F): F {
  const said = was[PUSH_BACK];
  return said !== undefined && now["grpc-status"] === was["grpc-status"] ? { ...now, [PUSH_BACK]: said } : now;
}

function tooLarge(bytes: number, reason: string): RangeError {
  return new RangeError(
    `the details of the error "${reason}" should fit into ${MAX_DETAILS_CHARS} characters of trailers, got ${bytes} bytes; they are left out`,
  );
}

// As JSON.stringify has it: a Date is its text, what is undefined is not there.
function valueBytes(details: unknown): Uint8Array {
  return toBinary(ValueSchema, fromJson(ValueSchema, JSON.parse(JSON.stringify(details)) as JsonValue));
}

// Without padding, as gRPC asks of those who write.
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64").replace(/=+$/, "");
}

/**
 * The error that trailers tell of, read without trust: any gRPC server's will do. Undefined when the status is 0. The
 * violations of a BadRequest become `details.issues`; a negative push-back, which forbids to try again, is a
 * `retryAfterMs` of Infinity.
 */
export function errorOf(fields: Fields): ServiceError | undefined {
  const status = numberOf(fields["grpc-status"]);
  if (status === OK) return undefined;
  const code = codeOf(status ?? -1);
  const said = fields["grpc-message"];
  const rich = richOf(fields["grpc-status-details-bin"]);
  const reason = rich?.info?.reason.toLowerCase();
  const message = typeof said === "string" && said !== "" ? decodeMessage(said).slice(0, 4096) : "";
  return bareError(message === "" ? `the peer answered ${code.replaceAll("_", " ")}` : message, {
    code,
    reason: reason !== undefined && REASON.test(reason) ? reason : code,
    details: detailsOf(rich),
    origin: "peer",
    retryAfterMs: pushbackOf(fields[PUSH_BACK]) ?? rich?.retryAfterMs,
  });
}

function numberOf(text: string | string[] | undefined): number | undefined {
  return typeof text === "string" && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

// gRPC's A6, "Pushback": what is no number counts as a no, as a negative one does.
function pushbackOf(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return undefined;
  return typeof text === "string" && /^\d{1,12}$/.test(text) ? Number(text) : Infinity;
}

function richOf(text: string | string[] | undefined): RpcStatus | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return readStatus(Buffer.from(text, "base64"));
  } catch {
    // The status alone says what happened; who fails may well fail to say more.
    return undefined;
  }
}

function detailsOf(rich: RpcStatus | undefined): unknown {
  if (rich === undefined) return undefined;
  const { value, violations } = rich;
  if (value === undefined) return violations === undefined ? undefined : { issues: violations };
  try {
    return toJson(ValueSchema, fromBinary(ValueSchema, value, { recursionLimit: MAX_DEPTH }));
  } catch {
    return undefined;
  }
}
