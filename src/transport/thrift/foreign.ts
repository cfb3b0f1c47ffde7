/**
 * A contract of ours on somebody else's IDL: their names, their numbers, their way to say that something went wrong.
 *
 * @module
 */
import { checkFunction, checkNames, checkNumber, checkString, shown } from "../../internal/check.ts";
import { bareError, policyError, ServiceError } from "../../errors/index.ts";
import type { AnyMethod, AnyService, Methods, Service, Types, TypesIn } from "../../contract/index.ts";
import type { ForeignMethod } from "../foreign.ts";
import { unfit } from "../json/writer.ts";
import { RecordValue } from "./record.ts";
import {
  fieldsOf,
  valueOf,
  type ThriftField,
  type ThriftFields,
  type ThriftStruct,
  type ThriftType,
  type ThriftValue,
} from "./struct.ts";
import { TYPE, type ThriftReader, type ThriftWriter } from "./types.ts";
import type { Value } from "./value.ts";
import type { WireMethod } from "./wire-method.ts";

/**
 * One method of somebody else's. `readRequest` and the others turn their messages into ours and back; each that is left
 * out means that both are the same.
 */
export interface ForeignSpec<X extends Types, A extends ThriftFields, R extends ThriftField> extends Partial<
  ForeignMethod<X, ThriftStruct<A>, ThriftValue<R>>
> {
  /** Their name of the method. Default: ours. */
  readonly name?: string | undefined;
  /** Their arguments: name → number and type. */
  readonly args: A;
  /** What they return: a name of a type, or a `struct`. Default: nothing, `void`. */
  readonly result?: R | undefined;
  /**
   * The exceptions they throw, by the reasons of the errors that the contract declares: number and struct. The struct's
   * fields are the error's details; one called `message` is its message too. Default: none.
   */
  readonly throws?: Readonly<Record<string, readonly [id: number, type: ThriftType<unknown>]>> | undefined;
}

/** One method as `foreignMethod` gives it. */
export interface ForeignThriftMethod<X extends Types> {
  readonly "~foreign": ForeignSpec<Types, ThriftFields, ThriftField>;
  readonly "~types"?: ((types: X) => X) | undefined;
}

/** A contract on somebody else's IDL: given to `thriftServer` and `thriftClient` as `foreign`. */
export interface Foreign {
  readonly service: AnyService;
  readonly "~wires": ReadonlyMap<string, WireMethod>;
}

const SPEC: readonly string[] = [
  "name",
  "args",
  "result",
  "throws",
  "readRequest",
  "writeRequest",
  "readResponse",
  "writeResponse",
  "writeError",
];

const NAME = { pattern: /^[A-Za-z_][A-Za-z0-9_.]{0,127}$/, says: "a name of an IDL" };

/**
 * Says how one method crosses on somebody else's IDL; goes into `foreign`.
 *
 * @throws {TypeError | RangeError} when something of it is wrong, naming it.
 *
 * @example
 * ```ts
 * import { foreignMethod } from "servicekit/transport/thrift";
 *
 * const ping = foreignMethod({ name: "Ping", args: {}, result: "string" });
 * ping["~foreign"].name; // => "Ping"
 * ```
 */
export function foreignMethod<X extends Types, const A extends ThriftFields, const R extends ThriftField = never>(
  spec: ForeignSpec<X, A, R>,
): ForeignThriftMethod<X> {
  checkNames("foreignMethod", spec, SPEC);
  if (spec.name !== undefined) checkString("name", spec.name, NAME);
  const { readRequest, writeRequest, readResponse, writeResponse, writeError } = spec;
  for (const [name, one] of Object.entries({ readRequest, writeRequest, readResponse, writeResponse, writeError }))
    if (one !== undefined) checkFunction(name, one);
  return { "~foreign": spec as unknown as ForeignSpec<Types, ThriftFields, ThriftField> };
}

