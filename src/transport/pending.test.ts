import { describe, expect, it } from "vitest";
import { Cancellation, type ActiveCall } from "../endpoint/index.ts";
import { policyError } from "../errors/index.ts";
import { Pending, type Waiting } from "./pending.ts";

function waiting(log: string[], call = new Cancellation()): Waiting & { readonly call: ActiveCall } {
  return {
    call: call as ActiveCall,
    resolve: (wire) => void log.push(`answer ${String(wire)}`),
    reject: ({ reason }) => void log.push(reason),
  };
}

describe("calls that wait for a reply", () => {
  it("are settled once, by their own number, and found no more", () => {
    const pending = new Pending();
    const log: string[] = [];
    const [one, other] = [pending.add(waiting(log)), pending.add(waiting(log))];
    pending.get(other!.id)!.resolve(2);
    other!.resolve(3);
    other!.reject(policyError("canceled"));
    expect([pending.get(other!.id), pending.get(one!.id), pending.size]).toEqual([undefined, one, 1]);
    pending.failAll(policyError("connection_lost"));
    expect(log).toEqual(["answer 2", "connection_lost"]);
  });

  it("leave when they are called off, also before they came", async () => {
    const pending = new Pending();
    const log: string[] = [];
    const call = new Cancellation();
    pending.add(waiting(log, call));
    const idle = pending.idle();
    call.cancel(policyError("canceled"));
    await idle;
    expect(pending.add(waiting(log, call)).id).toBe(2);
    expect([log, pending.size]).toEqual([["canceled", "canceled"], 0]);
  });
});
