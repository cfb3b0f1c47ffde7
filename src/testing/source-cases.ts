/**
 * Cases about sources: what is seen of a registry that works.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Instance } from "../discovery/index.ts";
import { sleep } from "../time/index.ts";
import {
  assertCarried,
  at,
  countedClock,
  type Place,
  placed,
  type CountedClock,
  type PlacedRun,
} from "./registry-sample.ts";
import type { InstanceField, OpenCase, RegistryHarness } from "./source-suite.ts";

/** Cases that every source passes. */
export function sourceCases(harness: RegistryHarness): readonly OpenCase[] {
  const { carries } = harness;
  function source(id: string, name: string, run: PlacedRun): OpenCase {
    return { id: `source/${id}`, name, needs: [], run: placed(harness, run) };
  }
  return [
    source("first", "the first list is what is there, and the source is fresh", async (place, one, two) => {
      using watched = await place.showing([one, two]);
      const { state, error, updatedMs } = await watched.source.ready();
      assert.deepEqual([state, error, Number.isFinite(updatedMs)], ["fresh", undefined, true]);
      if (carries.includes("id")) assert.equal(watched.source.find(one.id)?.address, one.address);
    }),
    source("added", "an instance that comes is seen, and the others stay the same objects", async (place, one, two) => {
      using watched = await place.showing([one]);
      const before = at(watched.source, one);
      await place.put(two);
      await watched.shows(one, two);
      assert.equal(at(watched.source, one), before);
      const last = watched.changes.at(-1)!;
      assert.deepEqual([last.added.length, last.removed.length, last.changed.length], [1, 0, 0]);
    }),
    source("removed", "an instance that goes is seen", async (place, one, two) => {
      using watched = await place.showing([one, two]);
      await place.remove(two);
      await watched.shows(one);
      assert.deepEqual(
        watched.changes.at(-1)!.removed.map(({ address }) => address),
        [two.address],
      );
      // The last one, too, for those who allow it.
      using allowing = place.watch({ allowEmpty: true });
      await allowing.shows(one);
      await place.remove(one);
      await allowing.shows();
      // And is kept by those who do not.
      await place.until(() => (watched.events.some(({ kind }) => kind === "kept") ? undefined : "nothing was kept"));
      assert.equal(watched.source.listing.instances.length, 1);
    }),
    source(
      "nothing",
      "a service without instances is an empty list, not an error, and its first instance is seen",
      async (place, one) => {
        using watched = place.watch({ retryMaxMs: 500 });
        await place.until(() => (watched.source.listing.state === "fresh" ? undefined : "is not fresh"));
        assert.deepEqual(watched.source.listing.instances, []);
        await place.put(one);
        await watched.shows(one);
      },
    ),
    source(
      "fields",
      `what the registry carries comes through: ${["address", ...carries].join(", ")}`,
      async (place) => {
        const one = withFields(place, carries);
        using watched = await place.showing([one]);
        assertCarried(at(watched.source, one), one, carries);
      },
    ),
    source(
      "changed",
      "an instance that changes is a new object under its id, and the others stay",
      async (place, _, two) => {
        const field = FIELDS.find((name) => carries.includes(name));
        if (field === undefined) return;
        const one = withFields(place, carries);
        using watched = await place.showing([one, two]);
        const [before, other] = [at(watched.source, one), at(watched.source, two)];
        const changed: Instance = { ...one, ...CHANGED[field] };
        await place.put(changed);
        await place.until(() => (at(watched.source, one) === before ? `${field} is the old one` : undefined));
        assertCarried(at(watched.source, one), changed, carries);
        assert.equal(at(watched.source, two), other);
        assert.equal(at(watched.source, one)?.id, before?.id);
      },
    ),
    source(
      "shared",
      "two who listen share one watch, and who joins late sees what is known",
      async (place, one, two) => {
        using watched = await place.showing([one]);
        const [open, pending] = [harness.open?.(), watched.clock.pending];
        let heard = 0;
        const second = watched.source.subscribe(() => void heard++);
        assert.equal(watched.source.listing.instances.length, 1);
        assert.ok(watched.clock.pending <= pending + 1, "a second watch was begun");
        if (open !== undefined) assert.ok(harness.open!() <= open, "a second connection was opened");
        watched.leave();
        await place.put(two);
        await place.until(() => (heard > 0 ? undefined : "the second hears nothing"));
        second.cancel();
      },
    ),
    source("quiet", "the same list again is no change", async (place, _, two) => {
      const one = withFields(place, carries);
      using watched = await place.showing([one], { intervalMs: 50 });
      const [count, list, before] = [watched.changes.length, watched.source.listing.instances, at(watched.source, one)];
      await place.put(one);
      await sleep(500);
      assert.equal(watched.source.listing.instances, list);
      // Whatever the registry told of it has come by the time that this is seen.
      await place.put(two);
      await watched.shows(one, two);
      assert.equal(watched.changes.length, count + 1);
      assert.equal(at(watched.source, one), before);
    }),
    source(
      "leave",
      "the last who leaves ends the watch at once, in the middle of a long wait, and nothing is left",
      async (place, one, two) => {
        using watched = await place.showing([one]);
        // It waits by now for a change that does not come.
        await sleep(200);
        watched.leave();
        watched.leave();
        await nothingLeft(harness, place, watched.clock);
        await place.put(two);
        await sleep(100);
        assert.equal(watched.source.listing.instances.length, 1, "it still watches");
        assert.equal(watched.source.listing.state, "stale");
      },
    ),
    source("leave-early", "who leaves before the first answer leaves nothing behind", async (place) => {
      const clock = countedClock();
      const early = place.source({ clock });
      early.subscribe(() => undefined).cancel();
      const joined = early.subscribe(() => undefined);
      await sleep(1);
      joined.cancel();
      await nothingLeft(harness, place, clock);
    }),
    source("rejoin", "who joins again begins anew and sees what has changed meanwhile", async (place, one, two) => {
      using watched = await place.showing([one]);
      watched.leave();
      await place.put(two);
      const joined = watched.source.subscribe(() => undefined);
      await watched.shows(one, two);
      assert.equal(watched.source.listing.state, "fresh");
      joined.cancel();
    }),
  ];
}

const CHANGED = {
  weight: { weight: 7 },
  version: { version: "2.0.0" },
  metadata: { metadata: { build: "8" } },
  tags: { tags: ["green"] },
  health: { health: "down" },
} as const;

const FIELDS = ["weight", "version", "metadata", "tags", "health"] as const;

/** An instance with a value in every field that is carried. */
function withFields(place: Place, carries: readonly InstanceField[]): Instance {
  const all: Partial<Instance> = {
    weight: 5,
    priority: 1,
    zone: "zone-b",
    version: "1.2.3",
    tags: ["blue", "canary"],
    metadata: { build: "7" },
    health: "up",
  };
  return place.instance(
    Object.fromEntries(Object.entries(all).filter(([name]) => carries.includes(name as InstanceField))),
  );
}

/** Waits until a source that was left has neither timers nor connections. */
async function nothingLeft(harness: RegistryHarness, place: Place, clock: CountedClock): Promise<void> {
  await place.until(() => (clock.pending === 0 ? undefined : `${clock.pending} timers wait`), 5000);
  await nothingOpen(harness, place);
}

/** Waits until our side has nothing open. */
export async function nothingOpen(harness: RegistryHarness, place: Place): Promise<void> {
  if (harness.open === undefined) return;
  await place.until(() => (harness.open!() === 0 ? undefined : `${harness.open!()} connections are open`), 5000);
}
