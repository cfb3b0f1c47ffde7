import { expect, it } from "vitest";
import { alone } from "../../test/alone.ts";

it(
  "keeps no process alive: a watch that waits, a back-off, an interval, heart-beats",
  { timeout: 60_000 },
  async () => {
    const said = await alone(`
    import { polled, registrar, source } from "src/discovery/index.ts";
    const hear = () => undefined;
    const watches = [
      ({ list }) => new Promise(() => list(["a:1"])),
      () => Promise.reject(new Error("away")),
      polled({ look: () => ["a:1"] }),
    ];
    for (const watch of watches) source({ name: "x", watch }).subscribe(hear);
    const done = async () => undefined;
    const announcer = { name: "x", renewMs: 60_000, register: done, renew: done, deregister: done };
    const mine = registrar({ announcer, instance: "a:1" });
    await mine.start();
    console.log(mine.registration.state);
  `);
    expect(said).toBe("registered");
  },
);
