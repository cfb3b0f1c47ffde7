import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { cuttable } from "../../../test/cuttable.ts";
import { until } from "../../../test/until.ts";
import { command, installed } from "../../../tools/servers/fetched.ts";
import {
  kubernetesFake,
  sliceWriter,
  type KubernetesFake,
  type KubernetesFakeCounts,
  type SliceWriter,
} from "../../../tools/servers/kubernetes-fake.ts";
import { registryHttp } from "../http/index.ts";
import type { Source, SourceEvent } from "../index.ts";
import { kubernetes, type KubernetesOptions } from "./index.ts";

interface Watched {
  readonly source: Source;
  readonly events: SourceEvent[];
  addresses(): string;
}

const opened: (() => void)[] = [];
afterEach(() => opened.splice(0).forEach((close) => close()));

function watched(options: KubernetesOptions): Watched {
  const events: SourceEvent[] = [];
  // A machine that stalls is no server that does not answer.
  const quick = { retryMaxMs: 500, timeoutMs: 60_000, allowEmpty: true, guard: false } as const;
  const source = kubernetes("add", { ...quick, onEvent: (event) => void events.push(event), ...options });
  const joined = source.subscribe(() => {});
  opened.push(() => joined.cancel());
  const addresses = (): string =>
    source.listing.instances
      .map(({ address }) => address)
      .toSorted()
      .join(" ");
  return { source, events, addresses };
}

const endpoints = (...hosts: readonly string[]) => hosts.map((host) => ({ addresses: [host] }));

