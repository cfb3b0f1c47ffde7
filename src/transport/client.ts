/**
 * What a client transport is: messages to one instance and back. Choosing the instance, deadlines, breakers and
 * validation are the client room's, the same for every transport.
 *
 * @module
 */
import type { ActiveCall } from "../endpoint/index.ts";
import type { AnyService } from "../contract/index.ts";
import type { Clock } from "../time/index.ts";

/** A transport that calls, as a value. */
export interface ClientTransport {
  readonly name: string;
  /**
   * Whether what it is told to call is a broker in front of the instances. Then no breaker stands before it unless asked for:
   * it would shut out all of them for as long as it is open, when the broker was away for a moment.
   */
  readonly isBroker?: true | undefined;
  /** Makes the way to one instance of a service; opens nothing until the first call. */
  open(service: AnyService, instance: string, clock: Clock): Channel;
  readonly "~client": true;
}

/** A client transport that needs no address. */
export interface LocalTransport extends ClientTransport {
  readonly "~local": true;
}

/** The way to one instance. Senders are prepared once per method. */
export interface Channel {
  /** For methods that are answered once. */
  unary(method: string): UnarySender;
  /** For methods that are answered by a stream. */
  stream(method: string): StreamSender;
  /** Lets calls in flight finish, then frees connections. */
  close(): Promise<void>;
}

/**
 * Sends a request (wire form; an iterable where many go) and resolves with the wire value of the answer, not yet
 * validated. Rejects with a ServiceError: one read from the answer has origin "peer" with the peer's reason and details,
 * one of this side's making "policy" (`deadline_exceeded`, `canceled`, `unreachable`, `connection_lost`, …). It minds
 * `call.context.deadlineMs` and `call.onCancel`, sends `call.outgoingIfAny`, trace and request id, and sets
 * `call.requestBytes`, `responseBytes`, `status`, `peer` and `incoming`.
 */
export type UnarySender = (request: unknown, call: ActiveCall) => Promise<unknown>;

/** The same, answered by a stream of wire values; ending the iteration early calls the call off. */
export type StreamSender = (request: unknown, call: ActiveCall) => AsyncIterable<unknown>;
