/**
 * The metadata names this toolkit gives a meaning, the same in every protocol.
 *
 * @module
 */

/** What is left of the caller's deadline, in whole milliseconds. */
export const TIMEOUT = "request-timeout-ms";

/** Which try of the caller this is, from 1. */
export const ATTEMPT = "request-attempt";

/** Ties together the log lines of one request. */
export const REQUEST_ID = "x-request-id";

/** Ties together the requests of one undertaking; passed on unchanged. */
export const CORRELATION_ID = "x-correlation-id";

/** How much a request matters when some must be refused; passed on unchanged. */
export const CRITICALITY = "request-criticality";
