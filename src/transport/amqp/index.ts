/**
 * Calls and messages over AMQP 0-9-1 (RabbitMQ). Needs the package `amqplib`, an optional peer of this one.
 *
 * @module
 */
export { amqpServer, type AmqpServerOptions } from "./server.ts";
export { amqpClient, type AmqpClientOptions, type AmqpRoute } from "./client.ts";
export type { AmqpBinding, AmqpQueue } from "./queues.ts";
export type { AmqpConnectOptions, ReconnectOptions } from "./connect.ts";
export type { AmqpClientRequest, AmqpClientResponse, AmqpProperties, AmqpReply, AmqpRequest } from "./message.ts";
