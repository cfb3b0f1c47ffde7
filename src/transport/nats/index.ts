/**
 * Request and reply over NATS, and durable messages over its JetStream. Needs the package
 * `@nats-io/transport-node`, an optional peer of this one, for both.
 *
 * @module
 */
export { natsServer, type NatsServerOptions } from "./server.ts";
export { natsClient, type NatsClientOptions } from "./client.ts";
export { jetstreamServer, type JetStreamServerOptions } from "./jetstream-server.ts";
export { jetstreamClient, type JetStreamClientOptions } from "./jetstream-client.ts";
export type { JetStreamStream } from "./jetstream-stream.ts";
export type { JetStreamMessage } from "./jetstream-delivery.ts";
export type { NatsDraft, NatsMessage } from "./message.ts";
export type { ConnectOptions } from "./link.ts";
export type { ServiceInfo } from "./discovery.ts";
export type { SubjectOf } from "./subject.ts";
