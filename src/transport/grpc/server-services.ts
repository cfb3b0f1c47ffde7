/**
 * What a server serves by path: the user's services, and those of gRPC's own that it adds.
 *
 * @module
 */
import type { DescService } from "@bufbuild/protobuf";
import type { Implementation } from "../../contract/index.ts";
import { bind, type BoundService } from "../bind.ts";
import { rpcsOf, type RpcService } from "../protobuf/rpc.ts";
import type { App } from "../server.ts";
import { rpcsWith } from "./foreign.ts";
import { health } from "./health.ts";
import { reflection } from "./reflection.ts";
import { planOf, type GrpcPlan, type PlanSettings } from "./server-plan.ts";
import type { GrpcSettings } from "./server-settings.ts";

/** All that is served. */
export interface Services {
  readonly plans: ReadonlyMap<string, GrpcPlan>;
  /** The server drains: ends the streams of its own services. */
  drain(): void;
}

/**
 * Plans every method of an app, and of the services the settings ask for.
 *
 * @throws {TypeError} when a message cannot be written in binary, naming the method; {RangeError} when two have one path.
 */
export function servicesOf(app: App, settings: GrpcSettings): Services {
  const plans = new Map<string, GrpcPlan>();
  const { limits, compress, hooks } = settings;
  const descs: DescService[] = [];
  for (const bound of app.services) {
    const rpcs = rpcsWith(bound.service, settings.foreign);
    descs.push(rpcs.desc);
    for (const [path, plan] of planned(bound, rpcs, { limits, compress, hooks })) {
      if (plans.has(path)) throw new RangeError(`the path ${path} is that of two methods`);
      plans.set(path, plan);
    }
  }
  const own = settings.health
    ? health(
        app,
        descs.map(({ typeName }) => typeName),
      )
    : undefined;
  const added: Implementation[] = own === undefined ? [] : [own.implementation];
  const mirror = settings.reflection
    ? reflection([...descs, ...added.map(({ service }) => rpcsOf(service).desc)])
    : undefined;
  if (mirror !== undefined) added.push(...mirror.implementations);
  // No call of the user's: neither counted nor logged, nor asked for by the user's gates.
  const { clock, report, failed } = app.other.around;
  const around = { clock, observers: [], gates: [], policy: {}, values: undefined, report, failed };
  for (const implementation of added) {
    const bound = bind(implementation, around);
    for (const [path, plan] of planned(bound, rpcsOf(implementation.service), { limits, compress: false, hooks: {} })) {
      // Who serves it himself knows better.
      if (!plans.has(path)) plans.set(path, plan);
    }
  }
  return {
    plans,
    drain() {
      own?.drain();
      mirror?.drain();
    },
  };
}

function planned(bound: BoundService, { rpcs }: RpcService, settings: PlanSettings): [string, GrpcPlan][] {
  return [...rpcs].map(([name, rpc]) => [rpc.path, planOf(bound.methods.get(name)!, rpc, settings)]);
}
