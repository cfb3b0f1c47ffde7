/**
 * The reasons this toolkit itself gives, each with its code and public message. A retired reason is never used again.
 * `docs/errors.md` holds the same table; a test keeps the two equal.
 *
 * @module
 */
import type { Code } from "./code.ts";

/** What happened here, exactly: the toolkit's own reasons. Contracts declare further ones. */
export type Reason =
  | "invalid_request"
  | "invalid_response"
  | "malformed_message"
  | "too_large"
  | "too_many_headers"
  | "unknown_method"
  | "wrong_verb"
  | "unsupported_media_type"
  | "not_acceptable"
  | "request_timeout"
  | "not_modified"
  | "precondition_failed"
  | "precondition_required"
  | "deadline_exceeded"
  | "canceled"
  | "rate_limited"
  | "overloaded"
  | "breaker_open"
  | "draining"
  | "not_ready"
  | "no_instances"
  | "unreachable"
  | "connection_lost"
  | "internal"
  | "unknown";

/** Each reason's code and message. The message goes to the peer, so it says nothing of the inside. */
export const reasons: Readonly<Record<Reason, { readonly code: Code; readonly message: string }>> = {
  // What the receiver found wrong with the message.
  invalid_request: { code: "invalid_argument", message: "the request does not fit the method" },
  invalid_response: { code: "internal", message: "the response does not fit the method" },
  malformed_message: { code: "invalid_argument", message: "the message cannot be read" },
  too_large: { code: "resource_exhausted", message: "the message is larger than allowed" },
  too_many_headers: { code: "resource_exhausted", message: "the headers are larger or more than allowed" },
  unknown_method: { code: "unimplemented", message: "there is no such method" },
  wrong_verb: { code: "unimplemented", message: "the method is not served under this verb" },
  unsupported_media_type: { code: "invalid_argument", message: "the content type is not supported" },
  not_acceptable: { code: "invalid_argument", message: "none of the accepted content types is served" },
  request_timeout: { code: "deadline_exceeded", message: "the request took too long to arrive" },
  // What became of the request's condition.
  not_modified: { code: "failed_precondition", message: "what the caller has is still what there is" },
  precondition_failed: { code: "failed_precondition", message: "the request's condition does not hold" },
  precondition_required: { code: "failed_precondition", message: "the request should say which version it is for" },
  // What a policy decided.
  deadline_exceeded: { code: "deadline_exceeded", message: "the deadline passed" },
  canceled: { code: "canceled", message: "the caller canceled the call" },
  rate_limited: { code: "resource_exhausted", message: "rate limit exceeded" },
  overloaded: { code: "resource_exhausted", message: "too many calls are at work" },
  breaker_open: { code: "unavailable", message: "circuit breaker is open" },
  draining: { code: "unavailable", message: "the server is shutting down" },
  not_ready: { code: "unavailable", message: "the server is not ready" },
  no_instances: { code: "unavailable", message: "no instance is available" },
  // What became of the connection.
  unreachable: { code: "unavailable", message: "the peer cannot be reached" },
  connection_lost: { code: "unavailable", message: "the connection was lost before the answer" },
  // What nobody declared.
  internal: { code: "internal", message: "internal error" },
  unknown: { code: "unknown", message: "unknown error" },
};
