// How much is fetched, and when: against a server that says what the real one would say only after minutes.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { passing, until } from "../../../test/until.ts";
import { settled, virtualClock, type VirtualClock } from "../../testing/virtual-clock.ts";
import type { Source } from "../index.ts";
import { eureka, type EurekaOptions } from "./index.ts";

type Answer = readonly [status: number, ports: readonly number[], hash: string];

let server: Server;
let clock: VirtualClock;
let asked: string[];
let answers: Record<string, Answer>;
let leave: () => void;

beforeEach(async () => {
  clock = virtualClock();
  asked = [];
  answers = {};
  server = createServer((request, response) => {
    const path = request.url!.slice("/eureka".length);
    asked.push(path);
    const [status, ports, hash] = answers[path]!;
    const instance = ports.map((port) => ({
      ...{ instanceId: `i${port}`, ipAddr: "h", status: "UP", actionType: port < 0 ? "DELETED" : "ADDED" },
      ...{ port: { $: Math.abs(port), "@enabled": "true" } },
      ...(port < 0 ? { instanceId: `i${-port}` } : {}),
    }));
    response
      .writeHead(status)
      .end(JSON.stringify({ applications: { apps__hashcode: hash, application: [{ name: "ADD", instance }] } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  leave();
  await until(() => clock.pending === 0);
  // Nothing is left open, so it ends by itself.
  await new Promise((resolve) => server.close(resolve));
});

function watched(options: EurekaOptions = {}): Source {
  const servers = `http://127.0.0.1:${(server.address() as AddressInfo).port}/eureka`;
  const source = eureka("add", {
    servers,
    clock,
    random: { fraction: () => 0.5, hex: () => "" },
    guard: false,
    ...options,
  });
  const joined = source.subscribe(() => {});
  leave = () => joined.cancel();
  return source;
}

/** Lets time pass until the next poll has been answered; gives what was asked for. */
async function poll(source: Source): Promise<readonly string[]> {
  const before = source.listing;
  while (source.listing === before) {
    await settled();
    // While it asks two timers wait, the request's and that of its silence: then time stands.
    if (clock.pending > 1) await passing(1);
    else await clock.advance(100);
  }
  return asked.splice(0);
}

const ports = (source: Source): string => source.listing.instances.map(({ address }) => address.slice(2)).join();

describe("what is asked of Eureka", () => {
  it("is everything once, then only what has changed, and everything again every five minutes", async () => {
    answers = { "/apps": [200, [1], "UP_1_"], "/apps/delta": [200, [2], "UP_2_"] };
    const source = watched({ intervalMs: 20_000 });
    expect(await poll(source)).toEqual(["/apps"]);
    expect(await poll(source)).toEqual(["/apps/delta"]);
    expect(ports(source)).toBe("1,2");
    answers["/apps/delta"] = [200, [-1, 2], "UP_1_"];
    expect(await poll(source)).toEqual(["/apps/delta"]);
    expect(ports(source)).toBe("2");
    const later: string[] = [];
    for (let polls = 0; polls < 16; polls++) later.push(...(await poll(source)));
    expect(later.filter((path) => path === "/apps")).toHaveLength(1);
  });

  it("is everything at once when the server's count says that something was missed", async () => {
    answers = { "/apps": [200, [1], "UP_1_"], "/apps/delta": [200, [2], "UP_3_"] };
    const source = watched();
    await poll(source);
    answers["/apps"] = [200, [1, 2, 3], "UP_3_"];
    expect(await poll(source)).toEqual(["/apps/delta", "/apps"]);
    expect(ports(source)).toBe("1,2,3");
    answers["/apps/delta"] = [200, [], "UP_3_"];
    expect(await poll(source)).toEqual(["/apps/delta"]);
  });

  it("is everything, always, of a server that gives no changes", async () => {
    answers = { "/apps": [200, [1], "UP_1_"], "/apps/delta": [403, [], ""] };
    const source = watched();
    await poll(source);
    expect(await poll(source)).toEqual(["/apps/delta", "/apps"]);
    expect(await poll(source)).toEqual(["/apps"]);
  });

  it("is everything after a failure: a change may have been missed that the count does not show", async () => {
    answers = { "/apps": [200, [1], "UP_1_"], "/apps/delta": [200, [], "UP_1_"] };
    const source = watched();
    await poll(source);
    answers = { "/apps": [500, [], ""], "/apps/delta": [500, [], ""] };
    expect(await poll(source)).toEqual(["/apps/delta", "/apps"]);
    expect(source.listing).toMatchObject({ state: "stale", error: { status: 500 } });
    expect(ports(source)).toBe("1");
    answers = { "/apps": [200, [2], "UP_1_"], "/apps/delta": [200, [], "UP_1_"] };
    expect(new Set(await poll(source))).toEqual(new Set(["/apps"]));
    expect(ports(source)).toBe("2");
  });

  it("is everything after a pause of more than a minute", async () => {
    answers = { "/apps": [200, [1], "UP_1_"], "/apps/delta": [200, [], "UP_1_"] };
    const source = watched({ intervalMs: 61_000, silenceMs: 120_000 });
    await poll(source);
    expect(await poll(source)).toEqual(["/apps"]);
  });

  it("and an empty registry is not believed at once", async () => {
    answers = { "/apps": [200, [1], "UP_1_"], "/apps/delta": [200, [-1], ""] };
    const source = watched();
    await poll(source);
    await poll(source);
    expect(ports(source)).toBe("1");
    expect(source.listing.error?.message).toContain("the list is empty all of a sudden");
  });
});
