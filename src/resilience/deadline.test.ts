import { describe, expect, it } from "vitest";
import { backgroundContext, descriptionOf } from "../endpoint/index.ts";
import { virtualClock } from "../testing/virtual-clock.ts";
import { deadline } from "./index.ts";

describe("deadline", () => {
  it("lets a call on until its deadline, and refuses it from then on", async () => {
    const clock = virtualClock();
    const gate = deadline({ clock });
    const context = backgroundContext({ timeoutMs: 500, clock });
    expect(gate(context, context.method)).toBe(context);
    await clock.advance(499);
    expect(gate(context, context.method)).toBe(context);
    await clock.advance(1);
    expect(gate(context, context.method)).toMatchObject({
      code: "deadline_exceeded",
      reason: "deadline_exceeded",
      origin: "policy",
    });
  });

  it("takes the derived deadline when a gate before it has shortened it", () => {
    const clock = virtualClock();
    const context = backgroundContext({ timeoutMs: 500, clock });
    expect(deadline({ clock })(context.withDeadline(0), context.method)).toMatchObject({ code: "deadline_exceeded" });
  });

  it("reads no clock for a call without a deadline", () => {
    const now = (): number => expect.fail("the clock was read");
    const context = backgroundContext();
    expect(deadline({ clock: { ...virtualClock(), now } })(context, context.method)).toBe(context);
  });

  it("describes itself and refuses unknown options", () => {
    expect(descriptionOf(deadline())).toBe("deadline");
    expect(() => deadline({ ms: 5 } as never)).toThrow('deadline has no option "ms"');
  });
});
