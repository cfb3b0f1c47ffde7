/**
 * An answer as the caller's metadata and the hooks of a client see it.
 *
 * @module
 */
import type { Carrier } from "../../endpoint/index.ts";
import { incomingMetadata, type Fields } from "./metadata.ts";

/** A request as a hook sees it. */
export interface GrpcClientRequest {
  /** `/pb.Add/Sum`. */
  readonly path: string;
  /** The message in binary, without its frame; undefined where many go. */
  readonly message: Uint8Array | undefined;
  /** The value of a name, in any case, as it will be sent. */
  metadata(this: GrpcClientRequest, name: string): string | undefined;
  /**
   * Sets or replaces a value; of a name that ends in `-bin` it is base64.
   *
   * @throws {ServiceError} invalid_request when the name is gRPC's own, or the value cannot be sent.
   */
  set(this: GrpcClientRequest, name: string, value: string): void;
}

/** An answer as a hook sees it. */
export interface GrpcClientResponse {
  /** The gRPC status, 0 to 16; undefined at the head of a stream, whose status comes at its end, and where there was none. */
  readonly status: number | undefined;
  /** Metadata that came before the message. */
  readonly headers: Carrier;
  /** Metadata that came with the status; empty at the head of a stream. */
  readonly trailers: Carrier;
}

const NONE: Fields = Object.freeze({});

/** Headers and trailers as one: the trailers' where both have a name, since they came last. */
export class Answer implements GrpcClientResponse, Carrier {
  readonly #headers: Fields;
  readonly #trailers: Fields | undefined;

  constructor(headers: Fields, trailers: Fields | undefined) {
    this.#headers = headers;
    this.#trailers = trailers;
  }

  get(name: string): string | undefined {
    if (this.#trailers !== undefined) {
      const value = incomingMetadata(this.#trailers).get(name);
      if (value !== undefined) return value;
    }
    return incomingMetadata(this.#headers).get(name);
  }

  get status(): number | undefined {
    const text = (this.#trailers ?? this.#headers)["grpc-status"];
    return typeof text === "string" && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
  }

  get headers(): Carrier {
    return incomingMetadata(this.#headers);
  }

  get trailers(): Carrier {
    return incomingMetadata(this.#trailers ?? NONE);
  }
}