describe("a Kubernetes watch in trouble", () => {
  let fake: KubernetesFake;
  let write: SliceWriter;
  beforeEach(async () => {
    fake = await kubernetesFake();
    write = sliceWriter(fake.url, "admin");
  });
  afterEach(() => fake[Symbol.asyncDispose]());

  const put = (name: string, ...hosts: readonly string[]): Promise<void> =>
    write.put(name, { service: "add", endpoints: endpoints(...hosts) });

  /** Joins, and counts from then on. */
  async function joined(options: KubernetesOptions = {}): Promise<Watched> {
    await put("add-1", "10.0.0.1");
    const all = watched({ server: fake.url, token: "admin", ...options });
    await until(() => all.addresses() === "10.0.0.1:8081");
    while ((await fake.trouble("")).open < 1);
    await fake.trouble("reset");
    return all;
  }

  /** How many lists it takes until it shows these; what it waits by itself meanwhile is less than 5 s. */
  async function converges({ addresses, events }: Watched, wanted: string): Promise<number> {
    const from = events.length;
    await until(() => addresses() === wanted);
    const waits = events.slice(from).map((event) => (event.kind === "retry" ? event.delayMs : 0));
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(5000);
    return (await fake.trouble("")).lists;
  }

  it.each(["status", "event"])(
    "lists once when its version is too old, told as %s, and follows from there",
    async (how) => {
      const all = await joined();
      await fake.trouble(`gone-as/${how}`);
      await fake.trouble("mute/on");
      await put("add-2", "10.0.0.2");
      await write.remove("add-1");
      await fake.trouble("compact");
      await fake.trouble("mute/off");
      await fake.trouble("close-watches");
      expect(await converges(all, "10.0.0.2:8081")).toBe(1);
      await put("add-3", "10.0.0.3");
      expect(await converges(all, "10.0.0.2:8081 10.0.0.3:8081")).toBe(1);
      expect(all.events.filter(({ kind }) => kind === "lost")).toEqual([]);
    },
    60_000,
  );

  it("lists once when 410 comes in the middle of a watch", async () => {
    const all = await joined();
    await fake.trouble("mute/on");
    await put("add-1", "10.0.0.9");
    await fake.trouble("compact");
    await fake.trouble("mute/off");
    await fake.trouble("error/410");
    expect(await converges(all, "10.0.0.9:8081")).toBe(1);
  });

  it("fails over any other error of a watch, keeps the list, and comes back", async () => {
    const all = await joined();
    await fake.trouble("error/500");
    await until(() => all.events.some(({ kind }) => kind === "lost"));
    await put("add-2", "10.0.0.2");
    expect(await converges(all, "10.0.0.1:8081 10.0.0.2:8081")).toBeLessThanOrEqual(1);
    expect(all.events.find(({ kind }) => kind === "lost")).toMatchObject({
      error: { message: "the API server ended the watch: to order" },
    });
  });

  it("finds what a silent watch does not tell, without a list", async () => {
    const all = await joined({ silenceMs: 2000 });
    await fake.trouble("mute/on");
    await put("add-2", "10.0.0.2");
    expect(await converges(all, "10.0.0.1:8081 10.0.0.2:8081")).toBe(0);
  });

  it("gives up a dead connection, and goes on over another", async () => {
    await using way = await cuttable(fake.port);
    const all = await joined({ server: `http://127.0.0.1:${way.port}`, silenceMs: 1000 });
    way.swallow();
    await put("add-2", "10.0.0.2");
    expect(await converges(all, "10.0.0.1:8081 10.0.0.2:8081")).toBeLessThanOrEqual(1);
  });

  it("is not led astray by events that come twice and out of order", async () => {
    const all = await joined();
    await put("add-1", "10.0.0.11");
    await put("add-2", "10.0.0.2");
    await put("add-1", "10.0.0.12");
    await write.remove("add-2");
    expect(await converges(all, "10.0.0.12:8081")).toBe(0);
    let changes = all.events.filter(({ kind }) => kind === "change").length;
    await fake.trouble("repeat/4");
    await put("add-3", "10.0.0.3");
    expect(await converges(all, "10.0.0.12:8081 10.0.0.3:8081")).toBe(0);
    changes = all.events.filter(({ kind }) => kind === "change").length - changes;
    expect(changes).toBe(1);
  });

  it.each([
    { bookmarkMs: 50, lists: 0, what: "bookmarks spare it the list after a compaction" },
    { bookmarkMs: 60_000, lists: 1, what: "without bookmarks it lists" },
  ])(
    "$what",
    async ({ bookmarkMs, lists }) => {
      await fake[Symbol.asyncDispose]();
      fake = await kubernetesFake({ bookmarkMs });
      write = sliceWriter(fake.url, "admin");
      const all = await joined();
      await write.put("other-1", { service: "other", endpoints: endpoints("10.0.9.1") });
      await fake.trouble("compact");
      const heard = all.source.listing.updatedMs;
      if (lists === 0) await until(() => all.source.listing.updatedMs > heard);
      // One more, since the first may have been on its way before.
      const again = all.source.listing.updatedMs;
      if (lists === 0) await until(() => all.source.listing.updatedMs > again);
      await fake.trouble("close-watches");
      await put("add-2", "10.0.0.2");
      expect(await converges(all, "10.0.0.1:8081 10.0.0.2:8081")).toBe(lists);
    },
    60_000,
  );

  it("begins anew when the server was set back to an older state", async () => {
    const all = await joined();
    await fake.trouble("mute/on");
    await fake.trouble("set-back");
    await put("add-2", "10.0.0.2");
    await fake.trouble("mute/off");
    expect(await converges(all, "10.0.0.1:8081 10.0.0.2:8081")).toBeLessThanOrEqual(3);
  });

  it("reads long lists page by page, from the start again when they become too old meanwhile", async () => {
    for (let i = 0; i < 230; i++) await put(`add-${i}`, `10.0.1.${i}`);
    const one = watched({ server: fake.url, token: "admin" });
    await until(() => one.source.listing.instances.length === 230);
    expect((await fake.trouble("")).lists).toBe(3);
    await fake.trouble("reset");
    await fake.trouble("expire-pages");
    const two = watched({ server: fake.url, token: "admin" });
    await until(() => two.source.listing.instances.length === 230);
    expect((await fake.trouble("")).lists).toBe(5);
    expect(two.events.some(({ kind }) => kind === "lost")).toBe(false);
  });

  it("is judged by kubectl", async ({ skip }) => {
    const kubectl = installed("kubectl", ["kubernetes-client"]);
    if ("reason" in kubectl) return skip(kubectl.reason);
    if (!hasOpenssl()) return skip("no openssl, and kubectl sends no token without TLS");
    using ca = authority();
    const { cert, key } = ca.issue("localhost", ["IP:127.0.0.1"]);
    for (const [name, text] of Object.entries({ ca: ca.ca, cert, key })) writeFileSync(`${ca.folder}/${name}`, text);
    await using secure = await kubernetesFake({ cert: `${ca.folder}/cert`, key: `${ca.folder}/key` });
    const ask = (token: string, ...words: readonly string[]): string => {
      const to = [`--server=${secure.url}`, `--certificate-authority=${ca.folder}/ca`, `--token=${token}`];
      return command([kubectl.path, ...to, `--cache-dir=${ca.folder}/cache`, ...words]);
    };
    const labels = { "kubernetes.io/service-name": "add" };
    const slice = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: "add-1", labels } };
    const file = `${ca.folder}/slice.json`;
    writeFileSync(file, JSON.stringify({ ...slice, addressType: "IPv4", endpoints: endpoints("10.0.0.1"), ports: [] }));
    expect(ask("admin", "create", "--validate=false", "-f", file)).toContain("add-1 created");
    const selected = ["get", "endpointslices", "-l", "kubernetes.io/service-name=add"];
    expect(JSON.parse(ask("admin", ...selected, "-o", "json"))).toMatchObject({
      items: [{ metadata: { name: "add-1" } }],
    });
    expect(() => ask("somebody", ...selected)).toThrow(/logged in|Unauthorized/);
    expect(() => ask("admin", "get", "endpointslices", "-l", "a=b=c")).toThrow("unable to parse requirement");
    expect(ask("admin", "delete", "endpointslice", "add-1", "--wait=false")).toContain("deleted");
  });
});