/**
 * Puts a contract on somebody else's IDL: the handlers and callers of the contract stay as they are, and peers see the
 * messages they know (Go kit `examples/addsvc/pkg/addtransport/thrift.go`). Methods that are left out are not there.
 *
 * @throws {TypeError | RangeError} when a method is not the contract's, or a number stands twice.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { serve } from "servicekit/server";
 * import { foreign, foreignMethod, struct, thriftClient, thriftServer } from "servicekit/transport/thrift";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const goAdd = foreign(add, {
 *   sum: foreignMethod({
 *     name: "Sum",
 *     args: { a: [1, "i64"], b: [2, "i64"] },
 *     result: struct({ value: [1, "i64"], err: [2, "string"] }),
 *     readResponse: ({ value }) => ({ v: value }),
 *     writeResponse: ({ v }) => ({ value: v, err: "" }),
 *   }),
 * });
 * const on = [thriftServer({ port: 0, foreign: [goAdd] })];
 * const running = await serve(add.implement({ sum: ({ a, b }) => ({ v: a + b }) }), { on, log: false, signals: false });
 * const remote = client(add, thriftClient({ framed: false, foreign: [goAdd] }), { from: running.addresses });
 * await remote.sum({ a: 1, b: 2 }); // => { v: 3 }
 * await running.stop();
 * ```
 */
export function foreign<M extends Methods>(
  service: Service<M>,
  methods: { readonly [P in keyof M]?: ForeignThriftMethod<TypesIn<M[P]>> | undefined },
): Foreign {
  const wires = new Map<string, WireMethod>();
  for (const [name, given] of Object.entries(methods as Record<string, ForeignThriftMethod<Types> | undefined>)) {
    if (given === undefined) continue;
    const method = Object.hasOwn(service.methods, name)
      ? (service.methods as Record<string, AnyMethod>)[name]
      : undefined;
    if (method === undefined) throw new TypeError(`${service.name} has no method "${name}" for foreign`);
    if (method.kind !== "unary")
      throw new TypeError(`${service.name}.${name} is a stream, which Thrift does not carry`);
    const spec = given["~foreign"] as ForeignSpec<Types, ThriftFields, ThriftField> | undefined;
    if (spec === undefined)
      throw new TypeError(`foreign ${name} should be what foreignMethod() returned, got ${shown(given)}`);
    wires.set(name, new ForeignWire(`${service.name}.${name}`, method, spec));
  }
  return { service: service as AnyService, "~wires": wires };
}

/** Throws unless a list is one of what `foreign` gives. */
export function checkForeign(list: unknown): readonly Foreign[] {
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.some((one: unknown) => (one as Partial<Foreign> | null)?.["~wires"] === undefined))
    throw new TypeError(`foreign should be a list of what foreign() returned, got ${shown(list)}`);
  return list as readonly Foreign[];
}

interface Thrown {
  readonly id: number;
  readonly value: Value;
  readonly reason: string;
}

class ForeignWire implements WireMethod {
  readonly name: string;
  readonly isOneWay: boolean;
  readonly #where: string;
  readonly #method: AnyMethod;
  readonly #spec: ForeignSpec<Types, ThriftFields, ThriftField>;
  readonly #args: RecordValue;
  readonly #result: Value | undefined;
  readonly #thrown: readonly Thrown[];

