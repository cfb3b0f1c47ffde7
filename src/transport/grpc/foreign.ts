/**
 * A contract on somebody else's protobuf service: how their messages become ours and back. A contract that is to have
 * messages of its own needs none of this.
 *
 * @module
 */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { AnyMethod, AnyService, Methods, Service, Types, TypesIn } from "../../contract/index.ts";
import { policyError, ServiceError } from "../../errors/index.ts";
import { checkFunction, checkNames, shown } from "../../internal/check.ts";
import type { ForeignMethod } from "../foreign.ts";
import { rpcsOf, type MessageWire, type Rpc, type RpcService } from "../protobuf/rpc.ts";

/** The mapping of one contract. */
export interface Foreign {
  readonly service: AnyService;
  readonly desc: DescService;
  /** By the contract's names of the methods. */
  readonly methods: Readonly<Record<string, AnyForeignRpc | undefined>>;
}

/** How one method crosses: what is read is their message, what is written is one or what makes one. */
export type ForeignRpc<X extends Types, I extends DescMessage, O extends DescMessage> = Pick<
  ForeignMethod<X, MessageShape<I>, MessageShape<O>>,
  "readRequest" | "readResponse"
> &
  Pick<ForeignMethod<X, MessageInitShape<I>, MessageInitShape<O>>, "writeRequest" | "writeResponse" | "writeError">;

/** The methods of a contract by its own names; `name` is the rpc's in JavaScript. Those that are left out are not there. */
export type ForeignRpcs<M extends Methods, D extends DescService> = {
  readonly [P in keyof M]?: {
    [N in keyof D["method"]]: D["method"][N] extends {
      readonly input: infer I extends DescMessage;
      readonly output: infer O extends DescMessage;
    }
      ? ForeignRpc<TypesIn<M[P]>, I, O> & { readonly name: N }
      : never;
  }[keyof D["method"]];
};

/** The same, its types forgotten. */
export interface AnyForeignRpc {
  readonly name: string;
  readonly readRequest: (theirs: never) => unknown;
  readonly writeRequest: (ours: never) => unknown;
  readonly readResponse: (theirs: never) => unknown;
  readonly writeResponse: (ours: never) => unknown;
  readonly writeError?: ((error: ServiceError) => unknown) | undefined;
}

const PARTS = ["readRequest", "writeRequest", "readResponse", "writeResponse"] as const;

/**
 * Maps a contract to a service that protoc-gen-es generated, for `foreign` of `grpcServer` and `grpcClient`. Errors may stand
 * in their responses: `readResponse` returns them, `writeError` writes those that the contract declares.
 *
 * The example's `add_pb.ts` is what protoc-gen-es generates from Go kit's `addsvc.proto`, shortened: a sum of int64, and
 * an error as text in the field `err`.
 *
 * ```ts file=addsvc_pb.ts
 * import type { Message } from "@bufbuild/protobuf";
 * import { fileDesc, messageDesc, serviceDesc, type GenMessage, type GenService } from "@bufbuild/protobuf/codegenv2";
 *
 * const file = fileDesc("CgxhZGRzdmMucHJvdG8SAnBiIigKClN1bVJlcXVlc3QSDAoBYRgBIAEoA1IBYRIMCgFiGAIgASgDUgFiIioKCFN1bVJlcGx5EgwKAXYYASABKANSAXYSEAoDZXJyGAIgASgJUgNlcnIyKgoDQWRkEiMKA1N1bRIOLnBiLlN1bVJlcXVlc3QaDC5wYi5TdW1SZXBseWIGcHJvdG8z");
 * export type SumRequest = Message<"pb.SumRequest"> & { a: bigint; b: bigint };
 * export const SumRequestSchema: GenMessage<SumRequest> = messageDesc(file, 0);
 * export type SumReply = Message<"pb.SumReply"> & { v: bigint; err: string };
 * export const SumReplySchema: GenMessage<SumReply> = messageDesc(file, 1);
 * export const Add: GenService<{
 *   sum: { methodKind: "unary"; input: typeof SumRequestSchema; output: typeof SumReplySchema };
 * }> = serviceDesc(file, 0);
 * ```
 *
 * @throws {TypeError | RangeError} when a method or its rpc is not there or takes other streams, two methods share an rpc,
 * or a function is missing: names the method.
 *
 * @example
 * ```ts
 * import { error, method, service } from "servicekit";
 * import { foreign, grpcClient } from "servicekit/transport/grpc";
 * import { z } from "zod";
 * import { Add } from "./addsvc_pb.ts";
 *
 * const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }), errors: [twoZeroes] }) });
 * const goAdd = foreign(add, Add, {
 *   sum: {
 *     name: "sum",
 *     readRequest: ({ a, b }) => ({ a: Number(a), b: Number(b) }),
 *     writeRequest: ({ a, b }) => ({ a: BigInt(a), b: BigInt(b) }),
 *     readResponse: ({ v, err }) => (err === "" ? { v: Number(v) } : twoZeroes()),
 *     writeResponse: ({ v }) => ({ v: BigInt(v) }),
 *     writeError: ({ message }) => ({ err: message }),
 *   },
 * });
 * grpcClient({ foreign: [goAdd] }).name; // => "grpc"
 * ```
 */
