/**
 * A request and a reply as hooks see them: small views, made only for those who look.
 *
 * @module
 */
import { Metadata, type Carrier } from "../../endpoint/index.ts";
import { checkNumber, shown } from "../../internal/check.ts";
import { encodeMessage } from "./percent.ts";
import { addField, type Fields } from "./metadata.ts";

/** A gRPC request as a hook sees it, before its messages are read. */
export interface GrpcRequest {
  /** The method, as `/pb.Add/Sum`. */
  readonly path: string;
  /** The host the caller meant; "" when it did not say. */
  readonly authority: string;
  /** Metadata by name in any case; several values joined, those of names in `-bin` as base64. */
  metadata(this: GrpcRequest, name: string): string | undefined;
}

/** A gRPC reply as a hook sees it. */
export interface GrpcReply {
  /**
   * The answer in binary, without its frame; undefined for an error, and before a stream. An error encoder may set it.
   */
  message: Uint8Array | undefined;
  /** `grpc-status`, 0 to 16; 0 is what went well. */
  status: number;
  /** `grpc-message`, a text of any characters; it is encoded and cut at 1 KiB. */
  statusMessage: string;
  /**
   * `grpc-status-details-bin` as base64: of an error what its status does not say. Unless an error encoder sets it, it follows
   * a `statusMessage` that was changed, and is left out when `status` was.
   */
  statusDetails: string | undefined;
  /**
   * Metadata that goes before the answer, beside that of `context.reply`. An error before any answer has but one kind.
   */
  readonly headers: Metadata;
  /** Metadata that goes after the last answer. */
  readonly trailers: Metadata;
}

/** The view of a request's head. */
export class RequestView implements GrpcRequest {
  readonly path: string;
  readonly authority: string;
  readonly #incoming: Carrier;

  constructor(headers: Fields, incoming: Carrier) {
    this.path = String(headers[":path"] ?? "");
    this.authority = String(headers[":authority"] ?? headers["host"] ?? "");
    this.#incoming = incoming;
  }

  metadata(name: string): string | undefined {
    return this.#incoming.get(name);
  }
}

/** Headers or trailers that are being put together. */
export type Writable = Record<string, string | string[] | number>;

/** A reply that hooks may change. */
export class ReplyDraft implements GrpcReply {
  message: Uint8Array | undefined;
  status = 0;
  statusMessage = "";
  statusDetails: string | undefined = undefined;
  readonly headers: Metadata = new Metadata();
  readonly trailers: Metadata = new Metadata();

  constructor(message: Uint8Array | undefined) {
    this.message = message;
  }

  /**
   * The status as trailers, with the metadata that goes after the answer.
   *
   * @throws {RangeError | TypeError} when a hook has set what cannot be sent.
   */
  trailerFields(): Writable {
    const { status, statusMessage, statusDetails } = this;
    const fields: Writable = {
      "grpc-status": String(checkNumber("reply.status", status, { min: 0, max: 16, integer: true })),
    };
    if (statusMessage !== "") fields["grpc-message"] = encodeMessage(String(statusMessage));
    if (statusDetails !== undefined) {
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(statusDetails))
        throw new TypeError(`reply.statusDetails should be base64, got ${shown(statusDetails)}`);
      fields["grpc-status-details-bin"] = statusDetails;
    }
    addAll(fields, this.trailers);
    return fields;
  }
}

/** Adds metadata to headers or trailers. */
export function addAll(fields: Writable, metadata: Metadata): void {
  for (const [name, value] of metadata) addField(fields as Record<string, string | string[]>, name, value);
}

/** The trailers, with the metadata that was set too late for the head. */
export function withLate(trailers: Writable, metadata: Metadata, head: Readonly<Record<string, unknown>>): Writable {
  let fields = trailers;
  for (const [name, value] of metadata) {
    if (Object.hasOwn(head, name) || Object.hasOwn(trailers, name)) continue;
    if (fields === trailers) fields = { ...trailers };
    addField(fields as Record<string, string | string[]>, name, value);
  }
  return fields;
}
