/**
 * Service Kit's core: errors, endpoints and the contract. It reaches nothing of the platform and loads in a few
 * milliseconds; servers, clients, transports and policies have doors of their own.
 *
 * @module
 */
export {
  error,
  ServiceError,
  type Code,
  type ErrorType,
  type Outcome,
  type Reason,
  type Schema,
} from "./errors/index.ts";
export {
  backgroundContext,
  chain,
  key,
  settle,
  type Call,
  type Context,
  type Endpoint,
  type Gate,
  type Key,
  type MethodInfo,
  type Middleware,
  type Observe,
  type Observer,
  type StreamEndpoint,
  type StreamMiddleware,
} from "./endpoint/index.ts";
export {
  method,
  oneWay,
  service,
  type CallOptions,
  type Client,
  type Handlers,
  type Implementation,
  type Method,
  type Policy,
  type Result,
  type Service,
  type Types,
} from "./contract/index.ts";
