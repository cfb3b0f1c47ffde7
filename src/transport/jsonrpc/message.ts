/**
 * The messages of JSON-RPC 2.0 (jsonrpc.org/specification), read without trust.
 *
 * @module
 */

/** What identifies a request; null where the request could not be read. */
export type RpcId = string | number | null;

/** A request that is well formed. */
export interface RpcRequest {
  readonly method: string;
  readonly params: unknown;
  /** Undefined for a notification, which is never answered. */
  readonly id: RpcId | undefined;
}

/** An error as it travels. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Reads one request; undefined when it is not one, as §4 says what one is. */
export function readRequest(value: unknown): RpcRequest | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { jsonrpc, method, params, id } = value as Record<string, unknown>;
  if (jsonrpc !== "2.0" || typeof method !== "string") return undefined;
  if (params !== undefined && (typeof params !== "object" || params === null)) return undefined;
  if (id !== undefined && !isId(id)) return undefined;
  return { method, params, id };
}

/** The id of something that may not be a request: kept when it is readable, so that its sender learns which one failed. */
export function idOf(value: unknown): RpcId {
  const id = typeof value === "object" && value !== null ? (value as { id?: unknown }).id : null;
  return isId(id) ? id : null;
}

// §4: a string, a number or null.
function isId(id: unknown): id is RpcId {
  return id === null || typeof id === "string" || typeof id === "number";
}

/** Whether a value is an error as §5.1 has it. */
export function isRpcError(value: unknown): value is RpcError {
  if (typeof value !== "object" || value === null) return false;
  const { code, message } = value as Partial<RpcError>;
  return Number.isSafeInteger(code) && typeof message === "string";
}

/** Writes an answer, its id as text; the fields stand in the order Go kit writes them, `id` last and always there. */
export function writeResult(result: string, id: string): string {
  return `{"jsonrpc":"2.0","result":${result},"id":${id}}`;
}

/** Writes an error answer, its id as text. */
export function writeError(error: RpcError, id: string): string {
  return `{"jsonrpc":"2.0","error":${JSON.stringify(error)},"id":${id}}`;
}
