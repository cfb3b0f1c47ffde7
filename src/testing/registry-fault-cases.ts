/**
 * Cases about registries in trouble: down at start, killed later, frozen.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Instance, Registrar, RegistrationState } from "../discovery/index.ts";
import { sleep } from "../time/index.ts";
import { placed, type PlacedRun, type Watched } from "./registry-sample.ts";
import type { OpenCase, RegistryHarness, RegistryNeed } from "./source-suite.ts";

/** How long a client may take to see that a server is back, beyond the 2 s it should: machines are slow. */
const RECOVERY_MS = 30_000;

/** Cases that maltreat the server; each leaves it running. */
export function registryFaultCases(harness: RegistryHarness): readonly OpenCase[] {
  const server = harness.server!;
  const backMs = harness.ttlMs + RECOVERY_MS;
  function fault(id: string, name: string, run: PlacedRun): OpenCase {
    const needs: readonly RegistryNeed[] = id.startsWith("registrar") ? ["server", "announcer"] : ["server"];
    return { id: `fault/${id}`, name, needs, run: placed(harness, run) };
  }
  /** Kills or freezes the server until it is over, or the block ends. */
  async function trouble(kind: "kill" | "freeze"): Promise<AsyncDisposable & { over(): Promise<void> }> {
    let isOver = false;
    async function over(): Promise<void> {
      if (isOver) return;
      isOver = true;
      if (kind === "kill") await server.restart();
      else server.thaw();
    }
    await server[kind]();
    return { over, [Symbol.asyncDispose]: over };
  }
  return [
    fault(
      "down-at-start",
      "a source whose registry is down says so, goes by its seed, and sees the registry soon after it is up",
      async (place, one, seed) => {
        await using down = await trouble("kill");
        using watched = place.watch();
        using seeded = place.watch({ seed: [seed] });
        assert.equal((await seeded.source.ready()).state, "seed");
        await seeded.shows(seed);
        await place.until(unaware(watched), RECOVERY_MS);
        assert.equal(watched.source.listing.state, "starting");
        const gone = new AbortController();
        const waited = watched.source.ready(gone.signal);
        gone.abort(new Error("not ready in time"));
        await assert.rejects(waited, { message: "not ready in time" });
        await down.over();
        await place.until(() => (watched.source.listing.state === "fresh" ? undefined : "is not fresh"), RECOVERY_MS);
        await place.put(one);
        await watched.shows(one);
        await seeded.shows(one);
      },
    ),
    fault(
      "killed",
      "when the server is killed the last list is kept, and its successor is found",
      async (place, one, two) => {
        using watched = await place.showing([one]);
        await using down = await trouble("kill");
        await place.until(unaware(watched), RECOVERY_MS);
        const { state, error, instances } = watched.source.listing;
        assert.deepEqual([state, error instanceof Error, instances.length], ["stale", true, 1]);
        await down.over();
        await place.put(two);
        await place.until(missing(watched, two), RECOVERY_MS);
        const times = (kind: string): number => watched.events.filter((event) => event.kind === kind).length;
        assert.equal(times("lost"), times("back"));
      },
    ),
    fault(
      "frozen",
      "when the server is frozen that is seen, the last list is kept, and it is used again when it goes on",
      async (place, one, two) => {
        using watched = await place.showing([one], { silenceMs: 3000 });
        await using frozen = await trouble("freeze");
        await place.until(unaware(watched), RECOVERY_MS);
        assert.deepEqual([watched.source.listing.state, watched.source.listing.instances.length], ["stale", 1]);
        await frozen.over();
        await place.put(two);
        await place.until(missing(watched, two), RECOVERY_MS);
      },
    ),
    fault("leave-while-down", "who leaves while the server is down or frozen leaves nothing behind", async (place) => {
      for (const kind of ["freeze", "kill"] as const) {
        using watched = place.watch({ silenceMs: 3000 });
        await place.until(() => (watched.source.listing.state === "fresh" ? undefined : "is not fresh"));
        await using _ = await trouble(kind);
        watched.leave();
        await place.until(() => (watched.clock.pending === 0 ? undefined : "timers wait"), 5000);
        using early = place.watch();
        await place.until(() => (early.clock.pending > 0 ? undefined : "has not begun"));
        early.leave();
        await place.until(() => (early.clock.pending === 0 ? undefined : "timers wait"), 5000);
      }
    }),
    fault(
      "registrar-down-at-start",
      "a registrar whose registry is down does not hold up the start, and registers soon after it is up",
      async (place, one, two) => {
        await using mine = place.registrar(one, { startMs: 300 });
        await using down = await trouble("kill");
        await mine.start();
        assert.equal(mine.registration.state, "registering");
        await place.until(() => (mine.registration.error === undefined ? "no error is shown" : undefined));
        const strict = place.registrar(two, { startMs: 300, required: true });
        await assert.rejects(strict.start(), /did not succeed within 300 ms/);
        await down.over();
        await place.until(unless(mine, "registered"), RECOVERY_MS);
        using watched = place.watch();
        await watched.shows(one);
      },
    ),
    ...(["kill", "freeze"] as const).map((kind) =>
      fault(
        `registrar-${kind}`,
        `a registration that is over because the server was ${kind === "kill" ? "killed" : "frozen"} for longer than its time comes again`,
        async (place, one) => {
          await using mine = place.registrar(one, { startMs: 0, callMs: 1000 });
          await mine.start();
          await place.until(unless(mine, "registered"), RECOVERY_MS);
          await using away = await trouble(kind);
          await place.until(unless(mine, "lost"), backMs);
          // Noticed long before it is over.
          await sleep(harness.ttlMs);
          await away.over();
          await place.until(unless(mine, "registered"), backMs);
          using watched = place.watch();
          await place.until(missing(watched, one), backMs);
        },
      ),
    ),
  ];
}

// What `Place.until` waits for, each told by what is wrong as long as it is not so.

/** It is not seen yet that the server is away now: a connection of an earlier case may have been lost before. */
function unaware({ source }: Watched): () => string | undefined {
  function wrong(): string | undefined {
    const { state, error } = source.listing;
    return state !== "fresh" && error !== undefined ? undefined : "has not seen that the server is away";
  }
  return wrong;
}

/** The instance is not there by the registry's own word. */
function missing({ source }: Watched, { address }: Instance): () => string | undefined {
  function wrong(): string | undefined {
    const { state, instances } = source.listing;
    const isThere = state === "fresh" && instances.some((one) => one.address === address);
    return isThere ? undefined : `shows ${instances.length} instances, ${state}, but not ${address}`;
  }
  return wrong;
}

/** The registration is in another state. */
function unless(mine: Registrar, wanted: RegistrationState): () => string | undefined {
  function wrong(): string | undefined {
    const { state, error } = mine.registration;
    return state === wanted ? undefined : `is ${state} and not ${wanted}: ${String(error)}`;
  }
  return wrong;
}
