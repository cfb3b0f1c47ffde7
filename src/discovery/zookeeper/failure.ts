/**
 * What a ZooKeeper server answers when it does not do what was asked.
 *
 * @module
 */
import { ServiceError, type Code } from "../../errors/index.ts";

/** The answers that decide what happens next. Names and numbers are ZooKeeper's own (KeeperException.Code). */
export const NO_NODE = -101;
export const NODE_EXISTS = -110;
export const SESSION_EXPIRED = -112;
export const SESSION_MOVED = -118;

const KNOWN: Readonly<Record<number, readonly [code: Code, says: string]>> = {
  [-4]: ["unavailable", "connection loss"],
  [-6]: ["unimplemented", "unimplemented"],
  [-8]: ["invalid_argument", "bad arguments"],
  [NO_NODE]: ["not_found", "no such node"],
  [-102]: ["permission_denied", "not authorised: its access list does not allow this with these credentials"],
  [-103]: ["aborted", "changed meanwhile"],
  [-108]: ["failed_precondition", "an ephemeral node has no children"],
  [NODE_EXISTS]: ["already_exists", "the node is there already"],
  [-111]: ["failed_precondition", "the node has children"],
  [SESSION_EXPIRED]: ["unavailable", "the session is over"],
  [-114]: ["invalid_argument", "the access list is not valid, or needs credentials"],
  [-115]: ["unauthenticated", "the credentials are not accepted"],
  [SESSION_MOVED]: ["unavailable", "the session has moved to another server"],
  [-119]: ["unavailable", "the server can only be read from now"],
  [-127]: ["unavailable", "the server has too much to do"],
};

/** An answer that says no. */
export class Refusal extends ServiceError {
  /** ZooKeeper's own number. */
  readonly number: number;

  constructor(number: number, what: string) {
    const [code, says] = KNOWN[number] ?? (["unknown", "the server gives no other reason"] as const);
    super(`${what}: ${says} (${number})`, { code, origin: "peer" });
    this.number = number;
  }
}

/** Whether the answer was this one. */
export function isRefusal(error: unknown, number: number): boolean {
  return error instanceof Refusal && error.number === number;
}
