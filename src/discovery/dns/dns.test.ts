import { afterAll, beforeAll } from "vitest";
import { asEveryRegistry, lazily } from "../../../test/as-every-registry.ts";
import { knotTestServer } from "../../../tools/servers/knot.ts";
import type { Instance } from "../index.ts";
import { dnsAddresses, dnsSrv } from "./index.ts";

const knot = knotTestServer();
beforeAll(knot.start, 60_000);
afterAll(knot.stop);

const ask = () => ({ servers: [knot.address], intervalMs: 100, timeoutMs: 1000, tries: 2 });
const [hostOf, portOf] = [0, 1].map(
  (part) =>
    ({ address }: Instance) =>
      address.split(":")[part]!,
) as [(one: Instance) => string, (one: Instance) => string];
const targetOf = (one: Instance): string => `host-${hostOf(one).replaceAll(".", "-")}`;

const records = new Map<string, string>();
// Kept by the server over restarts: a change that came while it was away is made when it is back.
function change(service: string, one: Instance, add: readonly string[]): Promise<void> {
  const key = `${service} ${targetOf(one)}`;
  const before = records.get(key);
  if (add.length > 0) records.set(key, add[0]!);
  else records.delete(key);
  knot.update(...(before === undefined ? [] : [`del ${before}`]), ...add.map((line) => `add ${line}`));
  return Promise.resolve();
}

asEveryRegistry(
  {
    name: "dns srv",
    carries: ["weight", "priority"],
    ttlMs: 1000,
    source: (service, options) => dnsSrv(`_${service}._tcp.example.test`, { ...ask(), resolve: 4, ...options }),
    put: (service, one) =>
      change(service, one, [
        `_${service}._tcp 1 SRV ${one.priority} ${one.weight} ${portOf(one)} ${targetOf(one)}`,
        `${targetOf(one)} 1 A ${hostOf(one)}`,
      ]),
    remove: (service, one) => change(service, one, []),
    server: lazily(() => knot.process),
  },
  { missing: knot.missing },
);

asEveryRegistry(
  {
    name: "dns addresses",
    carries: [],
    ttlMs: 1000,
    source: (service, options) => dnsAddresses(`${service}.example.test`, 8081, { ...ask(), ...options }),
    put: (service, one) => change(service, one, [`${service} 1 A ${hostOf(one)}`]),
    remove: (service, one) => change(service, one, []),
    server: lazily(() => knot.process),
  },
  { missing: knot.missing },
);
