/**
 * The way to a service over NATS: senders that share one connection.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { policyError, toServiceError, type ServiceError } from "../../errors/index.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import { NatsExchange } from "./client-call.ts";
import { clientPlan, type ClientPlan, type ClientPlanOptions } from "./client-plan.ts";
import { ClientStream } from "./client-stream.ts";

/** Makes the channel of a service. */
export function natsChannel(options: ClientPlanOptions, close: () => Promise<void>): Channel {
  return {
    unary(name): UnarySender {
      const plan = clientPlan(name, options);
      if (plan.takesMany) return collected(plan);
      return function send(request, call) {
        return new Promise((resolve, reject) => new NatsExchange(plan, call, [resolve, reject]).start(request));
      };
    },
    stream(name): StreamSender {
      const plan = clientPlan(name, options);
      return (request, call) => streamed(plan, request, call);
    },
    close,
  };
}

const NOTHING = new Uint8Array(0);

async function* streamed(
  plan: ClientPlan,
  request: unknown,
  call: ActiveCall,
): AsyncGenerator<unknown, void, undefined> {
  const { caller } = plan;
  const first = plan.takesMany ? NOTHING : plan.write(request);
  const connection = caller.up ?? (await caller.ready(call));
  if (call.canceledBy !== undefined) throw call.canceledBy;
  const stream = new ClientStream(plan, call, connection);
  let error: ServiceError | undefined;
  try {
    stream.open(first, request);
    for (;;) {
      const data = await stream.read();
      if (data === undefined) return;
      yield plan.read(data);
    }
  } catch (thrown) {
    error = toServiceError(thrown);
    throw error;
  } finally {
    stream.leave(error);
  }
}

// A method that takes many messages and answers once: the stream of its answers has one.
function collected(plan: ClientPlan): UnarySender {
  return async function collect(request, call) {
    let answer: unknown;
    let count = 0;
    for await (const one of streamed(plan, request, call)) {
      answer = one;
      count++;
    }
    if (count === 1) return answer;
    throw policyError("invalid_response", { message: "there should be one answer" });
  };
}
