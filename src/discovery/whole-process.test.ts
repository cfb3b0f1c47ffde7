import { expect, it } from "vitest";
import { alone } from "../../test/alone.ts";

it("keeps no process alive: a watch that waits, a back-off, an interval, heart-beats", async () => {
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
});

it("goes on while somebody waits until a source is ready, or an instance is taken out", async () => {
  const said = await alone(`
    import { filtered, registrar, source } from "src/discovery/index.ts";
    const later = (ms, run) => void setTimeout(run, ms).unref();
    const slow = () => source({ name: "x", watch: ({ list }) => new Promise(() => later(300, () => list(["a:1"]))) });
    console.log((await slow().ready()).state, (await filtered(slow(), {}).ready()).state);
    let tries = 0;
    const announcer = {
      name: "x",
      renewMs: 60_000,
      register: async () => undefined,
      renew: async () => undefined,
      deregister: async () => { if (++tries < 3) throw new Error("busy"); },
    };
    const mine = registrar({ announcer, instance: "a:1", closeMs: 60_000, random: { fraction: () => 0.9, hex: () => "" } });
    await mine.start();
    await mine.close();
    console.log(tries, mine.registration.error);
  `);
  expect(said).toBe("fresh fresh\n3 undefined");
});
