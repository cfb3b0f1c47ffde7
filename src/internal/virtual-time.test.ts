import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualTime, type VirtualTimer } from "./virtual-time.ts";

describe("VirtualTime", () => {
  it("wakes in order of time, then of setting, whatever was cancelled in between", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), delayMs: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ kind: fc.constant("cancel" as const), which: fc.nat({ max: 50 }) }),
      fc.record({ kind: fc.constant("fire" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const time = new VirtualTime(0);
        let model: { readonly dueMs: number; readonly id: number; readonly timer: VirtualTimer }[] = [];
        const woken: number[] = [];
        const due: number[] = [];
        const next = (): void => {
          const [first] = model.toSorted((a, b) => a.dueMs - b.dueMs || a.id - b.id);
          model = model.filter((one) => one !== first);
          due.push(first!.id);
          time.fire();
          expect(time.now()).toBe(first!.dueMs);
        };
        steps.forEach((one, id) => {
          if (one.kind === "set") {
            const dueMs = time.now() + one.delayMs;
            model.push({ dueMs, id, timer: time.after(one.delayMs, () => woken.push(id)) });
          } else if (one.kind === "fire") {
            if (model.length > 0) next();
          } else if (model.length > 0) {
            const gone = model[one.which % model.length]!;
            gone.timer.cancel();
            gone.timer.cancel();
            model = model.filter((other) => other !== gone);
          }
          expect(time.pending).toBe(model.length);
        });
        while (model.length > 0) next();
        expect(woken).toEqual(due);
        expect(time.dueMs).toBe(Infinity);
      }),
    );
  });

  it("never sets a time that has passed", () => {
    const time = new VirtualTime(1000);
    time.after(5, () => undefined);
    time.fire();
    time.after(-3, () => undefined);
    expect(time.dueMs).toBe(5);
    expect(time.date()).toBe(1005);
  });
});
