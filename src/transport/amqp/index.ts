/**
 * Calls and messages over AMQP 0-9-1 (RabbitMQ). Needs the package `amqplib`, an optional peer of this one.
 *
 * @module
 */
export {};
