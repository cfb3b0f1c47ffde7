import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, describe, expect, it } from "vitest";
import { asEveryRegistry } from "../../../test/as-every-registry.ts";
import { until } from "../../../test/until.ts";
import { sleep } from "../../time/index.ts";
import { source, type Instance, type Source, type SourceEvent } from "../index.ts";
import { file, fileSnapshot } from "./index.ts";

const folder = mkdtempSync(`${tmpdir()}/servicekit-file-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = (): string => `${folder}/${++files}.json`;
const shown = (from: Source): string => from.listing.instances.map(({ address }) => address).join(" ");

/** Writes a file as careful tools do. */
function replace(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(value));
  renameSync(`${path}.new`, path);
}

const there = new Map<string, Map<string, Instance>>();
const write = (service: string): void =>
  replace(`${folder}/${service}.json`, [...(there.get(service)?.values() ?? [])]);

asEveryRegistry({
  name: "file",
  carries: ["id", "weight", "priority", "zone", "version", "tags", "metadata", "health"],
  ttlMs: 1000,
  service() {
    const service = `suite${++files}`;
    there.set(service, new Map());
    write(service);
    return service;
  },
  source: (service, options) => file(`${folder}/${service}.json`, { service, ...options }),
  put: (service, one) => (there.get(service)!.set(one.id, one), Promise.resolve(write(service))),
  remove: (service, one) => (there.get(service)!.delete(one.id), Promise.resolve(write(service))),
});

// A file system is as slow as it likes.
describe("a file", () => {
  /** Watches with a look every hour, so that what is seen was told by the folder. */
  function watched(path: string, more = {}) {
    const events: SourceEvent[] = [];
    const from = file(path, { intervalMs: 3_600_000, onEvent: (event) => void events.push(event), ...more });
    const joined = from.subscribe(() => undefined);
    return { from, events, [Symbol.dispose]: () => joined.cancel() };
  }

  it.each<[string, (path: string) => void]>([
    ["renamed into its place", (path) => replace(path, ["b:1"])],
    ["written in place", (path) => writeFileSync(path, '["b:1"]')],
    [
      "cut off first, as some editors do",
      (path) => {
        writeFileSync(path, "");
        void sleep(1).then(() => writeFileSync(path, '["b:1"]'));
      },
    ],
    [
      "moved away first, as others do",
      (path) => {
        renameSync(path, `${path}~`);
        void sleep(1).then(() => writeFileSync(path, '["b:1"]'));
      },
    ],
  ])("is seen to change when it is %s", async (_, change) => {
    const path = newPath();
    writeFileSync(path, '["a:1"]');
    using one = watched(path);
    await one.from.ready();
    expect(shown(one.from)).toBe("a:1");
    change(path);
    await until(() => shown(one.from) === "b:1");
    expect(one.events.filter(({ kind }) => kind === "change")).toHaveLength(2);
  });

  it("that is a link to another is seen to change by the look now and then", async () => {
    const path = newPath();
    writeFileSync(path, '["a:1"]');
    // Whoever watches the folder of a link is not told of its target.
    const { symlinkSync } = await import("node:fs");
    mkdirSync(`${folder}/links`, { recursive: true });
    symlinkSync(path, `${folder}/links/${files}.json`);
    using one = watched(`${folder}/links/${files}.json`, { intervalMs: 50 });
    await one.from.ready();
    replace(path, ["b:1"]);
    await until(() => shown(one.from) === "b:1");
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ["is removed", (path) => rmSync(path), /ENOENT/],
    ["is broken", (path) => writeFileSync(path, '["b:1"'), /JSON/],
    ["is no list", (path) => writeFileSync(path, "7"), /should be a list of instances/],
    ["has several lists", (path) => writeFileSync(path, '{"add":[]}'), /say which by the option service/],
  ])(
    "that %s keeps its last list, says what is wrong, and is taken again when it is well",
    async (_, harm, message) => {
      const path = newPath();
      writeFileSync(path, '["a:1"]');
      using one = watched(path);
      await one.from.ready();
      harm(path);
      await until(() => one.from.listing.state === "stale");
      expect(one.from.listing.error?.message).toMatch(message);
      expect(shown(one.from)).toBe("a:1");
      replace(path, ["b:1"]);
      await until(() => shown(one.from) === "b:1" && one.from.listing.state === "fresh");
    },
  );

  it("may come later, even its folder", async () => {
    const path = `${folder}/later${++files}/instances.json`;
    using one = watched(path);
    await until(() => one.events.some(({ kind }) => kind === "lost"));
    mkdirSync(path.slice(0, path.lastIndexOf("/")));
    replace(path, ["a:1"]);
    await until(() => shown(one.from) === "a:1");
  });

  it("may hold several services, and entries that are none are told and left out", async () => {
    const path = newPath();
    const list = ["a:1", 7, null, { address: "" }, { address: "b:1", zone: 5 }, { address: "c:1", health: "ill" }];
    replace(path, { add: list, sum: ["d:1"] });
    using one = watched(path, { service: "add" });
    await one.from.ready();
    expect(shown(one.from)).toBe("a:1");
    expect(one.from.listing.instances[0]?.service).toBe("add");
    const told = one.events.flatMap((event) => (event.kind === "skipped" ? [event.error.message] : []));
    expect(told).toEqual([
      "an instance should be an address or have one, got 7",
      "an instance should be an address or have one, got null",
      'address should be a non-empty string, got ""',
      "zone should be a string, got 5",
      'health should be one of "up", "down", "draining", got "ill"',
    ]);
    using none = watched(path, { service: "toString" });
    await until(() => none.from.listing.state === "fresh");
    expect(shown(none.from)).toBe("");
  });

  it("of one list gives those of a service, or that do not say theirs", async () => {
    const path = newPath();
    replace(path, ["a:1", { address: "b:1", service: "add" }, { address: "c:1", service: "sum" }]);
    using one = watched(path, { service: "add" });
    await one.from.ready();
    expect(shown(one.from)).toBe("a:1 b:1");
  });

  it("refuses wrong options", () => {
    expect(() => file("")).toThrow("path should be a non-empty string");
    expect(() => file("x", { services: "a" } as never)).toThrow('file has no option "services"');
  });
});

describe("a snapshot in a file", () => {
  it("is what a source begins with when its registry is away, and leaves no other files", async () => {
    const own = `${folder}/snapshots`;
    mkdirSync(own);
    const snapshot = fileSnapshot(`${own}/add.json`);
    let saved = 0;
    const counted = { load: snapshot.load, save: async (text: string) => (await snapshot.save(text), void saved++) };
    const watch = ({ list }: { list(all: readonly string[]): void }) => Promise.resolve(list(["a:1", "b:1"]));
    await source({ name: "one", watch, snapshot: counted }).ready();
    await until(() => saved === 1);
    expect(readdirSync(own)).toEqual(["add.json"]);
    const away = source({ name: "two", watch: () => Promise.reject(new Error("away")), snapshot });
    expect((await away.ready()).state).toBe("snapshot");
    expect(shown(away)).toBe("a:1 b:1");
    writeFileSync(`${own}/add.json`, "{}");
    const errors: string[] = [];
    const broken = source({
      name: "three",
      watch: () => Promise.reject(new Error("away")),
      snapshot,
      onEvent: (event) => void (event.kind === "snapshot" && errors.push(event.error.message)),
    });
    const joined = broken.subscribe(() => undefined);
    await until(() => errors.length > 0);
    joined.cancel();
    expect(errors).toEqual(["it is not a snapshot of instances"]);
  });

  it("that cannot be written is told, and leaves nothing beside it", async () => {
    const errors: string[] = [];
    const from = source({
      name: "one",
      watch: ({ list }) => Promise.resolve(list(["a:1"])),
      snapshot: fileSnapshot(`${folder}/missing/add.json`),
      onEvent: (event) => void (event.kind === "snapshot" && errors.push(event.error.message)),
    });
    await from.ready();
    await until(() => errors.length > 0);
    expect(errors[0]).toContain("ENOENT");
  });
});
