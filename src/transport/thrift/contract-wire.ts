/**
 * The methods of a contract of ours on the wire: one argument, `request`, of number 1; errors that are declared are the
 * exceptions of the result, numbered from 1 in their order.
 *
 * @module
 */
import type { AnyMethod, AnyService } from "../../contract/index.ts";
import { policyError, ServiceError } from "../../errors/index.ts";
import { unfit, type WriteReason } from "../json/writer.ts";
import type { Codec } from "../codec.ts";
import type { Limits } from "../limits.ts";
import { messageTypesOf } from "../message-types.ts";
import { declared, failureOf, readDeclared } from "./exception.ts";
import { recordsOf } from "./message.ts";
import { TYPE, type ThriftReader, type ThriftWriter } from "./types.ts";
import type { WireMethod, WireOptions } from "./wire-method.ts";

/** The unary methods of a service, by their names. */
export function contractWire(service: AnyService, how: WireOptions): ReadonlyMap<string, WireMethod> {
  const sides = how.codec === undefined ? sidesOf(service) : codecSides(how.codec, how.limits);
  const wires = new Map<string, WireMethod>();
  for (const [name, method] of Object.entries(service.methods)) {
    if (method.kind !== "unary") continue;
    const where = `${service.name}.${name}`;
    wires.set(
      name,
      new ContractMethod(where, method, {
        request: sides(where, "request", method),
        response: sides(where, "response", method),
      }),
    );
  }
  return wires;
}

/** Gives one message of a method. */
type Sides = (where: string, side: "request" | "response", method: AnyMethod) => Side;

/** One message of a method. */
interface Side {
  /** The number of its type. */
  readonly type: number;
  write(writer: ThriftWriter, value: unknown): void;
  read(reader: ThriftReader): unknown;
}

function sidesOf(service: AnyService): Sides {
  const messages = messageTypesOf(service);
  const recordOf = recordsOf();
  return function side(where, of, method) {
    const message = messages.get(where.slice(where.lastIndexOf(".") + 1))![of];
    const record = recordOf(message);
    const { toJson } = method[of];
    const { isWrapped } = message;
    return {
      type: TYPE.STRUCT,
      write(writer, value) {
        const form = toJson === undefined ? value : toJson(value);
        record.write(writer, isWrapped ? { value: form } : form);
      },
      read(reader) {
        const read = record.read(reader);
        return isWrapped ? read["value"] : read;
      },
    };
  };
}

/** With a codec of the user's, a message is what it writes: a string or a binary. */
function codecSides(given: Codec, limits: Limits): Sides {
  return function side(where, of, method) {
    const codec = of === "request" ? given : (given.answers ?? given);
    const read = codec.reader(method[of], limits);
    const write = codec.writer(method[of], `${where} ${of}`, `invalid_${of}`);
    const isText = codec.form === "text";
    return {
      type: TYPE.STRING,
      write(writer, value) {
        const body = write(value);
        if (typeof body === "string") writer.writeString(body);
        else writer.writeBinary(body);
      },
      read: (reader) => read(isText ? reader.readString() : reader.readBinary()),
    };
  };
}

class ContractMethod implements WireMethod {
  readonly name: string;
  readonly isOneWay: boolean;
  readonly #where: string;
  readonly #request: Side;
  readonly #response: Side;
  /** Reasons of declared errors, in their order. */
  readonly #reasons: readonly string[];

  constructor(
    where: string,
    method: AnyMethod,
    { request, response }: { readonly request: Side; readonly response: Side },
  ) {
    this.name = where.slice(where.lastIndexOf(".") + 1);
    this.isOneWay = method.oneWay === true;
    this.#where = where;
    this.#request = request;
    this.#response = response;
    this.#reasons = method.errors.map(({ reason }) => reason);
  }

  writeRequest(writer: ThriftWriter, request: unknown): void {
    this.#write(writer, request, "request");
  }

  writeResponse(writer: ThriftWriter, response: unknown): void {
    this.#write(writer, response, "response");
  }

  #write(writer: ThriftWriter, value: unknown, side: "request" | "response"): void {
    const isRequest = side === "request";
    const reason: WriteReason = isRequest ? "invalid_request" : "invalid_response";
    try {
      const message = isRequest ? this.#request : this.#response;
      writer.writeStructBegin("");
      writer.writeFieldBegin(isRequest ? "request" : "success", message.type, isRequest ? 1 : 0);
      message.write(writer, value);
      end(writer);
    } catch (thrown) {
      throw ServiceError.is(thrown) ? thrown : unfit(thrown, `${this.#where} ${side}`, reason);
    }
  }

  readRequest(reader: ThriftReader): unknown {
    let request: unknown;
    reader.readStructBegin();
    for (let field = reader.readFieldBegin(); field.ftype !== TYPE.STOP; field = reader.readFieldBegin()) {
      if (field.fid === 1 && field.ftype === this.#request.type) request = this.#request.read(reader);
      else reader.skip(field.ftype);
      reader.readFieldEnd();
    }
    reader.readStructEnd();
    return request;
  }

  readResponse(reader: ThriftReader): unknown {
    let result: unknown;
    let isThere = false;
    reader.readStructBegin();
    for (let field = reader.readFieldBegin(); field.ftype !== TYPE.STOP; field = reader.readFieldBegin()) {
      const { fid, ftype } = field;
      // The peer's contract may declare more than this one.
      const isError = fid > 0 && ftype === TYPE.STRUCT;
      if (isError) result = readDeclared(declared.read(reader));
      else if (fid === 0 && ftype === this.#response.type) result = this.#response.read(reader);
      else {
        reader.skip(ftype);
        reader.readFieldEnd();
        continue;
      }
      isThere = true;
      reader.readFieldEnd();
    }
    reader.readStructEnd();
    if (!isThere) throw policyError("invalid_response", { message: "the answer has no result" });
    return result;
  }

  writeError(writer: ThriftWriter, error: ServiceError): boolean {
    const at = error.origin === "declared" ? this.#reasons.indexOf(error.reason) : -1;
    if (at < 0) return false;
    writer.writeStructBegin("");
    writer.writeFieldBegin("", TYPE.STRUCT, at + 1);
    declared.write(writer, failureOf(error, ignore));
    end(writer);
    return true;
  }
}

function end(writer: ThriftWriter): void {
  writer.writeFieldEnd();
  writer.writeFieldStop();
  writer.writeStructEnd();
}

// Details of a declared error were made JSON before they came here.
function ignore(): void {}
