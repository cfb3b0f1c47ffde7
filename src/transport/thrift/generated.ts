/**
 * Services that stand in an IDL already, and whose code the Apache compiler made.
 *
 * @module
 */
import { checkNames, shown } from "../../internal/check.ts";
import {
  service,
  type Attach,
  type Handlers,
  type Implementation,
  type Methods,
  type Service,
} from "../../contract/index.ts";
import type { Schema } from "../../errors/index.ts";
import { holdGenerated, type Generated, type GeneratedException, type GeneratedService } from "./generated-wire.ts";

/** What a generated service is told. */
export interface ThriftServiceSpec<M extends Methods> {
  /** Its methods by their names in the IDL; those that are left out are not there. */
  readonly methods: M;
  /** The generated classes of exceptions, by the reasons of the errors they stand for. Default: none. */
  readonly exceptions?: Readonly<Record<string, GeneratedException>> | undefined;
  /** Whether an i64 is a bigint: true for numbers beyond 2⁵³−1, which else are refused. Default: false, a number. */
  readonly bigints?: boolean | undefined;
  /** The names of a method's arguments, in their order. Default: as the generated code has them; say them when it is minified. */
  readonly args?: Readonly<Record<string, readonly string[]>> | undefined;
}

/**
 * Makes a contract of a module that the Apache compiler made (`thrift --gen js:node`), so that its service is served and
 * called like any other, with all policies, over `thriftServer` and `thriftClient`. The arguments of a method are one
 * request, an object by their names, and what it returns is the response. Types are said with `typed`, or checked by any
 * schema; exceptions are declared errors whose details are their fields. Needs the package `thrift`, which generated code
 * itself uses.
 *
 * @throws {TypeError} when a method is not in the module, or the names of its arguments cannot be seen in its code.
 *
 * @example
 * ```ts
 * import { method } from "servicekit";
 * import { thriftService, typed } from "servicekit/transport/thrift";
 *
 * // What `thrift --gen js:node` makes of `service Hello { string say(1: string name) }`, in short.
 * class Client { send_say(name: string) { const params = { name: name }; return params; } recv_say() {} }
 * class Processor { process_say() {} }
 *
 * const hello = thriftService("hello", { Client, Processor }, {
 *   methods: { say: method({ request: typed<{ name: string }>(), response: typed<string>() }) },
 * });
 * Object.keys(hello.methods); // => ["say"]
 * ```
 */
export function thriftService<M extends Methods>(
  name: string,
  module: GeneratedService,
  options: ThriftServiceSpec<M>,
): Service<M> {
  checkNames("thriftService", options, ["methods", "exceptions", "bigints", "args"]);
  const { Client, Processor } = (module ?? {}) as Partial<GeneratedService>;
  if (typeof Client !== "function" || typeof Processor !== "function")
    throw new TypeError(`thriftService should be given a module of the Thrift compiler, got ${shown(module)}`);
  const plain = service(name, options.methods);
  const args: Record<string, readonly string[]> = {};
  for (const [method, { kind, errors }] of Object.entries(plain.methods)) {
    const where = `${name}.${method}`;
    if (kind !== "unary") throw new TypeError(`${where} should be answered once: Thrift has no streams`);
    if (typeof (Processor.prototype as Record<string, unknown>)[`process_${method}`] !== "function")
      throw new TypeError(`${where} is no method of the generated service`);
    args[method] = options.args?.[method] ?? argsOf(where, Client, method);
    for (const { reason } of errors)
      if (options.exceptions?.[reason] === undefined)
        throw new TypeError(`exceptions should hold the generated class for the error "${reason}" of ${where}`);
  }
  const generated: Generated = {
    module,
    args,
    exceptions: options.exceptions ?? {},
    bigints: options.bigints ?? false,
  };
  const made: Service<M> = {
    ...plain,
    implement(handlers: Handlers<M>, attach?: Attach<M>): Implementation {
      return { ...plain.implement(handlers, attach), service: made };
    },
  };
  holdGenerated(made, generated);
  return made;
}

/** `{ a: a, b }`. Only a comma parts two names: no text is to be tried in more than one way. */
const LITERAL = /\{(\s*[\w$]+\s*(?::\s*[\w$]+\s*)?(?:,\s*[\w$]+\s*(?::\s*[\w$]+\s*)?)*,?\s*)\}/;

/** The names that `send_x(a, b) { var params = { a: a, b: b }` gives to its arguments. */
function argsOf(where: string, { prototype }: GeneratedService["Client"], method: string): readonly string[] {
  const code = String((prototype as Record<string, unknown>)[`send_${method}`]);
  const parameters = /^[^(]*\(([^)]*)\)/.exec(code)?.[1]?.match(/[\w$]+/g) ?? [];
  if (parameters.length === 0) return [];
  const literal = LITERAL.exec(code)?.[1] ?? "";
  const names = new Map<string, string>();
  for (const [, property, value] of literal.matchAll(/([\w$]+)\s*(?::\s*([\w$]+))?/g))
    names.set(value ?? property!, property!);
  return parameters.map((parameter) => {
    const found = names.get(parameter);
    if (found === undefined)
      throw new TypeError(`args.${method} should name the arguments of ${where}: its code does not show them`);
    return found;
  });
}

/**
 * A schema that only says a type: for messages that something else has checked, as generated code checks the types of its
 * fields. It takes any value.
 *
 * @example
 * ```ts
 * import { typed } from "servicekit/transport/thrift";
 *
 * typed<{ name: string }>()["~standard"].validate({ name: "ada" }); // => { value: { name: "ada" } }
 * ```
 */
export function typed<T>(): Schema<T> {
  return ANYTHING as Schema<T>;
}

const ANYTHING: Schema = {
  "~standard": {
    version: 1,
    vendor: "servicekit",
    validate: (value) => ({ value }),
    jsonSchema: { input: () => ({}) },
  },
};
