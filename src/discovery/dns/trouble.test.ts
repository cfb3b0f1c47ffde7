// Name servers that fail, lie and overflow: Knot where it can be brought to that, one of our own where it cannot.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "../../../test/until.ts";
import { knotTestServer } from "../../../tools/servers/knot.ts";
import { virtualClock } from "../../testing/index.ts";
import { systemClock } from "../../time/index.ts";
import type { Source, SourceEvent } from "../index.ts";
import { dnsAddresses, dnsSrv, type DnsAddressesOptions } from "./index.ts";
import { reply, responder, type Question } from "./testdata/responder.ts";

const knot = knotTestServer();
beforeAll(knot.start, 60_000);
afterAll(knot.stop);

/** A machine that stalls is no server that does not answer. */
const patient = { timeoutMs: 20_000, tries: 2 } as const;
const quick = { intervalMs: 50, retryMaxMs: 100, ...patient } as const;
const ids = ({ listing }: Source): string[] => listing.instances.map(({ id }) => id);

interface Watched extends Disposable {
  readonly source: Source;
  readonly events: SourceEvent[];
  count(kind: SourceEvent["kind"]): number;
}

function watched(make: (options: Pick<DnsAddressesOptions, "onEvent">) => Source): Watched {
  const events: SourceEvent[] = [];
  const source = make({ onEvent: (event) => void events.push(event) });
  const joined = source.subscribe(() => {});
  return {
    source,
    events,
    count: (kind) => events.filter((one) => one.kind === kind).length,
    [Symbol.dispose]: () => joined.cancel(),
  };
}

describe("dns with Knot", () => {
  beforeEach((test) => void (knot.missing === undefined || test.skip(knot.missing)));

  it("keeps the list when the name is gone and when nothing stands under it, and tells once", async () => {
    knot.update("add _gone._tcp 60 SRV 0 5 8081 a");
    using one = watched((options) =>
      dnsSrv("_gone._tcp.example.test", { servers: [knot.address], ...quick, ...options }),
    );
    await until(() => ids(one.source).join() === "a.example.test:8081");
    // NXDOMAIN, then a name without SRV records.
    knot.update("del _gone._tcp");
    await until(() => one.count("kept") === 1);
    knot.update("add _gone._tcp 60 TXT hello");
    const { updatedMs } = one.source.listing;
    await until(() => one.source.listing.updatedMs > updatedMs + 200);
    expect(ids(one.source)).toEqual(["a.example.test:8081"]);
    expect([one.count("kept"), one.count("lost"), one.source.listing.state]).toEqual([1, 0, "fresh"]);
  });

  it("says what failed when the server answers SERVFAIL, or refuses", async () => {
    using broken = watched((options) =>
      dnsSrv("_add._tcp.broken.test", { servers: [knot.address], ...quick, ...options }),
    );
    using other = watched((options) =>
      dnsAddresses("example.org", 80, { servers: [knot.address], ...quick, ...options }),
    );
    await until(() => broken.count("retry") > 1 && other.count("retry") > 1);
    expect(broken.source.listing.error?.message).toContain("SRV _add._tcp.broken.test: the server failed (ESERVFAIL)");
    expect(broken.source.listing.error).toMatchObject({ code: "unavailable", reason: "unreachable" });
    expect(other.source.listing.error?.message).toContain("EREFUSED");
    expect(broken.source.listing.state).toBe("starting");
  });

  it("reads 300 records, which fit into no datagram, and their addresses", async () => {
    knot.update(...Array.from({ length: 300 }, (_, i) => `add _big._tcp 60 SRV ${i % 3} ${i} 8081 host-number-${i}`));
    knot.update(...Array.from({ length: 300 }, (_, i) => `add host-number-${i} 60 A 10.1.${i >> 8}.${i & 255}`));
    const named = dnsSrv("_big._tcp.example.test", { servers: [knot.address], ...patient });
    const { instances } = await named.ready();
    expect(instances).toHaveLength(300);
    expect(new Set(instances.map(({ priority }) => priority))).toEqual(new Set([0, 1, 2]));
    const resolved = dnsSrv("_big._tcp.example.test", { servers: [knot.address], resolve: 4, ...patient });
    const found = (await resolved.ready()).instances;
    expect(found).toHaveLength(300);
    expect(
      found.every(({ address, id }) => /^10\.1\.\d+\.\d+:8081$/.test(address) && id.startsWith("host-number-")),
    ).toBe(true);
  });

  it("asks the next server when one does not answer", async () => {
    knot.update("add _next._tcp 60 SRV 0 5 8081 a");
    await using silent = await responder(() => []);
    const source = dnsSrv("_next._tcp.example.test", {
      servers: [silent.address, knot.address],
      timeoutMs: 100,
      tries: 2,
    });
    expect((await source.ready()).instances).toHaveLength(1);
    expect(silent.questions.length).toBeGreaterThan(0);
  });

  it("has addresses of both families", async () => {
    knot.update("add both 60 A 10.0.0.1", "add both 60 AAAA fe80::1", "add _both._tcp 60 SRV 0 4 80 both");
    const at = (options: DnsAddressesOptions): Source =>
      dnsAddresses("both.example.test", 80, { servers: [knot.address], ...patient, ...options });
    const addressesOf = async (source: Source): Promise<string[]> =>
      (await source.ready()).instances.map(({ address }) => address).sort();
    expect(await addressesOf(at({}))).toEqual(["10.0.0.1:80", "[fe80::1]:80"]);
    expect(await addressesOf(at({ family: 6 }))).toEqual(["[fe80::1]:80"]);
    const srv = dnsSrv("_both._tcp.example.test", { servers: [knot.address], resolve: true, ...patient });
    expect((await srv.ready()).instances.map(({ weight }) => weight)).toEqual([2, 2]);
  });

  it("leaves out a target without an address, and says so", async () => {
    knot.update(
      "add _half._tcp 60 SRV 0 4 80 nobody",
      "add _half._tcp 60 SRV 0 4 80 somebody",
      "add somebody 60 A 10.0.0.1",
    );
    using one = watched((options) =>
      dnsSrv("_half._tcp.example.test", { servers: [knot.address], ...quick, resolve: 4, ...options }),
    );
    await until(() => one.source.listing.instances.length === 1 && one.count("skipped") === 1);
    expect((one.events.find(({ kind }) => kind === "skipped") as { error: Error }).error.message).toBe(
      "SRV _half._tcp.example.test: nobody.example.test has no address",
    );
  });
});