export function foreign<M extends Methods, D extends DescService>(
  service: Service<M>,
  desc: D,
  methods: ForeignRpcs<M, D>,
): Foreign {
  if ((desc as { kind?: unknown } | null | undefined)?.kind !== "service")
    throw new TypeError(`desc should be a service that protoc-gen-es generated, got ${shown(desc)}`);
  if (typeof methods !== "object" || methods === null)
    throw new TypeError(`foreign ${service.name}: methods should be an object, got ${shown(methods)}`);
  checkNames(`foreign ${service.name}`, methods, Object.keys(service.methods));
  const given = methods as Foreign["methods"];
  const used = new Map<string, string>();
  for (const [name, one] of Object.entries(given)) {
    if (one === undefined) continue;
    const where = `foreign ${service.name}.${name}`;
    const rpc = checkRpc(where, one, { desc, method: service.methods[name]! });
    const other = used.get(rpc.localName);
    if (other !== undefined)
      throw new TypeError(`${where}: name should be of an rpc of its own, ${other} has "${one.name}"`);
    used.set(rpc.localName, name);
  }
  return { service, desc, methods: given };
}

function checkRpc(
  where: string,
  one: AnyForeignRpc,
  { desc, method }: { readonly desc: DescService; readonly method: AnyMethod },
): DescMethod {
  checkNames(where, one, ["name", ...PARTS, "writeError"]);
  const rpc = rpcNamed(desc, one.name);
  if (rpc === undefined) {
    const names = desc.methods.map(({ localName }) => `"${localName}"`).join(", ");
    throw new TypeError(`${where}: name should be one of ${names}, got ${shown(one.name)}`);
  }
  for (const part of PARTS) checkFunction(`${where}: ${part}`, one[part]);
  if (one.writeError !== undefined) checkFunction(`${where}: writeError`, one.writeError);
  const theirs = rpc.methodKind === "bidi_streaming" ? "bidi" : rpc.methodKind.split("_")[0]!;
  if (theirs !== method.kind)
    throw new TypeError(`${where}: the rpc "${one.name}" should be of the kind "${method.kind}", it is "${theirs}"`);
  return rpc;
}

function rpcNamed(desc: DescService, name: string): DescMethod | undefined {
  return desc.methods.find(({ localName }) => localName === name);
}

/** Throws a TypeError that names the option unless `list` is a list of what `foreign` returns, one for each service. */
export function checkForeign(list: unknown): readonly Foreign[] {
  const isOne = (one: Foreign | undefined): boolean => one?.desc?.kind === "service" && one.service !== undefined;
  if (!Array.isArray(list) || !list.every(isOne))
    throw new TypeError(`foreign should be a list of what foreign() returns, got ${shown(list)}`);
  const names = (list as readonly Foreign[]).map(({ service }) => service.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TypeError(`foreign should have one mapping of each service, got two of ${twice}`);
  return list as readonly Foreign[];
}

/**
 * The methods of a service on the wire: those of its mapping where there is one, else its own.
 *
 * @throws {TypeError} when a message cannot be written in binary, naming the method.
 */
export function rpcsWith(service: AnyService, foreigns: readonly Foreign[]): RpcService {
  const mapping = foreigns.find((one) => one.service.name === service.name);
  if (mapping === undefined) return rpcsOf(service);
  const { desc, methods } = mapping;
  const rpcs = new Map<string, Rpc>();
  for (const [name, one] of Object.entries(methods)) if (one !== undefined) rpcs.set(name, rpcOf(desc, one));
  return { desc, rpcs };
}

function rpcOf(service: DescService, one: AnyForeignRpc): Rpc {
  const desc = rpcNamed(service, one.name)!;
  const { writeError } = one;
  const response = wireOf(desc.output, "response", { read: one.readResponse, write: one.writeResponse });
  return {
    path: `/${service.typeName}/${desc.name}`,
    request: wireOf(desc.input, "request", { read: one.readRequest, write: one.writeRequest }),
    response,
    desc,
    writeError:
      writeError === undefined
        ? undefined
        : function writeForeignError(error) {
            const theirs = writeError(error);
            return theirs === undefined ? undefined : bytesOf(desc.output, theirs);
          },
  };
}

interface Crossing {
  readonly read: (theirs: never) => unknown;
  readonly write: (ours: never) => unknown;
}

function wireOf(desc: DescMessage, side: "request" | "response", { read, write }: Crossing): MessageWire {
  return {
    read(bytes, maxDepth) {
      let theirs: unknown;
      try {
        const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        theirs = fromBinary(desc, view, { readUnknownFields: false, recursionLimit: maxDepth });
      } catch (cause) {
        throw policyError("malformed_message", { message: `the body is no ${desc.typeName}`, cause });
      }
      try {
        return read(theirs as never);
      } catch (cause) {
        throw unfit(side, cause);
      }
    },
    write(value) {
      try {
        return bytesOf(desc, write(value as never));
      } catch (cause) {
        throw unfit(side, cause);
      }
    },
  };
}

function unfit(side: "request" | "response", cause: unknown): ServiceError {
  return ServiceError.is(cause) ? cause : policyError(`invalid_${side}`, { cause });
}

function bytesOf(desc: DescMessage, theirs: unknown): Uint8Array {
  // Of nothing, `create` makes an empty message, and a mapping that forgot to return would be right.
  if (typeof theirs !== "object" || theirs === null)
    throw new TypeError(`should be a ${desc.typeName}, got ${shown(theirs)}`);
  return toBinary(desc, create(desc, theirs as Record<string, unknown>));
}
