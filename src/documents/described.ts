/**
 * The methods of services with the JSON Schemas of their messages, each asked for once.
 *
 * @module
 */
import { shapeOf, type AnyMethod, type AnyService, type JsonSchemaObject, type Shape } from "../contract/index.ts";
import type { AnyErrorType, Code, ServiceError } from "../errors/index.ts";
import { shown } from "../internal/check.ts";
import { schemaOf } from "../transport/codec.ts";
import { pascal } from "./names.ts";
import type { Origin } from "./schemas.ts";

/** A message: its schema, and where that stands. */
export interface Message {
  /**
   * Asked of the library when it is first looked at: a codec of bytes needs none.
   *
   * @throws {TypeError} when there is none.
   */
  readonly schema: JsonSchemaObject;
  readonly origin: Origin;
}

/** A declared error. */
export interface DescribedError {
  readonly reason: string;
  readonly code: Code;
  readonly message: string;
  readonly details: Message | undefined;
}

/** A method with everything a document says of it. */
export interface DescribedMethod {
  readonly service: string;
  readonly name: string;
  /** Service and method, as in "add.sum". */
  readonly full: string;
  readonly method: AnyMethod;
  readonly request: Message;
  readonly response: Message;
  readonly errors: readonly DescribedError[];
}

/** Describes the methods that `isWanted`, in the order of the services. */
export function describedMethods(
  services: readonly AnyService[],
  isWanted: (method: AnyMethod) => boolean,
): readonly DescribedMethod[] {
  const details = new Map<AnyErrorType, DescribedError>();
  return services.flatMap((service) =>
    Object.entries(service.methods)
      .filter(([, method]) => isWanted(method))
      .map(([name, method]): DescribedMethod => {
        const full = `${service.name}.${name}`;
        const errors = method.errors.map((error) => {
          const known = details.get(error) ?? describedError(error, full);
          details.set(error, known);
          return known;
        });
        const request = message(method.request, `${full} request`);
        const response = message(method.response, `${full} response`);
        return { service: service.name, name, full, method, request, response, errors };
      }),
  );
}

/** Throws a TypeError unless `services` is a list of contracts. */
export function checkServices(services: unknown): readonly AnyService[] {
  if (!Array.isArray(services)) throw new TypeError(`services should be a list of contracts, got ${shown(services)}`);
  for (const one of services as readonly (Partial<AnyService> | undefined)[]) {
    if (typeof one?.name !== "string" || typeof one.methods !== "object")
      throw new TypeError(`services should hold what service() returns, got ${shown(one)}`);
  }
  return services as readonly AnyService[];
}

/** What a schema says of itself beside its form; nothing where there is no schema. */
export function annotations(message: Message): { readonly description?: string; readonly deprecated?: true } {
  let schema: JsonSchemaObject;
  try {
    ({ schema } = message);
  } catch {
    return {};
  }
  const { description, deprecated } = schema;
  const isDescribed = typeof description === "string" && description !== "";
  return { ...(isDescribed && { description }), ...(deprecated === true && { deprecated }) };
}

class LazyMessage implements Message {
  readonly #shape: Shape;
  readonly #where: string;
  readonly #name: string;
  #schema: JsonSchemaObject | undefined = undefined;

  constructor(shape: Shape, where: string, name: string) {
    this.#shape = shape;
    this.#where = where;
    this.#name = name;
  }

  get schema(): JsonSchemaObject {
    return (this.#schema ??= schemaOf(this.#shape, this.#where));
  }

  get origin(): Origin {
    return { root: this.schema, where: this.#where, name: this.#name };
  }
}

function message(shape: Shape, where: string, name: string = pascal(where)): Message {
  return new LazyMessage(shape, where, name);
}

function describedError(error: AnyErrorType, method: string): DescribedError {
  const { reason, code, details } = error;
  if (details === undefined) return { reason, code, message: messageOf(error), details: undefined };
  const where = `${method} error ${reason}`;
  const text = reason.replaceAll("_", " ");
  return { reason, code, message: text, details: message(shapeOf(details), where, `${pascal(reason)}Details`) };
}

// Only an error without details says the same each time.
function messageOf(error: AnyErrorType): string {
  try {
    return (error as unknown as () => ServiceError)().message;
  } catch {
    return error.reason.replaceAll("_", " ");
  }
}
