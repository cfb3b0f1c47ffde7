/**
 * The add service with another service before it: both texts are trimmed before they are concatenated, and the rules do not
 * know.
 *
 * @module
 */
import { roundRobin } from "servicekit/balance";
import { client, type From } from "servicekit/client";
import { grpcClient } from "servicekit/transport/grpc";
import type { AddService } from "../addsvc/service.ts";
import { trim } from "./service.ts";

/** Calls the instances in turn, and another one where one refuses or is lost. */
export const trims = (from: From) => client(trim, grpcClient(), { from, balance: { strategy: roundRobin() } });

/** A middleware of the service. The context goes along: deadline, cancellation and trace are those of the call. */
export function trimming(next: AddService, { Trim }: ReturnType<typeof trims>): AddService {
  return {
    ...next,
    async concat({ a, b }, context) {
      const [first, second] = await Promise.all([Trim({ s: a }, context), Trim({ s: b }, context)]);
      return next.concat({ a: first.s, b: second.s }, context);
    },
  };
}
