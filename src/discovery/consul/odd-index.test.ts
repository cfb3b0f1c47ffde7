// Consul's index as it should not be. Loops over it have cost others a processor (Go kit #627, #1214) and updates (#788).
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { passing, until } from "../../../test/until.ts";
import { settled, virtualClock, type VirtualClock } from "../../testing/virtual-clock.ts";
import type { Source } from "../index.ts";
import { consul } from "./index.ts";

interface Query {
  readonly index: string | null;
  answer(index: string | undefined, ports: readonly number[]): void;
}

let server: Server;
let url: string;
let clock: VirtualClock;
let waiting: Query[];
let count: number;

beforeEach(async () => {
  clock = virtualClock();
  waiting = [];
  count = 0;
  server = createServer((request, response) => {
    count++;
    const { searchParams } = new URL(request.url!, "http://consul");
    waiting.push({
      index: searchParams.get("index"),
      answer: (index, ports) => answer(response, index, ports),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function answer(response: ServerResponse, index: string | undefined, ports: readonly number[]): void {
  const entry = (port: number) => ({
    Node: { Node: "n", Address: "10.0.0.1" },
    Service: { ID: `add-${port}`, Service: "add", Port: port },
    Checks: [],
  });
  response.writeHead(200, index === undefined ? {} : { "x-consul-index": index });
  response.end(JSON.stringify(ports.map(entry)));
}

/** The next query, which comes without the clock moving. */
async function query(): Promise<Query> {
  await until(() => waiting.length > 0);
  return waiting.shift()!;
}

/** The next query, which comes a second after the last, and not before. */
async function pausedQuery(): Promise<Query> {
  const before = count;
  await settled();
  await clock.advance(900);
  await passing(20);
  expect(count).toBe(before);
  await clock.advance(101);
  return query();
}

const ports = (source: Source): readonly string[] => source.listing.instances.map(({ address }) => address.slice(9));

async function listed(source: Source, expected: readonly number[]): Promise<void> {
  await until(() => ports(source).join() === expected.join());
}

describe("an index of Consul", () => {
  it("that grows is waited for, and a change right after another is seen at once", async () => {
    const source = consul("add", { servers: url, clock });
    const joined = source.subscribe(() => {});
    let index = 10;
    const first = await query();
    expect(first.index).toBeNull();
    first.answer(String(index), [1]);
    for (let change = 2; change <= 5; change++) {
      const next = await query();
      expect(next.index).toBe(String(index));
      next.answer(String(++index), [change]);
      await listed(source, [change]);
    }
    // Five at once are enough: an index that never stops growing gets one query a second.
    (await pausedQuery()).answer(String(++index), [6]);
    (await pausedQuery()).answer(String(++index), [7]);
    await listed(source, [7]);
    joined.cancel();
  });

  it.each([
    ["is 0", "0"],
    ["is missing", undefined],
    ["is no number", "x1"],
    ["is negative", "-3"],
  ])("that %s is not used: one query a second, and an update is seen with the next", async (_, odd) => {
    const source = consul("add", { servers: url, clock, guard: false });
    const joined = source.subscribe(() => {});
    const first = await query();
    first.answer(odd, [1]);
    await listed(source, [1]);
    for (let round = 2; round < 12; round++) {
      const next = await pausedQuery();
      expect(next.index).toBeNull();
      next.answer(odd, [round]);
      await listed(source, [round]);
    }
    joined.cancel();
  });

  it("that goes backwards is begun anew, after a pause", async () => {
    const source = consul("add", { servers: url, clock });
    const joined = source.subscribe(() => {});
    (await query()).answer("100", [1]);
    const held = await query();
    expect(held.index).toBe("100");
    held.answer("7", [2]);
    await listed(source, [2]);
    const anew = await pausedQuery();
    expect(anew.index).toBeNull();
    anew.answer("8", [3]);
    await listed(source, [3]);
    expect((await pausedQuery()).index).toBe("8");
    joined.cancel();
  });

  it("that does not move gets one query a second, and what changed behind it is seen", async () => {
    const source = consul("add", { servers: url, clock, guard: false });
    const joined = source.subscribe(() => {});
    (await query()).answer("100", [1]);
    (await query()).answer("100", [1]);
    for (let round = 2; round < 12; round++) {
      const next = await pausedQuery();
      expect(next.index).toBe("100");
      next.answer("100", [round]);
      await listed(source, [round]);
    }
    joined.cancel();
  });

  it("beyond what a double holds is kept to the last digit", async () => {
    const source = consul("add", { servers: url, clock });
    const joined = source.subscribe(() => {});
    (await query()).answer("18446744073709551614", [1]);
    (await query()).answer("18446744073709551615", [2]);
    expect((await query()).index).toBe("18446744073709551615");
    joined.cancel();
  });

  it("is not used again after a failure: a restarted agent may be far behind it", async () => {
    const source = consul("add", { servers: url, clock });
    const joined = source.subscribe(() => {});
    (await query()).answer("100", [1]);
    await query();
    server.closeAllConnections();
    await until(() => source.listing.state === "stale");
    while (waiting.length === 0) {
      await clock.advance(10);
      await passing(1);
    }
    const anew = await query();
    expect(anew.index).toBeNull();
    anew.answer("3", [2]);
    await listed(source, [2]);
    expect(source.listing.state).toBe("fresh");
    joined.cancel();
  });

  it("leaves nothing behind when nobody listens any more, in a long poll or a pause", async () => {
    const source = consul("add", { servers: url, clock });
    const joined = source.subscribe(() => {});
    (await query()).answer("100", [1]);
    await query();
    joined.cancel();
    joined.cancel();
    await until(() => clock.pending === 0);
    const again = source.subscribe(() => {});
    (await query()).answer("0", [1]);
    await until(() => source.listing.state === "fresh");
    again.cancel();
    await until(() => clock.pending === 0);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  });
});
