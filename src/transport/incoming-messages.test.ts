import { describe, expect, it } from "vitest";
import { policyError } from "../errors/index.ts";
import { IncomingMessages, type ByteSource } from "./incoming-messages.ts";

/** Gives these pieces, one each time it is asked; a message is a byte. */
function bytes(pieces: readonly (readonly number[])[], later?: (byte: number) => unknown) {
  const log = { reads: 0, refused: [] as unknown[], received: 0 };
  const rest = [...pieces];
  let stopped: Error | undefined;
  const source: ByteSource = {
    read() {
      log.reads++;
      if (stopped !== undefined) return Promise.reject(stopped);
      const next = rest.shift();
      return Promise.resolve(next && Uint8Array.from(next));
    },
    stop: (reason) => void (stopped = reason),
  };
  const queue: number[] = [];
  const messages = new IncomingMessages<number>({
    source,
    frames: { push: (chunk) => void queue.push(...chunk), take: () => queue.shift(), end() {} },
    read: (byte) => (later === undefined ? byte : later(byte)),
    validate: (wire) => (wire === 13 ? { issues: [{ message: "unlucky" }] } : { value: wire }),
    arrived() {},
    received: () => void log.received++,
    refused: (error) => void log.refused.push(error),
  });
  return { messages, log };
}

describe("incoming messages", () => {
  it("are read only as they are asked for", async () => {
    const { messages, log } = bytes([[1, 2], [3]]);
    expect(log.reads).toBe(0);
    expect((await messages.next()).value).toBe(1);
    expect((await messages.next()).value).toBe(2);
    expect(log.reads).toBe(1);
    const rest: unknown[] = [];
    for await (const one of messages) rest.push(one);
    expect(rest).toEqual([3]);
  });

  it("keep their order when several are asked for at once, whatever takes longer", async () => {
    const slowFirst = (byte: number): unknown =>
      byte % 2 === 1 ? new Promise((resolve) => void queueMicrotask(() => queueMicrotask(() => resolve(byte)))) : byte;
    const { messages } = bytes([[1], [2, 3], [4]], slowFirst);
    const steps = await Promise.all(Array.from({ length: 6 }, () => messages.next()));
    expect(steps.map(({ value }) => value as unknown)).toEqual([1, 2, 3, 4, undefined, undefined]);
    expect(steps.map(({ done }) => done === true)).toEqual([false, false, false, false, true, true]);
  });

  it("that do not fit are refused once, and none follows", async () => {
    const { messages, log } = bytes([[1, 13, 2]]);
    expect((await messages.next()).value).toBe(1);
    await expect(messages.next()).rejects.toMatchObject({ reason: "invalid_request" });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(log.refused).toHaveLength(1);
    expect(log.received).toBe(2);
  });

  it("fail who reads when the call is over", async () => {
    const { messages, log } = bytes([[1]]);
    await messages.next();
    messages.stop(policyError("canceled"));
    await expect(messages.next()).rejects.toMatchObject({ reason: "canceled" });
    expect(log.refused).toHaveLength(1);
  });

  it("fail then, also those that had come: observers have seen the call's end", async () => {
    const { messages, log } = bytes([[1, 2, 3]]);
    await messages.next();
    const reason = policyError("deadline_exceeded");
    messages.stop(reason);
    await expect(messages.next()).rejects.toBe(reason);
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(log.received).toBe(1);
  });

  it("end for who leaves off", async () => {
    const { messages, log } = bytes([[1, 2, 3]]);
    for await (const one of messages) if (one === 2) break;
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(log.received).toBe(2);
  });
});
