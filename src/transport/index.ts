/**
 * What all transports share: their interfaces, the way of a call through a server, codecs, limits and metadata names.
 *
 * @module
 */
export { json, type ByteStream, type Codec } from "./codec.ts";
export { bytesSchema, byteStreamSchema, withFields } from "./bytes.ts";
export { limitsOf, type LimitOptions, type Limits } from "./limits.ts";
export type { App, HealthAnswer, HealthView, Listening, ServerTransport, Watch } from "./server.ts";
export type { Channel, ClientTransport, LocalTransport, StreamSender, UnarySender } from "./client.ts";
export { printStacks, type Layer } from "./stack.ts";
export { fieldNumbers, numbered, type FieldNumbers } from "./numbering.ts";

// For people who write adapters.
export { bind, bindOther, type BoundMethod, type BoundService, type Project, type Surroundings } from "./bind.ts";
export { schemaOf } from "./codec.ts";
export { ATTEMPT, CORRELATION_ID, CRITICALITY, REQUEST_ID, TIMEOUT } from "./names.ts";
export type { Hooks } from "./hooks.ts";
export {
  messageTypesOf,
  type FieldType,
  type JsonFieldType,
  type MessageField,
  type MessageType,
  type MethodMessages,
  type RemovedField,
  type SingleType,
} from "./message-types.ts";
export type { FieldNumber, MessageNumbers } from "./numbering-rules.ts";
export { invalidRequest, ServerCall } from "./server-call.ts";
export { ServerStream } from "./server-stream.ts";