  constructor(where: string, method: AnyMethod, spec: ForeignSpec<Types, ThriftFields, ThriftField>) {
    this.name = spec.name ?? where.slice(where.lastIndexOf(".") + 1);
    this.isOneWay = method.oneWay === true;
    this.#where = where;
    this.#method = method;
    this.#spec = spec;
    this.#args = new RecordValue("", { fills: true });
    this.#args.fields = fieldsOf(`${where} args`, spec.args);
    this.#result = spec.result === undefined ? undefined : valueOf(`${where} result`, spec.result);
    const ids = new Set<number>();
    this.#thrown = Object.entries(spec.throws ?? {}).map(([reason, [id, type]]) => {
      if (!method.errors.some((error) => error.reason === reason))
        throw new TypeError(`${where} throws "${reason}", which is no error that the method declares`);
      checkNumber(`the number of ${where} ${reason}`, id, { min: 1, max: 32_767, integer: true });
      if (ids.has(id)) throw new RangeError(`the number of ${where} ${reason} should be its own, got ${id} again`);
      ids.add(id);
      return { id, value: valueOf(`${where} ${reason}`, type), reason };
    });
  }

  writeRequest(writer: ThriftWriter, request: unknown): void {
    try {
      this.#args.write(writer, this.#spec.writeRequest?.(request) ?? request);
    } catch (thrown) {
      throw ServiceError.is(thrown) ? thrown : unfit(thrown, `${this.#where} request`, "invalid_request");
    }
  }

  readRequest(reader: ThriftReader): unknown {
    const theirs = this.#args.read(reader);
    return this.#spec.readRequest === undefined ? theirs : this.#spec.readRequest(theirs as never);
  }

  writeResponse(writer: ThriftWriter, response: unknown): void {
    const { writeResponse } = this.#spec;
    this.#write(writer, () => (writeResponse === undefined ? response : writeResponse(response)));
  }

  #write(writer: ThriftWriter, theirs: () => unknown): void {
    try {
      writer.writeStructBegin("");
      if (this.#result !== undefined) writeField(writer, { id: 0, value: this.#result }, theirs());
      writer.writeFieldStop();
      writer.writeStructEnd();
    } catch (thrown) {
      throw ServiceError.is(thrown) ? thrown : unfit(thrown, `${this.#where} response`, "invalid_response");
    }
  }

  readResponse(reader: ThriftReader): unknown {
    let theirs: unknown;
    let error: ServiceError | undefined;
    let isThere = this.#result === undefined;
    reader.readStructBegin();
    for (let field = reader.readFieldBegin(); field.ftype !== TYPE.STOP; field = reader.readFieldBegin()) {
      const { fid, ftype } = field;
      const thrown = this.#thrown.find(({ id, value }) => id === fid && value.type === ftype);
      if (fid === 0 && ftype === this.#result?.type) {
        theirs = this.#result.read(reader);
        isThere = true;
      } else if (thrown !== undefined) error = this.#errorOf(thrown, thrown.value.read(reader));
      else reader.skip(ftype);
      reader.readFieldEnd();
    }
    reader.readStructEnd();
    if (error !== undefined) return error;
    if (!isThere) throw policyError("invalid_response", { message: "the answer has no result" });
    return this.#spec.readResponse === undefined ? theirs : this.#spec.readResponse(theirs as never);
  }

  #errorOf({ reason }: Thrown, details: unknown): ServiceError {
    const own = this.#method.errors.find((error) => error.reason === reason)!;
    const { message } = details as { readonly message?: unknown };
    return bareError(typeof message === "string" && message !== "" ? message : reason, {
      code: own.code,
      reason,
      details: own.details === undefined ? undefined : details,
      origin: "peer",
    });
  }

  writeError(writer: ThriftWriter, error: ServiceError): boolean {
    const thrown = this.#thrown.find(({ reason }) => reason === error.reason);
    if (thrown !== undefined) {
      writer.writeStructBegin("");
      const details = typeof error.details === "object" && error.details !== null ? error.details : {};
      writeField(writer, thrown, { message: error.message, ...details });
      writer.writeFieldStop();
      writer.writeStructEnd();
      return true;
    }
    const theirs = this.#spec.writeError?.(error);
    if (theirs === undefined) return false;
    this.#write(writer, () => theirs);
    return true;
  }
}

function writeField(
  writer: ThriftWriter,
  { id, value }: { readonly id: number; readonly value: Value },
  of: unknown,
): void {
  writer.writeFieldBegin("", value.type, id);
  value.write(writer, of);
  writer.writeFieldEnd();
}
