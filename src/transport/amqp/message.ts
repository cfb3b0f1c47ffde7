/**
 * Messages as hooks see them.
 *
 * @module
 */
import type { ConsumeMessage } from "amqplib";
import type { HeaderTable } from "./wire.ts";

/** Properties of a message that its sender sets, as far as they are text. */
export interface AmqpProperties {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  /** How long the broker keeps it, in milliseconds, as text. */
  readonly expiration?: string | undefined;
  readonly messageId?: string | undefined;
  /** Here: the method. */
  readonly type?: string | undefined;
  readonly appId?: string | undefined;
  /** Who sent it: the broker vouches for it. */
  readonly userId?: string | undefined;
}

/** A request as hooks of the server see it. */
export interface AmqpRequest {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** Whether it was delivered before, and that delivery was lost. */
  readonly redelivered: boolean;
  readonly properties: AmqpProperties;
  /** As the library read them: text, numbers, bytes, tables. Written by the peer: read by own names only. */
  readonly headers: HeaderTable;
  readonly body: Uint8Array;
}

/** A reply about to be sent, as hooks of the server see it. */
export interface AmqpReply {
  body: string | Uint8Array;
  contentType: string;
  readonly headers: Record<string, unknown>;
}

/** A request about to be published, as hooks of the client see it. */
export interface AmqpClientRequest {
  exchange: string;
  routingKey: string;
  body: string | Uint8Array;
  readonly headers: Record<string, unknown>;
  /** What amqplib's `publish` takes: `priority`, `expiration`, `persistent` and so on. */
  readonly options: Record<string, unknown>;
}

/** A reply that has come, as hooks of the client see it. */
export interface AmqpClientResponse {
  readonly properties: AmqpProperties;
  readonly headers: HeaderTable;
  readonly body: Uint8Array;
}

const NOTHING: HeaderTable = {};

/** A delivery as hooks see it; made when somebody asks. */
export function requestOf(queue: string, { fields, properties, content }: ConsumeMessage): AmqpRequest {
  return {
    queue,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    redelivered: fields.redelivered,
    properties: properties as AmqpProperties,
    headers: properties.headers ?? NOTHING,
    body: content,
  };
}
