/**
 * The contract: a service described once, as a value. No decorator, no container, no code generation.
 *
 * @module
 */
export { method, type MethodSpec } from "./method.ts";
export { oneWay, type OneWaySpec, type OneWayTypes } from "./one-way.ts";
export { service, type Attach, type Implementation, type PerMethod, type Service } from "./service.ts";
export type { BreakerPolicy, BudgetPolicy, HedgePolicy, LimitPolicy, Policy, RetryPolicy } from "./policy.ts";
export type {
  CallOptions,
  Client,
  Handler,
  Handlers,
  Method,
  MethodCall,
  Methods,
  Result,
  StreamCall,
  Types,
  UnaryCall,
} from "./types.ts";

// For people who write adapters.
export { nothing } from "./one-way.ts";
export { shapeOf, type JsonSchemaObject, type Shape } from "./shape.ts";
export type { AnyAttach, AnyService, MethodPolicy } from "./service.ts";
export type { AnyMethod, RequestOf, TypesIn, TypesOf } from "./types.ts";
