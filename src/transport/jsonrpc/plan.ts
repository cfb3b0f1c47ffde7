/**
 * What is prepared once per method that is served.
 *
 * @module
 */
import type { BoundMethod } from "../bind.ts";
import { json, type Codec } from "../codec.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import type { App } from "../server.ts";
import type { JsonrpcReply, JsonrpcRequest } from "./call.ts";
import { requestReader } from "./params.ts";

/** What decides how requests are served, whoever accepts the connections. */
export interface DispatchSettings {
  readonly limits: Limits;
  readonly maxBatch: number;
  readonly hooks: Hooks<JsonrpcRequest, JsonrpcReply>;
  readonly codec: Codec;
  /** The name under which a method is called. */
  readonly nameOf: (service: string, method: string) => string;
}

/** How one method is served over JSON-RPC. */
export interface RpcPlan {
  readonly bound: BoundMethod;
  /** Turns params into the request's wire value. */
  readonly read: (params: unknown) => unknown;
  readonly write: (response: unknown) => string;
  readonly hooks: Hooks<JsonrpcRequest, JsonrpcReply>;
}

/** The plans of all methods that are answered once, under the names they are called by. */
export function plansOf(app: App, settings: DispatchSettings): ReadonlyMap<string, RpcPlan> {
  const plans = new Map<string, RpcPlan>();
  for (const service of app.services) {
    for (const [method, bound] of service.methods) {
      if (bound.info.kind !== "unary") continue;
      const name = settings.nameOf(service.name, method);
      const rule = `${service.name}.${method} should have a name of its own`;
      if (plans.has(name)) throw new RangeError(`${rule}, "${name}" is taken`);
      if (name.startsWith("rpc.")) throw new RangeError(`${rule}, "rpc." begins those the specification reserves`);
      plans.set(name, planOf(bound, settings));
    }
  }
  return plans;
}

/** How requests are observed that fit no method. */
export function otherPlan({ other }: App, { hooks }: DispatchSettings): RpcPlan {
  return { bound: other, read: (params) => params, write: () => "null", hooks };
}

function planOf(bound: BoundMethod, { codec, hooks, limits }: DispatchSettings): RpcPlan {
  const { request, response } = bound.method;
  const where = `${bound.info.service}.${bound.info.name}`;
  const requestOf = requestReader(request, `${where} request`);
  const write = codec.writer(response, `${where} response`) as (value: unknown) => string;
  if (codec === json) return { bound, read: requestOf, write, hooks };
  const read = codec.reader(request, limits);
  return {
    bound,
    read: (params) => read(JSON.stringify(requestOf(params) ?? null)),
    write: (value) => write(value).trimEnd(),
    hooks,
  };
}
