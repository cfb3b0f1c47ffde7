/**
 * The string service at other instances: what a client does by itself, in Go kit's numbers.
 *
 * @module
 */
import { roundRobin } from "servicekit/balance";
import { client, type From } from "servicekit/client";
import { strings } from "../stringsvc2/service.ts";
import { goHttpClient } from "./transport.ts";

/** A breaker for each instance is there without asking. The time is that of all attempts together. */
export const proxy = (from: From, timeoutMs: number) =>
  client(strings, goHttpClient(), {
    from,
    timeoutMs,
    retry: { tries: 3 },
    limit: { perSecond: 100 },
    balance: { strategy: roundRobin() },
  });
