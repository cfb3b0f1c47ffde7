import { describe, expect, it } from "vitest";
import { client } from "../../client/index.ts";
import { health as healthOf } from "../../health/index.ts";
import { serve } from "../../server/index.ts";
import { settled, virtualClock } from "../../testing/index.ts";
import { local } from "../local/index.ts";
import { proto } from "../protobuf/index.ts";
import type { App, HealthAnswer } from "../server.ts";
import { Add } from "../protobuf/testdata/gen/add_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "./gen/grpc/health/v1/health_pb.ts";
import { health } from "./health.ts";
import { grpcClient, grpcServer } from "./index.ts";
import { ourAdd } from "./testdata/interop.ts";

const contract = proto(Health, { methods: { watch: { timeoutMs: 86_400_000 } } });

/** The health service over an app whose readiness a test turns. */
function watched() {
  const clock = virtualClock();
  let answer: () => HealthAnswer | Promise<HealthAnswer> = () => ({ ok: true, state: "ready" });
  let looks = 0;
  const ready = (): HealthAnswer | Promise<HealthAnswer> => (looks++, answer());
  const app = { clock, health: { ready, live: ready, startup: ready } } as unknown as App;
  const service = health(app, ["pb.Add", "shop.v1.Orders"]);
  const remote = client(contract, local(service.implementation, { clock }), { clock });
  /** The statuses that somebody who watches has heard, and whether that has ended. */
  function watch(name: string) {
    const heard: Status[] = [];
    const control = new AbortController();
    const over = (async () => {
      try {
        for await (const { status } of remote.watch({ service: name }, { signal: control.signal })) heard.push(status);
        return "ended";
      } catch (error) {
        return (error as { code: string }).code;
      }
    })();
    return { heard, over, leave: () => control.abort() };
  }
  return {
    clock,
    service,
    remote,
    watch,
    looks: () => looks,
    say: (next: () => HealthAnswer | Promise<HealthAnswer>) => (answer = next),
  };
}

describe("a check", () => {
  it("says what the app says, for the server and for each of its services", async () => {
    const { remote, say } = watched();
    for (const service of ["", "pb.Add", "shop.v1.Orders"])
      expect((await remote.check({ service })).status).toBe(Status.SERVING);
    say(() => Promise.resolve({ ok: false, state: "not_ready" }));
    expect((await remote.check({ service: "pb.Add" })).status).toBe(Status.NOT_SERVING);
    say(() => Promise.reject(new Error("no registry")));
    expect((await remote.check({})).status).toBe(Status.NOT_SERVING);
  });

  it("knows no other service", async () => {
    const { remote } = watched();
    for (const service of ["pb.Nothing", "pb", "__proto__", "constructor"])
      await expect(remote.check({ service })).rejects.toMatchObject({ code: "not_found" });
  });

  it("of all gives every service that is known", async () => {
    const { remote } = watched();
    const { statuses } = await remote.list({});
    expect(Object.keys(statuses).toSorted()).toEqual(["", "pb.Add", "shop.v1.Orders"]);
    expect(statuses["pb.Add"]?.status).toBe(Status.SERVING);
  });
});

describe("a watch", () => {
  it("tells the status at once, and then each change, looking once a second for all who watch", async () => {
    const { clock, watch, say, looks } = watched();
    const [one, two] = [watch(""), watch("pb.Add")];
    await settled();
    expect([one.heard, two.heard]).toEqual([[Status.SERVING], [Status.SERVING]]);
    const atFirst = looks();
    await clock.advance(10_000);
    expect(looks() - atFirst).toBe(10);
    expect(one.heard).toEqual([Status.SERVING]);
    say(() => ({ ok: false, state: "not_ready" }));
    await clock.advance(999);
    expect(one.heard).toEqual([Status.SERVING]);
    await clock.advance(1);
    expect([one.heard, two.heard]).toEqual([
      [Status.SERVING, Status.NOT_SERVING],
      [Status.SERVING, Status.NOT_SERVING],
    ]);
    say(() => ({ ok: true, state: "ready" }));
    await clock.advance(1000);
    expect(two.heard).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING]);
    one.leave();
    two.leave();
    expect([await one.over, await two.over]).toEqual(["canceled", "canceled"]);
  });

  it("looks no more when nobody watches, and leaves nothing behind", async () => {
    const { clock, watch, looks } = watched();
    const one = watch("");
    await clock.advance(2000);
    one.leave();
    await one.over;
    await settled();
    const before = looks();
    await clock.advance(10_000);
    expect(looks()).toBe(before);
    expect(clock.pending).toBe(0);
  });

  it("of an unknown service says so, and stays", async () => {
    const { clock, watch, service } = watched();
    const one = watch("pb.Nothing");
    await clock.advance(5000);
    expect(one.heard).toEqual([Status.SERVICE_UNKNOWN]);
    service.drain();
    expect(await one.over).toBe("ended");
    expect(one.heard).toEqual([Status.SERVICE_UNKNOWN, Status.NOT_SERVING]);
  });

  it("ends with the drain of the server, having said that it serves no more", async () => {
    const { clock, watch, service, remote } = watched();
    const one = watch("");
    await clock.advance(300);
    service.drain();
    expect(await one.over).toBe("ended");
    expect(one.heard).toEqual([Status.SERVING, Status.NOT_SERVING]);
    expect((await remote.check({})).status).toBe(Status.NOT_SERVING);
    const late = watch("");
    expect([await late.over, late.heard]).toEqual(["ended", [Status.NOT_SERVING]]);
  });

  it("ends within a second of the app's own drain", async () => {
    const { clock, watch, say } = watched();
    const one = watch("");
    await settled();
    say(() => ({ ok: false, state: "draining" }));
    await clock.advance(1000);
    expect([await one.over, one.heard]).toEqual(["ended", [Status.SERVING, Status.NOT_SERVING]]);
    expect(clock.pending).toBe(0);
  });
});

describe("health through a server", () => {
  it("is that of the app, and a watch hears of the stop before it ends", async () => {
    const parts = healthOf({ parts: { registry: {} } });
    const running = await serve(ourAdd(), {
      on: [grpcServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
      health: parts,
    });
    const from = running.addresses[0]!;
    await using remote = client(contract, grpcClient({ connectTimeoutMs: 60_000 }), { from });
    const check = async (service: string): Promise<Status> => (await remote.check({ service })).status;
    expect(await check(Add.typeName)).toBe(Status.NOT_SERVING);
    parts.set("registry", true);
    expect([await check(Add.typeName), await check("")]).toEqual([Status.SERVING, Status.SERVING]);
    await expect(check("grpc.health.v1.Health")).rejects.toMatchObject({ code: "not_found" });
    const heard: Status[] = [];
    for await (const { status } of remote.watch({})) {
      heard.push(status);
      if (heard.length === 1) void running.stop();
    }
    expect(heard).toEqual([Status.SERVING, Status.NOT_SERVING]);
    expect(await running.done).toBe(0);
  });
});
