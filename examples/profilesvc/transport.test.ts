import { client } from "servicekit/client";
import { serve } from "servicekit/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exists, inMemory, inconsistent, notFound, profiles } from "./service.ts";
import { restClient, restServer } from "./transport.ts";

describe("profilesvc, client and server", () => {
  async function start() {
    const running = await serve(profiles.implement(inMemory()), {
      on: [restServer({ port: 0, host: "127.0.0.1" })],
      log: false,
      signals: false,
    });
    const address = running.addresses[0]!;
    return { running, address, remote: client(profiles, restClient(), { from: address }) };
  }
  let at: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    at = await start();
  });
  afterAll(async () => {
    await at.remote[Symbol.asyncDispose]();
    await at.running.stop();
  });

  it("agree on each of the nine routes, where Go kit's do not", async () => {
    const { remote } = at;
    const ada = { id: "ada", name: "Ada", addresses: [{ id: "home", location: "London" }] };
    expect(await remote.postProfile({ profile: ada })).toEqual({});
    expect(await remote.getProfile({ id: "ada" })).toEqual({ profile: ada });
    expect(await remote.putProfile({ id: "ada", profile: { id: "ada", name: "A." } })).toEqual({});
    expect(await remote.getAddresses({ id: "ada" })).toEqual({});
    expect(await remote.patchProfile({ id: "ada", profile: { addresses: [{ id: "b/1" }] } })).toEqual({});
    expect(await remote.getAddress({ id: "ada", addressID: "b/1" })).toEqual({ address: { id: "b/1" } });
    expect(await remote.postAddress({ id: "ada", address: { id: "c" } })).toEqual({});
    expect(await remote.deleteAddress({ id: "ada", addressID: "b/1" })).toEqual({});
    expect(await remote.getProfile({ id: "ada" })).toEqual({
      profile: { id: "ada", name: "A.", addresses: [{ id: "c" }] },
    });
    expect(await remote.deleteProfile({ id: "ada" })).toEqual({});
  });

  it("have typed errors, also over a wire that has but a message", async () => {
    const { remote } = at;
    const missing = await remote.getProfile.try({ id: "nobody" });
    expect(!missing.ok && notFound.is(missing.error)).toBe(true);
    await remote.putProfile({ id: "x", profile: { id: "x" } });
    const twice = await remote.postProfile.try({ profile: { id: "x" } });
    expect(!twice.ok && exists.is(twice.error)).toBe(true);
    const other = await remote.patchProfile.try({ id: "x", profile: { id: "y" } });
    expect(!other.ok && inconsistent.is(other.error)).toBe(true);
    await expect(remote.postProfile({ profile: { id: "" } })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("keep what is absent or empty in a PATCH, as Go kit does", async () => {
    const { remote } = at;
    await remote.putProfile({ id: "p", profile: { id: "p", name: "P", addresses: [{ id: "a" }] } });
    await remote.patchProfile({ id: "p", profile: { name: "", addresses: [] } });
    expect(await remote.getProfile({ id: "p" })).toEqual({ profile: { id: "p", name: "P", addresses: [{ id: "a" }] } });
  });

  it("spare a profile that has not changed", async () => {
    const url = `${at.address}/profiles/p`;
    const { headers } = await fetch(url);
    const again = await fetch(url, { headers: { "if-none-match": headers.get("etag")! } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });
});
