/**
 * OpenRPC from contracts, for the JSON-RPC transport.
 *
 * @module
 */
import type { AnyService } from "../contract/index.ts";
import { checkNames, checkOneOf } from "../internal/check.ts";
import type { JsonSchema } from "../transport/json/schema.ts";
import { annotations, checkServices, describedMethods, type DescribedMethod, type Message } from "./described.ts";
import { documentInfo, INFO, type DocumentOptions } from "./document-info.ts";
import { pascal } from "./names.ts";
import type { OpenRpcDocument, OpenRpcMethod, OpenRpcValue } from "./open-rpc-types.ts";
import { fieldsOf, formsIn } from "./request-parts.ts";
import { rpcErrors, sharedRpcErrors } from "./rpc-errors.ts";
import { Schemas } from "./schemas.ts";

/** What an OpenRPC document is told. */
export interface OpenRpcOptions extends DocumentOptions {
  /** Under which names methods are called, as `jsonrpcServer` has it. Default: "full", which is `service.method`. */
  readonly names?: "full" | "short" | undefined;
}

/**
 * Describes services as an OpenRPC document (1.3): a method per unary method, its params by name, its result, and every
 * error by its number with the schema of its `data`. A one-way method has no result: it is notified. Methods that stream are left out: JSON-RPC does not serve them.
 *
 * @throws {TypeError} when a message has no JSON Schema: names it and the adapter that is missing.
 * @throws {RangeError} when an option is wrong, or two methods have the same name.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { openRpc } from "servicekit/documents";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const [sum] = openRpc([add], { title: "Add", version: "1.0.0" }).methods;
 * sum?.params.map(({ name }) => name); // => ["a", "b"]
 * ```
 */
export function openRpc(services: readonly AnyService[], options: OpenRpcOptions): OpenRpcDocument {
  checkNames("openRpc", options, [...INFO, "names"]);
  const names = checkOneOf("names", options.names ?? "full", ["full", "short"]);
  const { info, servers } = documentInfo(options);
  const described = describedMethods(checkServices(services), ({ kind }) => kind === "unary");
  const schemas = new Schemas();
  const write = (): Pick<OpenRpcDocument, "methods"> & {
    readonly errors: OpenRpcDocument["components"]["errors"];
  } => ({
    methods: described.map((one) => methodOf(one, names, schemas)),
    errors: sharedRpcErrors(schemas),
  });
  write();
  schemas.settle();
  const { methods, errors } = write();
  checkUnique(methods);
  return {
    openrpc: "1.3.2",
    info,
    ...(servers && { servers: servers.map((one) => ({ name: one.url, ...one })) }),
    methods,
    components: { schemas: schemas.components(), errors },
  };
}

function checkUnique(methods: readonly OpenRpcMethod[]): void {
  const seen = new Set<string>();
  for (const { name } of methods) {
    if (seen.has(name)) throw new RangeError(`each method should have a name of its own, "${name}" is taken`);
    seen.add(name);
  }
}

function methodOf(described: DescribedMethod, names: "full" | "short", schemas: Schemas): OpenRpcMethod {
  const { request, response, service, full, method } = described;
  const isTold = method.oneWay === true;
  return {
    name: names === "full" ? full : described.name,
    ...annotations(request),
    tags: [{ name: service }],
    ...paramsOf(request, schemas),
    ...(!isTold && { result: resultOf(response, schemas) }),
    errors: isTold ? [] : rpcErrors(described, schemas),
  };
}

// As the transport reads them: objects by name or in their order, an array as the params, anything else as the only one.
function paramsOf({ schema, origin }: Message, schemas: Schemas): Pick<OpenRpcMethod, "paramStructure" | "params"> {
  const fields = fieldsOf(schema, origin);
  const forms = formsIn(schema, origin);
  if (fields !== undefined) {
    const params = [...fields].map(([name, { schema: one, required }]) =>
      valueOf(name, one, { schemas, origin: { ...origin, name: origin.name + pascal(name) }, required }),
    );
    const isOneForm = forms?.length === 1;
    return { paramStructure: isOneForm ? "either" : "by-name", params };
  }
  const [first] = forms ?? [];
  if (forms?.length === 1 && first?.kind === "array") {
    const params = first.head.map((one, i) =>
      valueOf(`item${i + 1}`, one, {
        schemas,
        origin: { ...origin, name: `${origin.name}Item${i + 1}` },
        required: i < first.least,
      }),
    );
    return { paramStructure: "by-position", params };
  }
  return { paramStructure: "by-position", params: [valueOf("value", schema, { schemas, origin, required: true })] };
}

function resultOf(response: Message, schemas: Schemas): OpenRpcValue {
  const { description } = annotations(response);
  return {
    name: "result",
    ...(description !== undefined && { description }),
    schema: schemas.use(response.schema, response.origin),
  };
}

function valueOf(
  name: string,
  schema: JsonSchema,
  { schemas, origin, required }: { schemas: Schemas; origin: Message["origin"]; required: boolean },
): OpenRpcValue {
  const { description, deprecated } = typeof schema === "boolean" ? {} : schema;
  return {
    name,
    ...(typeof description === "string" && description !== "" && { description }),
    ...(required && { required }),
    ...(deprecated === true && { deprecated }),
    schema: schemas.use(schema, origin),
  };
}
