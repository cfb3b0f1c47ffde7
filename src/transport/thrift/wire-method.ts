/**
 * One method as it crosses the wire, whoever described it: a contract, a foreign table, or generated code.
 *
 * @module
 */
import type { ServiceError } from "../../errors/index.ts";
import type { Codec } from "../codec.ts";
import type { Limits } from "../limits.ts";
import type { Foreign } from "./foreign.ts";
import type { ThriftReader, ThriftWriter } from "./types.ts";

/** How the messages of one method are read and written, after their head. */
export interface WireMethod {
  /** The name in the message. */
  readonly name: string;
  /** Whether no reply is sent. */
  readonly isOneWay: boolean;
  /** Writes the struct of arguments. */
  writeRequest(writer: ThriftWriter, request: unknown): void;
  readRequest(reader: ThriftReader): unknown;
  /** Writes the struct of results. */
  writeResponse(writer: ThriftWriter, response: unknown): void;
  /** Reads it: the response, or an error that stands in its place. */
  readResponse(reader: ThriftReader): unknown;
  /** Writes a declared error as a result; false when it is not for the result to say. */
  writeError(writer: ThriftWriter, error: ServiceError): boolean;
}

/** How the methods of all services are put on the wire. */
export interface WireOptions {
  readonly foreign: readonly Foreign[];
  /** Writes and reads the messages of contracts of ours; undefined for structs. */
  readonly codec: Codec | undefined;
  readonly limits: Limits;
}
