/**
 * Cases about sources: what is seen of a registry that works.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Instance } from "../discovery/index.ts";
import { sleep } from "../time/index.ts";
import { assertCarried, at, countedClock, Place } from "./registry-sample.ts";
import type { InstanceField, OpenCase, RegistryHarness } from "./source-suite.ts";

/** Cases that every source passes. */
export function sourceCases(harness: RegistryHarness): readonly OpenCase[] {
  const { carries } = harness;
  return [
    {
      id: "source/first",
      name: "the first list is what is there, and the source is fresh",
      needs: [],
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        await place.put(one, two);
        using watched = place.watch();
        await watched.source.ready();
        await watched.shows(one, two);
        const { state, error, updatedMs } = watched.source.listing;
        assert.deepEqual([state, error, Number.isFinite(updatedMs)], ["fresh", undefined, true]);
        if (carries.includes("id")) assert.equal(watched.source.find(one.id)?.address, one.address);
      },
    },
    {
      id: "source/added",
      name: "an instance that comes is seen, and the others stay the same objects",
      needs: [],
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        await place.put(one);
        using watched = place.watch();
        await watched.shows(one);
        const before = at(watched.source, one);
        await place.put(two);
        await watched.shows(one, two);
        assert.equal(at(watched.source, one), before);
        const last = watched.changes.at(-1)!;
        assert.deepEqual([last.added.length, last.removed.length, last.changed.length], [1, 0, 0]);
      },
    },
    {
      id: "source/removed",
      name: "an instance that goes is seen",
      needs: [],
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        await place.put(one, two);
        using watched = place.watch();
        await watched.shows(one, two);
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
      },
    },
    {
      id: "source/nothing",
      name: "a service without instances is an empty list, not an error, and its first instance is seen",
      needs: [],
      async run() {
        const place = new Place(harness);
        using watched = place.watch({ retryMaxMs: 500 });
        await place.until(() => (watched.source.listing.state === "fresh" ? undefined : "is not fresh"));
        assert.deepEqual(watched.source.listing.instances, []);
        const one = place.instance();
        await place.put(one);
        await watched.shows(one);
      },
    },
    {
      id: "source/fields",
      name: `what the registry carries comes through: ${["address", ...carries].join(", ")}`,
      needs: [],
      async run() {
        const place = new Place(harness);
        const one = withFields(place, carries);
        await place.put(one);
        using watched = place.watch();
        await watched.shows(one);
        assertCarried(at(watched.source, one), one, carries);
      },
    },
    {
      id: "source/changed",
      name: "an instance that changes is a new object under its id, and the others stay",
      needs: [],
      async run() {
        const field = (["weight", "version", "metadata", "tags", "health"] as const).find((one) =>
          carries.includes(one),
        );
        if (field === undefined) return;
        const place = new Place(harness);
        const [one, two] = [withFields(place, carries), place.instance()];
        await place.put(one, two);
        using watched = place.watch();
        await watched.shows(one, two);
        const [before, other] = [at(watched.source, one), at(watched.source, two)];
        const changed: Instance = { ...one, ...CHANGED[field] };
        await place.put(changed);
        await place.until(() => (at(watched.source, one) === before ? `${field} is the old one` : undefined));
        assertCarried(at(watched.source, one), changed, carries);
        assert.equal(at(watched.source, two), other);
        assert.equal(at(watched.source, one)?.id, before?.id);
      },
    },
    {
      id: "source/shared",
      name: "two who listen share one watch, and who joins late sees what is known",
      needs: [],
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        await place.put(one);
        using watched = place.watch();
        await watched.shows(one);
        const [open, pending] = [harness.open?.(), watched.clock.pending];
        let heard = 0;
        const second = watched.source.subscribe(() => void heard++);
        assert.equal(watched.source.listing.instances.length, 1);
        assert.equal(watched.clock.pending <= pending + 1, true);
        if (open !== undefined) assert.ok(harness.open!() <= open, "a second connection was opened");
        watched.leave();
        await place.put(two);
        await place.until(() => (heard > 0 ? undefined : "the second hears nothing"));
        second.cancel();
      },
    },
    {
      id: "source/quiet",
      name: "the same list again is no change",
      needs: [],
      async run() {
        const place = new Place(harness);
        const one = withFields(place, carries);
        await place.put(one);
        using watched = place.watch({ intervalMs: 50 });
        await watched.shows(one);
        const [changes, list] = [watched.changes.length, watched.source.listing.instances];
        await place.put(one);
        await sleep(500);
        assert.equal(watched.changes.length, changes);
        assert.equal(watched.source.listing.instances, list);
      },
    },
    {
      id: "source/leave",
      name: "the last who leaves ends the watch at once, in the middle of a long wait, and nothing is left",
      needs: [],
      async run() {
        const place = new Place(harness);
        const one = place.instance();
        await place.put(one);
        const watched = place.watch();
        await watched.shows(one);
        // It waits by now for a change that does not come.
        await sleep(200);
        watched.leave();
        watched.leave();
        await place.until(
          () => (watched.clock.pending === 0 ? undefined : `${watched.clock.pending} timers wait`),
          5000,
        );
        await nothingOpen(harness, place);
        await place.put(place.instance());
        await sleep(100);
        assert.equal(watched.source.listing.instances.length, 1, "it still watches");
        assert.equal(watched.source.listing.state, "stale");
      },
    },
    {
      id: "source/leave-early",
      name: "who leaves before the first answer leaves nothing behind",
      needs: [],
      async run() {
        const place = new Place(harness);
        const clock = countedClock();
        const source = place.source({ clock });
        source.subscribe(() => undefined).cancel();
        const joined = source.subscribe(() => undefined);
        await sleep(1);
        joined.cancel();
        await place.until(() => (clock.pending === 0 ? undefined : `${clock.pending} timers wait`), 5000);
        await nothingOpen(harness, place);
      },
    },
    {
      id: "source/rejoin",
      name: "who joins again begins anew and sees what has changed meanwhile",
      needs: [],
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        await place.put(one);
        using watched = place.watch();
        await watched.shows(one);
        watched.leave();
        await place.put(two);
        const joined = watched.source.subscribe(() => undefined);
        await watched.shows(one, two);
        assert.equal(watched.source.listing.state, "fresh");
        joined.cancel();
      },
    },
  ];
}

const CHANGED = {
  weight: { weight: 7 },
  version: { version: "2.0.0" },
  metadata: { metadata: { build: "8" } },
  tags: { tags: ["green"] },
  health: { health: "down" },
} as const;

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

/** Waits until our side has nothing open. */
export async function nothingOpen(harness: RegistryHarness, place: Place): Promise<void> {
  if (harness.open === undefined) return;
  await place.until(() => (harness.open!() === 0 ? undefined : `${harness.open!()} connections are open`), 5000);
}
