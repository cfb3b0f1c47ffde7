/**
 * Both services as the gateway has them: a client of a contract is an implementation of it.
 *
 * @module
 */
import { roundRobin } from "servicekit/balance";
import { client, type From } from "servicekit/client";
import { grpcClient } from "servicekit/transport/grpc";
import { goGrpc } from "../addsvc/foreign.ts";
import { add } from "../addsvc/service.ts";
import { strings } from "../stringsvc2/service.ts";
import { goHttpClient } from "../stringsvc3/transport.ts";

/** Where the instances are, and how they are called. */
export interface GatewayOptions {
  readonly addsvc: From;
  readonly stringsvc: From;
  /** Attempts in all, each at another instance where there is one. */
  readonly tries: number;
  /** All attempts together. */
  readonly timeoutMs: number;
}

/** Clients of both; each has one connection per instance over gRPC, where Go kit has one per method. */
export function gateway({ addsvc, stringsvc, tries, timeoutMs }: GatewayOptions) {
  const policies = { timeoutMs, retry: { tries }, balance: { strategy: roundRobin() } };
  const sums = client(add, grpcClient({ foreign: [goGrpc] }), { ...policies, from: addsvc });
  const texts = client(strings, goHttpClient(), { ...policies, from: stringsvc });
  return {
    services: [add.implement(sums), strings.implement(texts)],
    async [Symbol.asyncDispose]() {
      await Promise.all([sums[Symbol.asyncDispose](), texts[Symbol.asyncDispose]()]);
    },
  };
}
