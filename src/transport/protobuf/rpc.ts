/**
 * A service as protobuf's own transports see it: a path and two messages in binary per method, and descriptors of them all
 * (for gRPC, its reflection, and whatever else speaks protobuf). For bodies over HTTP there is `protobufBinary`.
 *
 * @module
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { AnyMethod, AnyService } from "../../contract/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import { codeFirstRpcs } from "./code-first.ts";
import { descOf } from "./desc.ts";
import { binaryOf } from "./message-shape.ts";

/** One message of a method, in binary. */
export interface MessageWire {
  /**
   * Reads bytes into the wire value that the message's shape validates.
   *
   * @throws {ServiceError} malformed_message when they are no such message, or nest deeper than `maxDepth`.
   */
  read(bytes: Uint8Array, maxDepth: number): unknown;
  /**
   * Writes a value: declared fields and nothing else.
   *
   * @throws {ServiceError} invalid_request or invalid_response when it does not fit.
   */
  write(value: unknown): Uint8Array;
}

/** One method on the wire. */
export interface Rpc {
  /** `/pb.Add/Sum`. */
  readonly path: string;
  readonly request: MessageWire;
  /** Reading may give a ServiceError where a foreign wire has its errors in its responses. */
  readonly response: MessageWire;
  readonly desc: DescMethod;
  /** Writes a declared error as an answer of a foreign wire; undefined leaves it to the protocol. */
  readonly writeError?: ((error: ServiceError) => Uint8Array | undefined) | undefined;
}

/** A service on the wire. */
export interface RpcService {
  readonly desc: DescService;
  /** By the contract's names of the methods. */
  readonly rpcs: ReadonlyMap<string, Rpc>;
}

/**
 * Works out a contract's paths, messages and descriptors. What came from a `.proto` file by `proto()` is as that file says; of
 * a contract made in TypeScript the messages are those of `messageTypesOf`, and `shop.orders` is the service `orders` of the
 * package `shop`.
 *
 * @throws {TypeError} when a message cannot be written in binary, or the contract does not go with its `numbered` lock: names
 * the method and what to do.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { rpcsOf } from "servicekit/transport/protobuf";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const { path, request } = rpcsOf(add).rpcs.get("sum")!;
 * path; // => "/add/sum"
 * request.write({ a: 1, b: 2 }); // => new Uint8Array([8, 1, 16, 2])
 * request.read(new Uint8Array([8, 1]), 64); // => { a: 1, b: 0 }
 * ```
 */
export function rpcsOf(service: AnyService): RpcService {
  const desc = descOf(service);
  if (desc === undefined) return codeFirstRpcs(service);
  const rpcs = desc.methods.map((method): [string, Rpc] => [
    method.localName,
    { path: `/${desc.typeName}/${method.name}`, ...wiresOf(service, method), desc: method },
  ]);
  return { desc, rpcs: new Map(rpcs) };
}

function wiresOf(service: AnyService, { localName }: DescMethod): Pick<Rpc, "request" | "response"> {
  const { request, response } = service.methods[localName] as AnyMethod;
  return { request: binaryOf(request)!, response: binaryOf(response)! };
}
