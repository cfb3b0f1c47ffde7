/**
 * The gRPC server transport.
 *
 * @module
 */
import { ActiveCall } from "../../endpoint/index.ts";
import type { ServiceError } from "../../errors/index.ts";
import { OneWays } from "../one-way.ts";
import type { App, Listening, ServerTransport } from "../server.ts";
import { GrpcDispatcher } from "./server-dispatcher.ts";
import { GrpcListener } from "./server-listener.ts";
import { otherPlan } from "./server-plan.ts";
import { servicesOf } from "./server-services.ts";
import { grpcSettings, type GrpcServerOptions } from "./server-settings.ts";
import { statusOf } from "./status.ts";

/**
 * Serves over gRPC: every method of the contract, of any kind, with messages in protobuf. Beside them `grpc.health.v1` and
 * `grpc.reflection.v1`, which pass none of the server's observers and gates.
 *
 * @throws {RangeError | TypeError} when an option is wrong, or, on listening, a method has no messages in protobuf.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { serve } from "servicekit/server";
 * import { grpcClient, grpcServer } from "servicekit/transport/grpc";
 * import { z } from "zod";
 *
 * const pair = z.object({ a: z.int(), b: z.int() });
 * const add = service("add", { sum: method({ request: pair, response: z.object({ v: z.int() }) }) });
 * const impl = add.implement({ sum: ({ a, b }) => ({ v: a + b }) });
 * const running = await serve(impl, { on: [grpcServer({ port: 0 })], log: false, signals: false });
 * await using remote = client(add, grpcClient(), { from: running.addresses[0]! });
 * await remote.sum({ a: 1, b: 2 }); // => { v: 3 }
 * await running.stop();
 * ```
 */
export function grpcServer(options: GrpcServerOptions): ServerTransport {
  const settings = grpcSettings(options);
  return {
    name: "grpc",
    "~server": true,
    async listen(app): Promise<Listening> {
      const { limits, compress, hooks, writeTimeoutMs } = settings;
      const oneWays = new OneWays();
      const services = servicesOf(app, settings);
      const other = otherPlan(app.other, { limits, compress, hooks });
      const dispatcher = new GrpcDispatcher({ app, plans: services.plans, other, writeTimeoutMs, oneWays });
      const listener = new GrpcListener(settings, {
        clock: app.clock,
        oneWays,
        stream: (stream, headers, rawHeaders) => dispatcher.handle(stream, headers, rawHeaders),
        broken: (error, peer) => observeBroken(app, error, peer),
      });
      const address = await listener.open();
      return {
        addresses: [address],
        drain() {
          services.drain();
          return listener.drain();
        },
        close() {
          services.drain();
          return listener.close();
        },
      };
    },
  };
}

// What never became a call is observed all the same, as one of no method.
function observeBroken(app: App, error: ServiceError, peer: string): void {
  const { info, observer } = app.other;
  const call = new ActiveCall(info, { startMs: app.clock.now(), timeoutMs: info.timeoutMs, transport: "grpc" });
  call.peer = peer;
  observer.start(call);
  call.error = error;
  call.status = statusOf(error);
  call.outcome = error.code;
  observer.end(call);
}
