/**
 * The types of a contract that comes from a protobuf-es service descriptor.
 *
 * @module
 */
import type { DescMessage, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Schema } from "../../errors/index.ts";
import type { Method, Types, TypesOf } from "../../contract/index.ts";

/** The types of one rpc: whoever sends gives an init object or a message, whoever receives gets a message. */
export interface ProtoTypes<I extends DescMessage, O extends DescMessage, K, E> extends Types {
  reqIn: MessageInitShape<I>;
  reqOut: MessageShape<I>;
  resIn: MessageInitShape<O>;
  resOut: MessageShape<O>;
  failIn: TypesOf<Schema, Schema, E, "unary">["failIn"];
  failOut: TypesOf<Schema, Schema, E, "unary">["failOut"];
  kind: KindOf<K>;
}

type KindOf<K> = K extends "server_streaming"
  ? "server"
  : K extends "client_streaming"
    ? "client"
    : K extends "bidi_streaming"
      ? "bidi"
      : "unary";

/** The methods of a service descriptor by their names in JavaScript; `R` is what its options say of single rpcs. */
export type ProtoMethods<D extends DescService, R> = {
  readonly [P in keyof D["method"]]: D["method"][P] extends {
    readonly input: infer I extends DescMessage;
    readonly output: infer O extends DescMessage;
    readonly methodKind: infer K;
  }
    ? Method<ProtoTypes<I, O, K, ErrorsOf<R, P>>>
    : never;
};

/** The errors that the options declare for one rpc. */
export type ErrorsOf<R, P> = P extends keyof R
  ? R[P] extends { readonly errors: readonly (infer E)[] }
    ? E
    : never
  : never;
