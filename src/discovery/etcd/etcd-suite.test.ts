// The behaviour of every registry, on etcd itself: the line that Debian ships, and the one after.
import { afterAll, beforeAll, describe, it } from "vitest";
import { etcdProgram, etcd as startEtcd, givenEtcd, newerEtcdProgram } from "../../../tools/servers/etcd.ts";
import type { Fetched, Started } from "../../../tools/servers/fetched.ts";
import { sourceSuite, type RegistryHarness } from "../../testing/index.ts";
import { etcdAnnouncer } from "./announcer.ts";
import { etcd } from "./etcd.ts";
import { gatewayOf } from "./gateway.ts";
import { layoutOf } from "./layout.ts";
import { ask, deleted, keysOf, put } from "../../../tools/servers/etcd-raw.ts";

const PROGRAMS: Readonly<Record<string, () => Fetched>> =
  givenEtcd === undefined
    ? { "etcd as Debian has it": etcdProgram, "a newer etcd": newerEtcdProgram }
    : { "the etcd of SERVICEKIT_TEST_ETCD": () => ({ path: "" }) };

describe.each(Object.entries(PROGRAMS))("%s", (name, program) => {
  const fetched = program();
  const missing = "reason" in fetched ? fetched.reason : undefined;
  let running: Started | undefined;
  const url = (): string => givenEtcd ?? running!.url;

  beforeAll(async () => {
    if (givenEtcd === undefined && "path" in fetched) running = await startEtcd(fetched.path);
  });
  afterAll(() => running?.[Symbol.asyncDispose](), 60_000);

  describe("as every registry", () => {
    for (const layout of ["instances", "skydns"] as const) {
      const place = { layout };
      // A process that is a few seconds late has not lost its lease.
      const ttlMs = 4500;
      const keyOf = (service: string): string => layoutOf(service, place).prefix;
      const harness: RegistryHarness = {
        name: `${name}, ${layout}`,
        // In etcd an instance that drains is seen; CoreDNS, which knows nothing of health, does not get to see it.
        carries: [
          "id",
          "weight",
          "priority",
          "zone",
          "version",
          "tags",
          "metadata",
          ...(layout === "instances" ? ["health" as const] : []),
        ],
        ttlMs,
        source: (service, options) => etcd(service, { ...place, servers: url(), refreshMs: 500, ...options }),
        announcer: (service) =>
          etcdAnnouncer(gatewayOf({ servers: url() }, undefined, 2000)(), {
            name: `etcd ${service}`,
            ttlMs,
            layoutOf: (of) => layoutOf(of, place),
          }),
        put(service, instance) {
          const at = layoutOf(service, place);
          return put(url(), at.key(instance), at.value(instance)!);
        },
        remove: (service, instance) => deleted(url(), layoutOf(service, place).key(instance)),
        async forget(service) {
          for (const { lease } of await keysOf(url(), keyOf(service)))
            await ask(url(), "/v3/lease/revoke", { ID: lease });
        },
        server:
          givenEtcd === undefined
            ? {
                freeze: () => running!.freeze(),
                thaw: () => running!.thaw(),
                kill: () => running!.kill(),
                restart: () => running!.restart(),
              }
            : undefined,
      };
      // The same code stands under both layouts: one is maltreated.
      const cases = sourceSuite(harness).filter(({ id }) => layout === "instances" || !id.startsWith("fault/"));
      for (const one of cases) {
        it(`${layout}: ${one.name}`, async ({ skip }) => {
          const why = missing ?? one.skip;
          if (why !== undefined) skip(why);
          await one.run();
        }, 180_000);
      }
    }
  });
});
