import { describe, expect, it } from "vitest";
import { policyError } from "../errors/index.ts";
import { Cancellation } from "./index.ts";

describe("a cancellation", () => {
  it("tells every listener and the signal, also behind one that throws, and then throws what it threw", () => {
    const work = new Cancellation();
    const heard: string[] = [];
    work.onCancel(() => void heard.push("first made"));
    work.onCancel(() => {
      throw new Error("mine");
    });
    work.onCancel(() => void heard.push("last made"));
    const { signal } = work;
    expect(() => work.cancel(policyError("canceled"))).toThrow("mine");
    expect(heard).toEqual(["last made", "first made"]);
    expect(signal.aborted).toBe(true);
    work.cancel(policyError("deadline_exceeded"));
    expect(work.canceledBy?.reason).toBe("canceled");
  });
});
