/**
 * Cases about registries in trouble: down at start, killed later, frozen.
 *
 * @module
 */
import assert from "node:assert/strict";
import { sleep } from "../time/index.ts";
import { Place, type Watched } from "./registry-sample.ts";
import type { OpenCase, RegistryHarness } from "./source-suite.ts";

/** How long a client may take to see that a server is back, beyond the 2 s it should: machines are slow. */
const RECOVERY_MS = 30_000;

/** Cases that maltreat the server; each leaves it running. */
export function registryFaultCases(harness: RegistryHarness): readonly OpenCase[] {
  const needs = ["server"] as const;
  const server = harness.server!;
  return [
    {
      id: "fault/down-at-start",
      name: "a source whose registry is down says so, goes by its seed, and sees the registry soon after it is up",
      needs,
      async run() {
        const place = new Place(harness);
        const [seed, one] = [place.instance(), place.instance()];
        let isUp = false;
        await server.kill();
        try {
          using watched = place.watch();
          using seeded = place.watch({ seed: [seed] });
          assert.equal((await seeded.source.ready()).state, "seed");
          await seeded.shows(seed);
          await lost(place, watched);
          assert.equal(watched.source.listing.state, "starting");
          const gone = new AbortController();
          const waited = watched.source.ready(gone.signal);
          gone.abort(new Error("not ready in time"));
          await assert.rejects(waited, { message: "not ready in time" });
          await server.restart();
          isUp = true;
          await place.until(() => (watched.source.listing.state === "fresh" ? undefined : "is not fresh"), RECOVERY_MS);
          await place.put(one);
          await watched.shows(one);
          await seeded.shows(one);
        } finally {
          if (!isUp) await server.restart();
        }
      },
    },
    {
      id: "fault/killed",
      name: "when the server is killed the last list is kept, and its successor is found",
      needs,
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        await place.put(one);
        using watched = place.watch();
        await watched.shows(one);
        await server.kill();
        try {
          await lost(place, watched);
          const { state, error, instances } = watched.source.listing;
          assert.deepEqual([state, error instanceof Error, instances.length], ["stale", true, 1]);
        } finally {
          await server.restart();
        }
        await place.put(two);
        await place.until(() => {
          const found = watched.source.listing.instances.some(({ address }) => address === two.address);
          return found
            ? undefined
            : `shows ${watched.source.listing.instances.length} instances, ${watched.source.listing.state}`;
        }, RECOVERY_MS);
        assert.equal(watched.source.listing.state, "fresh");
        assert.equal(
          watched.events.filter(({ kind }) => kind === "lost").length,
          watched.events.filter(({ kind }) => kind === "back").length,
        );
      },
    },
    {
      id: "fault/frozen",
      name: "when the server is frozen that is seen, the last list is kept, and it is used again when it goes on",
      needs,
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        await place.put(one);
        using watched = place.watch({ silenceMs: 3000 });
        await watched.shows(one);
        server.freeze();
        try {
          await lost(place, watched);
          assert.deepEqual([watched.source.listing.state, watched.source.listing.instances.length], ["stale", 1]);
        } finally {
          server.thaw();
        }
        await place.put(two);
        await place.until(() => {
          const found = watched.source.listing.instances.some(({ address }) => address === two.address);
          return found
            ? undefined
            : `shows ${watched.source.listing.instances.length} instances, ${watched.source.listing.state}`;
        }, RECOVERY_MS);
      },
    },
    {
      id: "fault/leave-while-down",
      name: "who leaves while the server is down or frozen leaves nothing behind",
      needs,
      async run() {
        for (const trouble of ["freeze", "kill"] as const) {
          const place = new Place(harness);
          const watched = place.watch({ silenceMs: 3000 });
          await place.until(() => (watched.source.listing.state === "fresh" ? undefined : "is not fresh"));
          await server[trouble]();
          try {
            watched.leave();
            await place.until(() => (watched.clock.pending === 0 ? undefined : "timers wait"), 5000);
            const early = place.watch();
            await place.until(() => (early.clock.pending > 0 ? undefined : "has not begun"));
            early.leave();
            await place.until(() => (early.clock.pending === 0 ? undefined : "timers wait"), 5000);
          } finally {
            if (trouble === "freeze") server.thaw();
            else await server.restart();
          }
        }
      },
    },
    {
      id: "fault/registrar-down-at-start",
      name: "a registrar whose registry is down does not hold up the start, and registers soon after it is up",
      needs: ["server", "announcer"],
      async run() {
        const place = new Place(harness);
        const one = place.instance();
        await server.kill();
        const mine = place.registrar(one, { startMs: 300 });
        try {
          await mine.start();
          assert.equal(mine.registration.state, "registering");
          await place.until(() => (mine.registration.error === undefined ? "no error is shown" : undefined));
          const strict = place.registrar(place.instance(), { startMs: 300, required: true });
          await assert.rejects(strict.start(), /did not succeed within 300 ms/);
        } finally {
          await server.restart();
        }
        await place.until(
          () => (mine.registration.state === "registered" ? undefined : mine.registration.state),
          RECOVERY_MS,
        );
        using watched = place.watch();
        await watched.shows(one);
        await mine.close();
      },
    },
    ...(["kill", "freeze"] as const).map((trouble): OpenCase => ({
      id: `fault/registrar-${trouble}`,
      name: `a registration that is over because the server was ${trouble === "kill" ? "killed" : "frozen"} for longer than its time comes again`,
      needs: ["server", "announcer"],
      async run() {
        const place = new Place(harness);
        const one = place.instance();
        await using mine = place.registrar(one, { startMs: place.patienceMs, callMs: 1000 });
        await mine.start();
        await server[trouble]();
        try {
          await place.until(
            () => (mine.registration.state === "lost" ? undefined : mine.registration.state),
            harness.ttlMs + RECOVERY_MS,
          );
          // Noticed long before it is over.
          await sleep(harness.ttlMs);
        } finally {
          if (trouble === "kill") await server.restart();
          else server.thaw();
        }
        await place.until(
          () => (mine.registration.state === "registered" ? undefined : String(mine.registration.error)),
          harness.ttlMs + RECOVERY_MS,
        );
        using watched = place.watch();
        await place.until(
          () =>
            watched.source.listing.instances.some(({ address }) => address === one.address)
              ? undefined
              : "is not found",
          harness.ttlMs + RECOVERY_MS,
        );
      },
    })),
  ];
}

/** Until it is seen that the server is away now: a connection of an earlier case may have been lost before. */
async function lost(place: Place, { source }: Watched): Promise<void> {
  const isLost = (): boolean => source.listing.state !== "fresh" && source.listing.error !== undefined;
  await place.until(() => (isLost() ? undefined : "has not seen that the server is away"), RECOVERY_MS);
}
