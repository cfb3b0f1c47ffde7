/**
 * One method as one function, what wraps it, and what it is given: the room every other room builds on.
 *
 * @module
 */
export { chain, type Endpoint, type Middleware, type StreamEndpoint, type StreamMiddleware } from "./endpoint.ts";
export { settle } from "./settle.ts";
export type { Admission, Gate } from "./gate.ts";
export type { Direction, FusedObserver, Observe, Observer } from "./observer.ts";
export { isContext, type Context } from "./context.ts";
export { backgroundContext, type BackgroundOptions } from "./background.ts";
export { key, type Key } from "./key.ts";
export type { Call } from "./call.ts";
export { OTHER, TIMEOUT_MS, type Kind, type MethodInfo, type Side } from "./method.ts";
export { Metadata, type Carrier } from "./metadata.ts";
export type { Trace } from "./trace.ts";
export type { Subscription } from "./cancellation.ts";

// For people who write adapters.
export { ActiveCall, type CallStart } from "./call.ts";
export { Cancellation } from "./cancellation.ts";
export { CallContext, valuesOf, type ContextSource, type Values } from "./context.ts";
export { described, descriptionOf, stateOf, type LayerState } from "./description.ts";
export { noMetadata } from "./metadata.ts";
export { observed, observeOf } from "./gate.ts";
export { fuse } from "./observer.ts";
