import { describe, expect, it } from "vitest";
import { virtualClock } from "../testing/index.ts";
import { Shared } from "./shared.ts";

describe("what is shared by address", () => {
  it("is made once, and closed with its last user, however often each lets go", async () => {
    const shared = new Shared();
    const clock = virtualClock();
    const log: string[] = [];
    let made = 0;
    const make = () => {
      const name = `${++made}`;
      return { close: async () => void log.push(`closed ${name}`) };
    };
    const [one, other] = [shared.take("a", clock, make), shared.take("a", clock, make)];
    expect(one!.of).toBe(other!.of);
    await one!.close();
    await one!.close();
    expect(log).toEqual([]);
    await other!.close();
    expect(log).toEqual(["closed 1"]);
    const again = shared.take("a", clock, make);
    const elsewhere = shared.take("a", virtualClock(), make);
    expect(elsewhere.of).not.toBe(again.of);
    await again.close();
    await elsewhere.close();
    expect(log).toEqual(["closed 1", "closed 2", "closed 3"]);
  });
});