const A = 1;
const SRV = 33;
const address = (...bytes: readonly number[]): Buffer => Buffer.from(bytes);
const only = (question: Question, type: number, answer: readonly { ttl: number; data: Buffer }[]): Buffer[] => [
  reply(question, 0, question.type === type ? answer : []),
];

describe("dns with a strange server", () => {
  it("asks once a second, and not in a circle, when records live for 0 s", async () => {
    await using server = await responder((question) => only(question, A, [{ ttl: 0, data: address(10, 0, 0, 1) }]));
    const startMs = systemClock.now();
    const often = { family: 4, ttl: true, intervalMs: 30_000, ...patient } as const;
    using one = watched((options) => dnsAddresses("a.test", 80, { servers: [server.address], ...often, ...options }));
    await until(() => server.questions.length >= 3);
    expect(systemClock.now() - startMs).toBeGreaterThan(1990);
    expect(one.count("change")).toBe(1);
  });

  it("asks by the interval when records live longer, or their time is not to be minded", async () => {
    await using server = await responder((question) => only(question, A, [{ ttl: 0, data: address(10, 0, 0, 1) }]));
    const startMs = systemClock.now();
    using _ = watched((options) =>
      dnsAddresses("a.test", 80, { servers: [server.address], ...patient, family: 4, intervalMs: 400, ...options }),
    );
    await until(() => server.questions.length >= 4);
    expect(systemClock.now() - startMs).toBeGreaterThan(3 * 400 * 0.89);
  });

  it.each<[string, (question: Question) => Buffer[]]>([
    ["garbage", () => [Buffer.from("no DNS at all")]],
    [
      "an answer to another question",
      ({ bytes }) => [Buffer.concat([address(bytes[0]! ^ 255, bytes[1]!), bytes.subarray(2)])],
    ],
    ["a record cut short", (question) => [reply(question, 0, [{ ttl: 1, data: address(0, 0, 0, 0) }])]],
    ["SERVFAIL", (question) => [reply(question, 2)]],
    ["silence", () => []],
  ])("keeps what it knows when there comes %s", async (_, answer) => {
    const target = Buffer.from("\0\0\0\x05\x1f\x91\x01a\x04test\0", "latin1");
    await using server = await responder((question) => only(question, SRV, [{ ttl: 60, data: target }]));
    using one = watched((options) =>
      dnsSrv("_add._tcp.test", { servers: [server.address], ...quick, timeoutMs: 500, tries: 1, ...options }),
    );
    await until(() => ids(one.source).join() === "a.test:8081");
    server.answer = answer;
    await until(() => one.count("retry") > 1);
    expect([one.source.listing.state, ids(one.source).join()]).toEqual(["stale", "a.test:8081"]);
    server.answer = (question) => only(question, SRV, [{ ttl: 60, data: target }]);
    await until(() => one.source.listing.state === "fresh");
    expect(one.count("change")).toBe(1);
    expect(one.count("back")).toBe(one.count("lost"));
  });

  it("goes by one family while the other fails", async () => {
    await using server = await responder((question) =>
      question.type === A ? [reply(question, 0, [{ ttl: 1, data: address(10, 0, 0, 1) }])] : [reply(question, 2)],
    );
    using one = watched((options) => dnsAddresses("a.test", 80, { servers: [server.address], ...quick, ...options }));
    await until(() => ids(one.source).join() === "10.0.0.1:80" && one.count("skipped") === 1);
    expect(one.count("lost")).toBe(0);
  });

  it("keeps a target's last addresses while it cannot be looked up", async () => {
    const target = Buffer.from("\0\0\0\x05\x1f\x91\x01a\x04test\0", "latin1");
    const good = (question: Question): Buffer[] => [
      reply(question, 0, [{ ttl: 1, data: question.type === SRV ? target : address(10, 0, 0, 1) }]),
    ];
    await using server = await responder(good);
    using one = watched((options) =>
      dnsSrv("_add._tcp.test", { servers: [server.address], ...quick, resolve: 4, ...options }),
    );
    await until(() => one.source.listing.instances[0]?.address === "10.0.0.1:8081");
    server.answer = (question) => (question.type === SRV ? good(question) : [reply(question, 2)]);
    await until(() => one.count("skipped") === 1);
    expect([one.source.listing.state, one.source.listing.instances.length]).toEqual(["fresh", 1]);
  });

  // The one address that was left had another id than it had beside the other: both went, and a third came.
  it("keeps what each family of a target said last while that one cannot be looked up", async () => {
    const target = Buffer.from("\0\0\0\x05\x1f\x91\x01a\x04test\0", "latin1");
    const data = new Map([
      [A, address(10, 0, 0, 1)],
      [SRV, target],
    ]);
    const good = (question: Question): Buffer[] => [
      reply(question, 0, [{ ttl: 1, data: data.get(question.type) ?? Buffer.alloc(16, 1) }]),
    ];
    await using server = await responder(good);
    using one = watched((options) =>
      dnsSrv("_add._tcp.test", { servers: [server.address], ...quick, resolve: true, ...options }),
    );
    await until(() => one.source.listing.instances.length === 2);
    const before = one.source.listing.instances;
    server.answer = (question) => (data.has(question.type) ? good(question) : [reply(question, 2)]);
    await until(() => one.count("skipped") === 1);
    const { updatedMs } = one.source.listing;
    await until(() => one.source.listing.updatedMs > updatedMs);
    expect(one.source.listing).toMatchObject({ state: "fresh", instances: before });
    expect(one.count("change")).toBe(1);
  });

  // It was broken off every 60 s, and the list called stale.
  it("is not called silent while it minds a time to live of minutes", async () => {
    await using server = await responder((question) => only(question, A, [{ ttl: 300, data: address(10, 0, 0, 1) }]));
    const clock = virtualClock();
    const often = { family: 4, ttl: true, intervalMs: 600_000, ...patient, clock } as const;
    using one = watched((options) => dnsAddresses("a.test", 80, { servers: [server.address], ...often, ...options }));
    await until(() => one.source.listing.state === "fresh");
    await clock.advance(299_000);
    expect([one.source.listing.state, one.count("lost"), server.questions.length]).toEqual(["fresh", 0, 1]);
    await clock.advance(1000);
    await until(() => server.questions.length === 2);
  });
});
