/**
 * What an HTTP answer says about the calls that were sent: read without trust, told apart by id, in any order.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { answerText, isMediaType, refusalOf } from "../http/client-response.ts";
import { retryAfterOf } from "../http/problem.ts";
import { parseJson } from "../json/parse.ts";
import type { Limits } from "../limits.ts";
import { decodeRpcError } from "./code.ts";
import { isRpcError } from "./message.ts";

/** What became of one call. */
export interface Answer {
  readonly error: ServiceError | undefined;
  /** The result's wire value; where there is an error, nothing. */
  readonly result: unknown;
}

/** What became of all calls of one exchange. */
export interface Answers {
  readonly byId: ReadonlyMap<number, Answer>;
  /** Why none of the others was taken: an error without an id, or the status. Undefined when they may have been. */
  readonly refusal: ServiceError | undefined;
  /** What is the matter with a call that should have been answered and was not. */
  readonly missing: ServiceError;
}

/** What reading goes by. */
export interface ReadContext {
  readonly limits: Limits;
  readonly dateMs: number;
}

const MEDIA_TYPES = ["application/json", "application/json-rpc", "application/jsonrequest"];

/**
 * Reads an answer. With a status from 400 errors alone count: some servers give an RPC error a status of its own, and what
 * did not come from an RPC server at all is told by its status.
 */
export function readAnswers(response: IncomingMessage, body: Buffer | undefined, context: ReadContext): Answers {
  const status = response.statusCode!;
  const isSuccess = status >= 200 && status <= 299;
  const byId = new Map<number, Answer>();
  let refusal: ServiceError | undefined;
  let missing: ServiceError | undefined;
  if (isSuccess || status >= 400) {
    try {
      const retryAfterMs = retryAfterOf(response.headers["retry-after"], context.dateMs);
      for (const message of messagesOf(response, body, context)) {
        const answer = readAnswer(message, retryAfterMs);
        if (answer === undefined) missing ??= invalid("the answer is not valid JSON-RPC 2.0");
        else if (answer.id === null) refusal ??= answer.error;
        else if ((isSuccess || answer.error !== undefined) && !byId.has(answer.id)) byId.set(answer.id, answer);
      }
    } catch (error) {
      missing = error as ServiceError;
    }
  }
  if (!isSuccess) refusal ??= refusalOf(response, body, context);
  return { byId, refusal, missing: missing ?? invalid("the peer did not answer this call") };
}

function messagesOf(response: IncomingMessage, body: Buffer | undefined, { limits }: ReadContext): readonly unknown[] {
  if (body === undefined) return [];
  if (!MEDIA_TYPES.some((type) => isMediaType(response.headers["content-type"], type)))
    throw invalid("the answer should be application/json");
  const text = answerText(body);
  let value: unknown;
  try {
    value = parseJson(text, limits);
  } catch (error) {
    throw invalid("the answer is not JSON", error);
  }
  return Array.isArray(value) ? value : [value];
}

/**
 * One response object; undefined when it is not one. Beside a result `"error": null` is taken for none, as some servers
 * write it, and the other way round.
 */
function readAnswer(message: unknown, retryAfterMs: number | undefined): Identified | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const { jsonrpc, id, result, error } = message as Record<string, unknown>;
  if (jsonrpc !== "2.0" || !(typeof id === "number" || id === null)) return undefined;
  if (error === undefined || error === null)
    return id === null || result === undefined ? undefined : { id, error: undefined, result };
  if (!isRpcError(error) || (result !== undefined && result !== null)) return undefined;
  return { id, error: decodeRpcError(error, retryAfterMs), result: undefined };
}

interface Identified extends Answer {
  readonly id: number | null;
}

function invalid(message: string, cause?: unknown): ServiceError {
  return policyError("invalid_response", { message, cause });
}