describe("credentials for Kubernetes", () => {
  it("are those of the pod, read again as they rotate", async ({ skip }) => {
    if (!hasOpenssl()) return skip("no openssl");
    using ca = authority();
    const { cert, key } = ca.issue("kubernetes", ["IP:127.0.0.1"]);
    for (const [name, text] of Object.entries({ cert, key })) writeFileSync(`${ca.folder}/${name}`, text);
    const credentials = mkdtempSync(`${tmpdir()}/servicekit-account-`);
    const file = (name: string, text: string): void => {
      writeFileSync(`${credentials}/.new`, text);
      renameSync(`${credentials}/.new`, `${credentials}/${name}`);
    };
    file("token", "first\n");
    file("namespace", "shop");
    file("ca.crt", ca.ca);
    const options = {
      cert: `${ca.folder}/cert`,
      key: `${ca.folder}/key`,
      readers: { first: ["shop"], second: ["shop"] },
    };
    const fake = await kubernetesFake(options);
    // The fake's own side door, over a client that trusts it.
    const door = registryHttp({ servers: fake.url, tls: { ca: ca.ca } });
    const trouble = async (what: string): Promise<KubernetesFakeCounts> =>
      (await door.request({ path: `/-/${what}` })).json() as KubernetesFakeCounts;
    try {
      const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(fake.port) };
      const inside = watched({ env, credentials });
      while ((await trouble("")).open < 1);
      file("token", "second\n");
      await trouble("reject/first");
      await trouble("reset");
      await trouble("close-watches");
      while ((await trouble("")).watches < 1);
      expect((await trouble("")).refused).toBe(0);
      expect(inside.events.filter(({ kind }) => kind === "lost")).toEqual([]);
      const elsewhere = watched({ env, credentials, namespace: "bank" });
      await until(() => /: 403 .*forbidden/i.test(String(elsewhere.source.listing.error)));
      const nobody = watched({ server: fake.url, tls: { ca: ca.ca } });
      await until(() => /: 401 /.test(String(nobody.source.listing.error)));
      const stale = watched({ server: fake.url, tls: { ca: ca.ca }, token: async () => "first", namespace: "shop" });
      await until(() => /: 401 /.test(String(stale.source.listing.error)));
      expect(String(stale.source.listing.error)).not.toContain("first");
      file("token", "");
      rmSync(`${credentials}/ca.crt`);
      mkdirSync(`${credentials}/ca.crt`);
      const broken = watched({ env, credentials });
      await until(() => broken.source.listing.error !== undefined);
    } finally {
      opened.splice(0).forEach((close) => close());
      door.close();
      await fake[Symbol.asyncDispose]();
      rmSync(credentials, { recursive: true });
    }
  });

  it("are needed: outside of a cluster the server is to be named", () => {
    expect(() => kubernetes("add", { env: {} })).toThrow("server should be given outside of a cluster");
    expect(kubernetes("add", { env: { KUBERNETES_SERVICE_HOST: "fd00::1" } }).name).toBe("kubernetes add");
  });
});
