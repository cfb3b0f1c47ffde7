/**
 * The methods of a service whose code the Apache compiler made (`--gen js:node`). It gives `Client` and `Processor` and keeps
 * its structs to itself: so requests are written as its client does, and results as its processor does, over our readers
 * and writers; everything between is ours.
 *
 * @module
 */
import type { AnyMethod, AnyService } from "../../contract/index.ts";
import { bareError, policyError, type ServiceError } from "../../errors/index.ts";
import { unfit } from "../json/writer.ts";
import { Passed } from "./passed.ts";
import { MESSAGE, type ThriftReader, type ThriftWriter } from "./types.ts";
import type { WireMethod } from "./wire-method.ts";

/** A module that the compiler made from a service. */
export interface GeneratedService {
  readonly Client: new (...args: never[]) => object;
  readonly Processor: new (...args: never[]) => object;
}

/** A class that the compiler made from an exception. */
export type GeneratedException = new (fields?: never) => object;

/** What is kept of a generated service with its contract. */
export interface Generated {
  readonly module: GeneratedService;
  /** Classes of exceptions by the reasons they stand for. */
  readonly exceptions: Readonly<Record<string, GeneratedException>>;
  /** The names of each method's arguments, in their order. */
  readonly args: Readonly<Record<string, readonly string[]>>;
  readonly bigints: boolean;
}

const GENERATED: unique symbol = Symbol("generated") as never;

/** Keeps it with a contract, and with what is made of that one. */
export function holdGenerated(service: object, generated: Generated): void {
  Object.defineProperty(service, GENERATED, { value: generated, enumerable: true });
}

/** The methods of such a contract; undefined for all others. */
export function generatedWire(service: AnyService): ReadonlyMap<string, WireMethod> | undefined {
  const generated = (service as { readonly [GENERATED]?: Generated })[GENERATED];
  if (generated === undefined) return undefined;
  return new Map(
    Object.entries(service.methods).map(([name, method]) => [
      name,
      new GeneratedMethod(`${service.name}.${name}`, method, generated),
    ]),
  );
}

type Receive = (error: unknown, result?: unknown) => void;
type Calls = Record<string, (...args: unknown[]) => void>;
type GeneratedClient = Calls & { _reqs: Record<number, Receive> };

class GeneratedMethod implements WireMethod {
  readonly name: string;
  readonly isOneWay: boolean;
  readonly #where: string;
  readonly #method: AnyMethod;
  readonly #generated: Generated;
  readonly #args: readonly string[];
  readonly #passed = new Passed();
  readonly #client: GeneratedClient;
  readonly #processor: Calls;
  /** What the processor gave its handler last. */
  #given: unknown[] = [];

  constructor(where: string, method: AnyMethod, generated: Generated) {
    this.name = where.slice(where.lastIndexOf(".") + 1);
    this.isOneWay = method.oneWay === true;
    this.#where = where;
    this.#method = method;
    this.#generated = generated;
    this.#args = generated.args[this.name]!;
    const passed = this.#passed;
    const { Client, Processor } = generated.module;
    const protocol = function protocol(): Passed {
      return passed;
    };
    this.#client = new (Client as new (...args: unknown[]) => GeneratedClient)(passed, protocol);
    // A handler with as many parameters as the method would be taken for one that gives a promise.
    const handler =
      this.#args.length === 0
        ? (done: Receive) => void (this.#given = [done])
        : (...all: unknown[]) => void (this.#given = all);
    this.#processor = new (Processor as new (handler: object) => Calls)({ [this.name]: handler });
  }

  writeRequest(writer: ThriftWriter, request: unknown): void {
    const from = (request ?? {}) as Readonly<Record<string, unknown>>;
    this.#write(writer, "request", () => this.#client[`send_${this.name}`]!(...this.#args.map((name) => from[name])));
  }

  readRequest(reader: ThriftReader): unknown {
    this.#process(reader);
    const request: Record<string, unknown> = {};
    this.#args.forEach((name, at) => (request[name] = this.#given[at] ?? undefined));
    return request;
  }

  /** Has the processor read arguments, from which the handler gets what they are and how to answer. */
  #process(reader: ThriftReader | undefined): void {
    const passed = this.#passed;
    if (reader !== undefined) reader.bigints = this.#generated.bigints;
    passed.reader = reader;
    this.#processor[`process_${this.name}`]!(0, passed, passed);
  }

  #answer(): Receive {
    this.#process(undefined);
    return this.#given[this.#args.length] as Receive;
  }

  writeResponse(writer: ThriftWriter, response: unknown): void {
    this.#write(writer, "response", () => this.#answer()(null, response));
  }

  #write(writer: ThriftWriter, side: "request" | "response", run: () => void): void {
    this.#passed.writer = writer;
    try {
      run();
    } catch (thrown) {
      throw unfit(thrown, `${this.#where} ${side}`, `invalid_${side}`);
    } finally {
      this.#passed.writer = undefined;
    }
  }

  readResponse(reader: ThriftReader): unknown {
    let failure: unknown;
    let response: unknown;
    reader.bigints = this.#generated.bigints;
    this.#passed.reader = reader;
    this.#client._reqs[0] = (error, result) => {
      failure = error;
      response = result;
    };
    this.#client[`recv_${this.name}`]!(this.#passed, MESSAGE.REPLY, 0);
    if (failure === undefined || failure === null) return response;
    return this.#errorOf(failure);
  }

  #errorOf(thrown: unknown): ServiceError {
    for (const [reason, of] of Object.entries(this.#generated.exceptions)) {
      const own = this.#method.errors.find((error) => error.reason === reason);
      if (own === undefined || !(thrown instanceof of)) continue;
      const { name, message, ...fields } = { name: "", message: "", ...(thrown as object) };
      // Without a field of that name, the message is the name of the class.
      const isSaid = typeof message === "string" && message !== "" && message !== name;
      return bareError(isSaid ? message : reason, {
        code: own.code,
        reason,
        details: own.details === undefined ? undefined : isSaid ? { ...fields, message } : fields,
        origin: "peer",
      });
    }
    return policyError("invalid_response", {
      message: "the answer has no result, or an exception that is not declared",
    });
  }

  writeError(writer: ThriftWriter, { reason, details, message }: ServiceError): boolean {
    const of = this.#generated.exceptions[reason];
    if (of === undefined) return false;
    const fields = typeof details === "object" && details !== null ? details : {};
    const exception = new of({ message, ...fields } as never);
    this.#write(writer, "response", () => this.#answer()(exception));
    return true;
  }
}
