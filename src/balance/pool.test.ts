// The balancer against a model of it: who is open, who is closed, and who has how many calls.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { InstanceInput } from "../discovery/index.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom } from "../time/index.ts";
import {
  balancer,
  consistentHash,
  p2c,
  weightedRandom,
  weightedRoundRobin,
  type Ending,
  type Member,
} from "./index.ts";
import { listSource } from "./testdata/list-source.ts";

/** A way, as the model sees it. */
interface Way {
  readonly place: string;
  calls: number;
  isClosed: boolean;
}

const listed = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom("a", "b", "c", "d"),
    address: fc.constantFrom("1", "2"),
    weight: fc.constantFrom(0.5, 1, 3),
    priority: fc.constantFrom(0, 1),
    health: fc.constantFrom("up", "down", "draining"),
  }),
  { selector: ({ id }) => id, maxLength: 4 },
);
const step = fc.oneof(
  fc.record({ kind: fc.constant("list" as const), list: listed }),
  fc.record({
    kind: fc.constant("call" as const),
    avoids: fc.boolean(),
    key: fc.option(fc.constantFrom("x", "y"), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("end" as const),
    which: fc.nat(20),
    ending: fc.constantFrom<Ending>("success", "failure", "neither"),
  }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 500, 40_000) }),
);

it.each([p2c(), weightedRandom(), weightedRoundRobin(), consistentHash(), consistentHash({ kind: "jump" })])(
  "with $text opens and closes each way once, not under a call, and counts calls where they are",
  async (strategy) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(1000), async (steps, seed) => {
        const ways: Way[] = [];
        const { source, update } = listSource([]);
        const made = balancer<Way>({
          from: source,
          open: ({ id, address }) => {
            const way: Way = { place: `${id} at ${address}`, calls: 0, isClosed: false };
            ways.push(way);
            return way;
          },
          close: (way) => {
            expect([way.calls, way.isClosed]).toEqual([0, false]);
            way.isClosed = true;
          },
          strategy,
          ejection: { consecutive: 2, maxRatio: 1 },
          clock: virtualClock(),
          random: seededRandom(seed),
        });
        let nowMs = 0;
        let list: readonly InstanceInput[] = [];
        const calls: { readonly member: Member<Way>; readonly startMs: number }[] = [];
        const end = (at: number, ending: Ending): void => {
          const [call] = calls.splice(at, 1);
          if (call === undefined) return;
          call.member.value.calls--;
          call.member.end(call.startMs, nowMs, ending);
        };
        for (const one of steps) {
          if (one.kind === "list") update((list = one.list as InstanceInput[]));
          else if (one.kind === "wait") nowMs += one.ms;
          else if (one.kind === "end") end(one.which % Math.max(1, calls.length), one.ending);
          else {
            const avoid = one.avoids ? calls.at(-1)?.member : undefined;
            const member = made.pick(nowMs, one.key, avoid);
            // Whatever is ejected, down or panicking: while somebody takes calls, there is somebody to call.
            expect(member !== undefined).toBe(list.some(({ health }) => health !== "draining"));
            if (member === undefined) continue;
            expect([member.isListed, member.value.isClosed, member.instance.health === "draining"]).toEqual([
              true,
              false,
              false,
            ]);
            member.begin(nowMs);
            member.value.calls++;
            calls.push({ member, startMs: nowMs });
          }
          const known = new Map(made.snapshot().map(({ id, address, pending }) => [`${id} at ${address}`, pending]));
          expect(new Set(known.keys())).toEqual(new Set(list.map(({ id, address }) => `${id} at ${address}`)));
          for (const [place, pending] of known)
            expect(pending).toBe(ways.find((way) => way.place === place && !way.isClosed)!.calls);
          for (const { place, isClosed, calls: open } of ways)
            if (!isClosed && open === 0) expect(known.has(place)).toBe(true);
        }
        const closed = made.close();
        while (calls.length > 0) end(0, "success");
        await closed;
        expect(ways.filter(({ isClosed }) => !isClosed)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  },
);
