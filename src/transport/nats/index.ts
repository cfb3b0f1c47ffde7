/**
 * Request and reply over NATS, and durable messages over its JetStream. Needs the package `@nats-io/transport-node`, and
 * `@nats-io/jetstream` for JetStream, optional peers of this one.
 *
 * @module
 */
export {};
