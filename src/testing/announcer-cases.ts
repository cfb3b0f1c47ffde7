/**
 * Cases about announcers: how an instance is made known, kept known, changed and taken out.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LostRegistration, type Instance } from "../discovery/index.ts";
import { sleep } from "../time/index.ts";
import { inTime } from "./in-time.ts";
import { assertCarried, at, Place } from "./registry-sample.ts";
import { nothingOpen } from "./source-cases.ts";
import type { InstanceField, OpenCase, RegistryHarness } from "./source-suite.ts";

const idle = (): AbortSignal => new AbortController().signal;

/** Cases that every announcer passes. */
export function announcerCases(harness: RegistryHarness): readonly OpenCase[] {
  const fields: readonly InstanceField[] = harness.announces ?? harness.carries;
  const needs = ["announcer"] as const;
  return [
    {
      id: "announcer/register",
      name: "a registered instance is found, with all it carries, and is gone when it is taken out",
      needs,
      run: () =>
        inTime(harness, async (place) => {
          const one = full(place, fields);
          const announcer = place.announcer();
          assert.ok(announcer.renewMs < harness.ttlMs, "renewing is due before the time is over");
          using watched = place.watch({ allowEmpty: true });
          await announcer.register(one, idle());
          await watched.shows(one);
          assertCarried(at(watched.source, one), one, fields);
          await announcer.renew(one, idle());
          await announcer.deregister(one, idle());
          await watched.shows();
          await announcer.close?.();
        }),
    },
    {
      id: "announcer/twice",
      name: "registering twice leaves one entry, taking out what is not there is no error",
      needs,
      run: () =>
        inTime(harness, async (place) => {
          const [one, two] = [place.instance(), place.instance()];
          const announcer = place.announcer();
          await announcer.register(one, idle());
          await announcer.register(one, idle());
          using watched = place.watch({ allowEmpty: true });
          await watched.shows(one);
          await announcer.deregister(two, idle());
          await announcer.deregister(one, idle());
          await announcer.deregister(one, idle());
          await watched.shows();
          await announcer.close?.();
        }),
    },
    {
      id: "announcer/unknown",
      name: "renewing what the registry does not know says that it is lost",
      needs,
      async run() {
        const place = new Place(harness);
        const announcer = place.announcer();
        await assert.rejects(announcer.renew(place.instance(), idle()), { name: LostRegistration.name });
        await announcer.close?.();
      },
    },
    {
      id: "announcer/aborted",
      name: "what is called off rejects at once",
      needs,
      async run() {
        const place = new Place(harness);
        const announcer = place.announcer();
        const off = AbortSignal.abort(new Error("called off"));
        await assert.rejects(announcer.register(place.instance(), off));
        await announcer.close?.();
        await nothingOpen(harness, place);
      },
    },
    {
      id: "registrar/kept",
      name: "an instance that renews is there beyond its time, and is not registered again",
      needs,
      run: () =>
        inTime(harness, async (place) => {
          const one = place.instance();
          const kinds: string[] = [];
          await using mine = place.registrar(one, {
            startMs: place.patienceMs,
            onEvent: ({ kind }) => void kinds.push(kind),
          });
          await mine.start();
          assert.equal(mine.registration.state, "registered", mine.registration.error?.message);
          using watched = place.watch();
          await watched.shows(one);
          await sleep(harness.ttlMs * 1.5);
          await watched.shows(one);
          assert.deepEqual(kinds, ["registered"]);
          assert.deepEqual(
            watched.changes.flatMap(({ removed }) => removed),
            [],
            "it was away meanwhile",
          );
        }),
    },
    {
      id: "registrar/update",
      name: "an update in place is seen, and the instance was never away",
      needs,
      run: () =>
        inTime(harness, async (place) => {
          const field = (["metadata", "tags", "weight"] as const).find((name) => fields.includes(name));
          if (field === undefined) return;
          const one = full(place, fields);
          await using mine = place.registrar(one, { startMs: place.patienceMs });
          await mine.start();
          using watched = place.watch({ allowEmpty: true });
          await watched.shows(one);
          const changed = { metadata: { metadata: { build: "9" } }, tags: { tags: ["red"] }, weight: { weight: 9 } }[
            field
          ];
          await mine.update(changed);
          await place.until(() => {
            const text = JSON.stringify(at(watched.source, one)?.[field]);
            return text?.includes(String(Object.values(Object.values(changed)[0] as object)[0] ?? 9))
              ? undefined
              : text;
          });
          assert.deepEqual(
            watched.changes.flatMap(({ removed }) => removed),
            [],
          );
        }),
    },
    {
      id: "registrar/lost",
      name: "an instance that the registry has forgotten is registered again",
      needs: ["announcer", "forget"],
      async run() {
        const place = new Place(harness);
        const one = place.instance();
        let times = 0;
        await using mine = place.registrar(one, {
          startMs: place.patienceMs,
          onEvent: ({ kind }) => void (kind === "registered" && times++),
        });
        await mine.start();
        await harness.forget!(place.service, one);
        await place.until(() => (times >= 2 ? undefined : "is not registered again"), harness.ttlMs + place.patienceMs);
        using watched = place.watch();
        await watched.shows(one);
      },
    },
    {
      id: "registrar/close",
      name: "closing takes the instance out, twice is fine, and nothing is left",
      needs,
      async run() {
        const place = new Place(harness);
        const one = place.instance();
        const mine = place.registrar(one, { startMs: place.patienceMs });
        await mine.start();
        using watched = place.watch({ allowEmpty: true });
        await watched.shows(one);
        await Promise.all([mine.close(), mine.close()]);
        assert.deepEqual([mine.registration.state, mine.registration.error], ["gone", undefined]);
        await watched.shows();
        watched.leave();
        await nothingOpen(harness, place);
      },
    },
    ...(["source", "registrar"] as const).map((first): OpenCase => ({
      id: `registrar/shared-${first}-first`,
      name: `one options object serves watch and registration; the ${first} stops first and the other goes on`,
      needs,
      async run() {
        const place = new Place(harness);
        const [one, two] = [place.instance(), place.instance()];
        const mine = place.registrar(one, { startMs: place.patienceMs });
        const watched = place.watch({ allowEmpty: true });
        await mine.start();
        await watched.shows(one);
        if (first === "source") {
          watched.leave();
          await sleep(harness.ttlMs * 1.2);
          using later = place.watch();
          await later.shows(one);
          await mine.close();
        } else {
          await mine.close();
          await place.put(two);
          await watched.shows(two);
          watched.leave();
        }
        assert.equal(watched.clock.pending, 0);
        await nothingOpen(harness, place);
      },
    })),
  ];
}

function full(place: Place, fields: readonly InstanceField[]): Instance {
  const all: Partial<Instance> = {
    weight: 4,
    zone: "zone-a",
    version: "3.1.0",
    tags: ["blue"],
    metadata: { build: "1" },
  };
  return place.instance(
    Object.fromEntries(Object.entries(all).filter(([name]) => fields.includes(name as InstanceField))),
  );
}
