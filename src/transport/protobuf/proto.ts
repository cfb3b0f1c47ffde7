/**
 * A protobuf-es service descriptor as a contract. For messages that travel in binary over HTTP see `protobufBinary`; for a
 * contract that begins in TypeScript, `service` and `method` need no generated code.
 *
 * The examples of this file use what protoc-gen-es generates from
 * `service Add { rpc Sum(SumRequest) returns (SumReply); }`, here without its comments:
 *
 * ```ts file=add_pb.ts
 * import type { Message } from "@bufbuild/protobuf";
 * import { fileDesc, messageDesc, serviceDesc, type GenMessage, type GenService } from "@bufbuild/protobuf/codegenv2";
 *
 * const file = fileDesc("CglhZGQucHJvdG8SAnBiIiIKClN1bVJlcXVlc3QSCQoBYRgBIAEoAxIJCgFiGAIgASgDIhUKCFN1bVJlcGx5EgkKAXYYASABKAMyLgoDQWRkEicKA1N1bRIOLnBiLlN1bVJlcXVlc3QaDC5wYi5TdW1SZXBseSIAYgZwcm90bzM");
 * export type SumRequest = Message<"pb.SumRequest"> & { a: bigint; b: bigint };
 * export const SumRequestSchema: GenMessage<SumRequest> = messageDesc(file, 0);
 * export type SumReply = Message<"pb.SumReply"> & { v: bigint };
 * export const SumReplySchema: GenMessage<SumReply> = messageDesc(file, 1);
 * export const Add: GenService<{
 *   sum: { methodKind: "unary"; input: typeof SumRequestSchema; output: typeof SumReplySchema };
 * }> = serviceDesc(file, 0);
 * ```
 *
 * @module
 */
import { createRegistry, type DescFile, type DescMethod, type DescService, type Registry } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { service, type AnyMethod, type Methods, type Service } from "../../contract/index.ts";
import type { Kind } from "../../endpoint/index.ts";
import type { AnyErrorType } from "../../errors/index.ts";
import { checkNames, checkNumber, shown } from "../../internal/check.ts";
import { DESC } from "./desc.ts";
import { shapesOf, type Shapes } from "./message-shape.ts";
import type { ProtoMethods } from "./types.ts";

/** What a `.proto` file cannot say of an rpc. */
export interface RpcOptions {
  /** The errors callers are expected to handle. Default: none. */
  readonly errors?: readonly AnyErrorType[] | undefined;
  /** How long a call may take, 1 ms to a day. Default: what the server or client says (3 s). */
  readonly timeoutMs?: number | undefined;
}

/** What may be said of a service descriptor; `R` is `methods`. */
export interface ProtoOptions<D extends DescService, R> {
  /** Errors and time limits by method. Default: none. */
  readonly methods?: (R & { readonly [P in keyof R]: P extends keyof D["method"] ? RpcOptions : never }) | undefined;
  /**
   * The types that may stand in a `google.protobuf.Any` or extend a message, in JSON. Default: those of the service's file
   * and of all it imports: a peer should not choose among everything this process happens to know.
   */
  readonly registry?: Registry | undefined;
}

/** A day in milliseconds. */
const DAY_MS = 86_400_000;

const KINDS: Readonly<Record<DescMethod["methodKind"], Kind>> = {
  unary: "unary",
  server_streaming: "server",
  client_streaming: "client",
  bidi_streaming: "bidi",
};

/**
 * Makes a contract of a service that protoc-gen-es generated: a method per rpc under its JavaScript name, called by its full
 * protobuf name (`pb.Add`). Senders give init objects or messages, receivers get messages, 64-bit integers are bigints. An
 * rpc with an `idempotency_level` is idempotent.
 *
 * The wire form is the proto3 JSON mapping, or binary where a codec says so. Fields that the receiver does not know are
 * ignored. The name of an enum value that it does not know is refused in a request, and taken for the default in a
 * response, whose sender may be newer.
 *
 * @throws {TypeError | RangeError} when `desc` is no service descriptor, or an option or name is not what it should be.
 *
 * @example
 * ```ts
 * import { client } from "servicekit/client";
 * import { local } from "servicekit/transport/local";
 * import { proto } from "servicekit/transport/protobuf";
 * import { Add } from "./add_pb.ts";
 *
 * const add = proto(Add);
 * const remote = client(add, local(add.implement({ sum: ({ a, b }) => ({ v: a + b }) })));
 * (await remote.sum({ a: 2n ** 62n, b: 1n })).v; // => 4611686018427387905n
 * ```
 */
export function proto<D extends DescService, const R extends { readonly [P in keyof R]: RpcOptions } = object>(
  desc: D,
  options: ProtoOptions<D, R> = {},
): Service<ProtoMethods<D, R>> {
  if ((desc as { kind?: unknown } | null | undefined)?.kind !== "service")
    throw new TypeError(`desc should be a service that protoc-gen-es generated, got ${shown(desc)}`);
  checkNames("proto", options, ["methods", "registry"]);
  const registry = options.registry ?? createRegistry(...filesOf(desc.file));
  const said: Readonly<Record<string, RpcOptions | undefined>> = options.methods ?? {};
  const shapes = shapesOf(registry);
  const methods: Record<string, AnyMethod> = {};
  for (const rpc of desc.methods) methods[rpc.localName] = methodOf(rpc, shapes, said[rpc.localName] ?? {});
  for (const name of Object.keys(said)) {
    if (Object.hasOwn(methods, name)) continue;
    throw new TypeError(
      `${desc.typeName} has no method "${name}" for the option, it has ${Object.keys(methods).join(", ")}`,
    );
  }
  return Object.assign(service(desc.typeName, methods as Methods as ProtoMethods<D, R>), { [DESC]: desc });
}

function methodOf(rpc: DescMethod, shapes: Shapes, options: RpcOptions): AnyMethod {
  const where = `${rpc.parent.typeName}.${rpc.localName}`;
  checkNames(where, options, ["errors", "timeoutMs"]);
  const { errors = [], timeoutMs } = options;
  for (const one of errors) {
    if (typeof one !== "function")
      throw new TypeError(`${where}: errors should hold what error() returns, got ${shown(one)}`);
  }
  return {
    kind: KINDS[rpc.methodKind],
    idempotent: rpc.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    timeoutMs:
      timeoutMs === undefined ? undefined : checkNumber(`${where}: timeoutMs`, timeoutMs, { min: 1, max: DAY_MS }),
    request: shapes(rpc.input, "request"),
    response: shapes(rpc.output, "response"),
    errors,
  };
}

/** A file and everything it imports, each once. */
function filesOf(file: DescFile, found: Set<DescFile> = new Set()): ReadonlySet<DescFile> {
  if (found.has(file)) return found;
  found.add(file);
  for (const one of file.dependencies) filesOf(one, found);
  return found;
}
