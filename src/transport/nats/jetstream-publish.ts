/**
 * The way to a service over JetStream: requests whose answer is the stream's word that it has them.
 *
 * @module
 */
import { ActiveCall, CallContext, type Context } from "../../endpoint/index.ts";
import { bareError, policyError, type Code, type ServiceError } from "../../errors/index.ts";
import { newRequestId } from "../../internal/ids.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import { NatsExchange, NOBODY } from "./client-call.ts";
import type { ClientPlan, ClientPlanOptions } from "./client-plan.ts";
import { bytesOf, type NatsDraft } from "./message.ts";

/** Makes the channel of a service. */
export function jetstreamChannel(options: ClientPlanOptions, close: () => Promise<void>): Channel {
  const { service } = options;
  return {
    unary(name): UnarySender {
      if (service.methods[name]!.oneWay !== true) return () => Promise.reject(answered(service.name, name));
      const plan = publishPlan(name, options);
      return function publish(request, call) {
        return new Promise((resolve, reject) => {
          const refuse = (error: ServiceError): void =>
            reject(error.message === NOBODY ? noStream(plan.subject) : error);
          new NatsExchange(plan, call, [resolve, refuse]).start(request);
        });
      };
    },
    stream(name): StreamSender {
      return () => {
        throw answered(service.name, name);
      };
    },
    close,
  };
}

function answered(service: string, method: string): ServiceError {
  return policyError("unknown_method", {
    message: `${service}.${method} is answered, and JetStream carries one-way calls only: call it over another transport`,
  });
}

function noStream(subject: string): ServiceError {
  return policyError("unreachable", { message: `no stream has the subject ${subject}` });
}

function publishPlan(name: string, options: ClientPlanOptions): ClientPlan {
  const { caller, service, subjects, codec, hooks, constant } = options;
  const encode = codec.writer(service.methods[name]!.request, `${service.name}.${name} request`, "invalid_request");
  return {
    caller,
    subject: subjects(service.name, name),
    // What is published cannot be taken back: an inbox that nobody reads hears of it.
    cancelSubject: `${caller.inbox}none`,
    takesMany: false,
    hooks: { ...hooks, before: [setId, ...(hooks.before ?? [])] },
    constant,
    encoding: "utf8",
    write: (request) => bytesOf(encode(request)),
    read: readAck,
  };
}

/**
 * The id of a call, by which the stream knows it again. A request's own id will not do for calls that are made for another
 * one: they all have that one's.
 */
const ids = new WeakMap<ActiveCall, string>();

function setId(context: Context, message: NatsDraft): void {
  message.header("Nats-Msg-Id", idOf(context));
}

function idOf(context: Context): string {
  const call = context instanceof CallContext ? context.call : undefined;
  if (!(call instanceof ActiveCall)) return newRequestId();
  if (call.parent === undefined) return call.requestId;
  let id = ids.get(call);
  if (id === undefined) ids.set(call, (id = newRequestId()));
  return id;
}

/** The word of a stream, as far as it matters. */
interface PubAck {
  readonly stream?: string;
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
}

function readAck(data: Uint8Array): undefined {
  let ack: PubAck | null;
  try {
    ack = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8")) as PubAck | null;
  } catch (cause) {
    throw policyError("invalid_response", { message: "the stream's answer cannot be read", cause });
  }
  if (ack?.error !== undefined) throw refusal(ack.error);
  if (typeof ack?.stream !== "string")
    throw policyError("invalid_response", {
      message: "no stream, but somebody else answered: is the method served by natsServer at the same subject?",
    });
  return undefined;
}

/** JetStream's numbers for a stream that is full: of messages or bytes, of memory or disk. */
const FULL: ReadonlySet<number> = new Set([10_023, 10_028, 10_047, 10_077, 10_122]);

function refusal({ code = 0, err_code: number = 0, description }: NonNullable<PubAck["error"]>): ServiceError {
  const message = typeof description === "string" ? description.slice(0, 512) : "the stream refused the message";
  let as: Code = code >= 500 ? "unavailable" : "failed_precondition";
  if (FULL.has(number)) as = "resource_exhausted";
  return bareError(message, { code: as, reason: as, origin: "peer" });
}
