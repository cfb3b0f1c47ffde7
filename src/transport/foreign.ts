/**
 * A method on somebody else's wire: how their messages become ours and back. Doors whose messages have numbered fields use
 * it for services they did not describe.
 *
 * @module
 */
import type { Types } from "../contract/index.ts";
import type { ServiceError } from "../errors/index.ts";

/** How the messages of one method cross (Go kit's EncodeRequestFunc, DecodeResponseFunc and so on). */
export interface ForeignMethod<X extends Types, TheirRequest, TheirResponse> {
  /** Reads their request into ours, in wire form. */
  readonly readRequest: (theirs: TheirRequest) => X["reqIn"];
  /** Writes our request as theirs. */
  readonly writeRequest: (ours: X["reqIn"]) => TheirRequest;
  /** Reads their response into ours, in wire form, or into the error it stands for. */
  readonly readResponse: (theirs: TheirResponse) => X["resIn"] | ServiceError;
  /** Writes our response as theirs. */
  readonly writeResponse: (ours: X["resIn"]) => TheirResponse;
  /** Writes a declared error as their response; undefined leaves it to the protocol. Default: the protocol's errors. */
  readonly writeError?: ((error: ServiceError) => TheirResponse | undefined) | undefined;
}
