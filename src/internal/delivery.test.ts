import { describe, expect, it } from "vitest";
import { collector, type Reply } from "../../test/collector.ts";
import { until } from "../../test/until.ts";
import { virtualClock } from "../testing/index.ts";
import { seededRandom, systemClock, systemRandom } from "../time/index.ts";
import { pauseOf, saidIn } from "./answer.ts";
import { delivery, type GivenDelivery } from "./delivery-options.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function to(url: string, more: Partial<GivenDelivery> = {}) {
  return delivery({ url, clock: systemClock, random: { fraction: () => 0.01 }, ...more }, "application/json");
}

/** Answers from a list, then 200; by hand, so that all waits are in virtual time. */
function scripted(...replies: (Response | Error | "hang")[]) {
  const clock = virtualClock();
  const atMs: number[] = [];
  const fetch = (_: unknown, init?: RequestInit): Promise<Response> => {
    atMs.push(clock.now());
    const reply = replies.shift() ?? new Response("{}");
    if (reply instanceof Error) return Promise.reject(reply);
    if (reply !== "hang") return Promise.resolve(reply);
    return new Promise((_, reject) =>
      init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason as Error)),
    );
  };
  const made = to("http://collector.test/v1/x?key=hidden", {
    clock,
    random: { fraction: () => 0.5 },
    fetch: fetch as typeof globalThis.fetch,
  });
  return { clock, atMs, delivery: made };
}

/** The message of what a promise rejects with; watched from now on. */
const failure = (sent: Promise<unknown>): Promise<string> =>
  sent.then(
    () => "nothing failed",
    (error: Error) => error.message,
  );

const status = (code: number, headers: Record<string, string> = {}): Response =>
  new Response("no", { status: code, headers });

describe("a delivery to a real server", () => {
  it("posts the body with its headers, and compresses what is larger than a kibibyte", async () => {
    await using server = await collector();
    const sender = to(server.url, { headers: { Authorization: "Bearer abc" } });
    await sender.send(bytes("small"));
    await sender.send(bytes("x".repeat(5000)));
    const [small, large] = server.received;
    expect(small!.body.toString()).toBe("small");
    expect(small!.headers).toMatchObject({ authorization: "Bearer abc", "content-type": "application/json" });
    expect(small!.headers["content-encoding"]).toBeUndefined();
    expect(large!.body.toString()).toBe("x".repeat(5000));
    expect(large!.packedBytes).toBeLessThan(200);
    await to(server.url, { compression: "none" }).send(bytes("x".repeat(5000)));
    expect(server.received[2]!.packedBytes).toBe(5000);
  });

  it("sends one request at a time, and refuses a third while two are in line", async () => {
    await using server = await collector();
    const sender = to(server.url);
    const [first, second, third] = [bytes("1"), bytes("2"), bytes("3")].map((body) => sender.send(body));
    await expect(third).rejects.toThrow("is still busy");
    await Promise.all([first, second]);
    expect(server.received.map(({ body }) => body.toString())).toEqual(["1", "2"]);
    expect(server.mostAtOnce).toBe(1);
    await sender.send(bytes("4"));
  });

  it("tries again after a broken connection, a 503 and a 429", async () => {
    const replies: Reply[] = ["reset", { status: 503 }, { status: 429 }];
    await using server = await collector((_, i) => replies[i] ?? { status: 200 });
    const sender = to(server.url);
    await sender.send(bytes("{}"));
    expect(server.received.length).toBe(4);
    expect([sender.requests, sender.retries]).toEqual([4, 3]);
  });

  it("gives up at once on an answer that another try would not change, and follows no redirect", async () => {
    await using other = await collector();
    await using server = await collector((_, i) =>
      i === 0
        ? { status: 400, headers: { "content-type": "text/plain" }, body: "bad\nspan" }
        : i === 1
          ? { status: 307, headers: { location: other.url } }
          : { status: 500 },
    );
    const sender = to(`${server.url}/in?key=hidden`);
    await expect(sender.send(bytes("{}"))).rejects.toThrow(new Error(`${server.url}/in answered 400: bad span`));
    await expect(sender.send(bytes("{}"))).rejects.toThrow("a redirect, which is not followed");
    await expect(sender.send(bytes("{}"))).rejects.toThrow("answered 500");
    expect(sender.requests).toBe(3);
    expect(other.received).toEqual([]);
  });

  it("lets a hanging server go when its time is over, and sends the next", async () => {
    await using server = await collector((_, i) => (i === 0 ? "hang" : { status: 200 }));
    const clock = virtualClock();
    const sender = to(server.url, { timeoutMs: 60, clock });
    const failed = failure(sender.send(bytes("{}")));
    await until(() => server.received.length === 1);
    await clock.advance(60);
    expect(await failed).toContain("did not answer within 60 ms");
    await sender.send(bytes("{}"));
  });

  it("takes a body that never ends for what its head says", async () => {
    await using server = await collector(() => "half");
    const clock = virtualClock();
    let isHead = false;
    const headed: typeof fetch = async (...request) => {
      const response = await fetch(...request);
      isHead = true;
      return response;
    };
    const sender = to(server.url, { timeoutMs: 60, clock, fetch: headed });
    const sent = sender.send(bytes("{}"));
    await until(() => isHead);
    await clock.advance(60);
    expect((await sent).body.length).toBe(0);
    expect(sender.requests).toBe(1);
  });

  it("reads no more of an answer than 64 KiB", async () => {
    await using server = await collector(() => ({ status: 200, body: "y".repeat(1_000_000) }));
    expect((await to(server.url).send(bytes("{}"))).body.length).toBe(65_536);
  });

  it("cuts what is under way when it is closed, and takes nothing more", async () => {
    await using server = await collector(() => "hang");
    const sender = to(server.url);
    const sent = [sender.send(bytes("1")), sender.send(bytes("2"))];
    const ended = Promise.allSettled(sent);
    await until(() => server.received.length === 1);
    sender.close();
    for (const { status } of await ended) expect(status).toBe("rejected");
    await expect(sender.send(bytes("3"))).rejects.toThrow("this side is closed");
    await sender.idle();
    expect(server.received.length).toBe(1);
  });

  it("shows no header, though the server says it back, and no query", async () => {
    await using server = await collector(({ headers }) => ({
      status: 401,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ you: headers.authorization, token: "s3cret-token" }),
    }));
    const sender = to(`${server.url}/?key=hidden`, { headers: { authorization: "Bearer s3cret-token" } });
    const error: unknown = await sender.send(bytes("{}")).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("answered 401");
    expect(String(error)).not.toMatch(/s3cret|hidden/);
  });
});

describe("the pace of attempts", () => {
  it("spreads over a doubling time", async () => {
    const { clock, atMs, delivery } = scripted(status(503), status(502), status(504), status(429));
    const sent = delivery.send(bytes("{}"));
    await clock.advance(8000);
    await sent;
    expect(atMs).toEqual([0, 125, 375, 875, 1875]);
    expect(clock.pending).toBe(0);
  });

  it("ends after five", async () => {
    const { clock, atMs, delivery } = scripted(...Array.from({ length: 9 }, () => status(503)));
    const sent = failure(delivery.send(bytes("{}")));
    await clock.advance(9000);
    expect(await sent).toContain("answered 503");
    expect(atMs.length).toBe(5);
  });

  it("obeys Retry-After, in seconds and as a date", async () => {
    const date = new Date(Date.UTC(2026, 0, 1, 0, 0, 5)).toUTCString();
    const { clock, atMs, delivery } = scripted(
      status(503, { "retry-after": "2" }),
      status(429, { "retry-after": date }),
    );
    const sent = delivery.send(bytes("{}"));
    await clock.advance(8000);
    await sent;
    expect(atMs).toEqual([0, 2000, 5000]);
  });

  it("gives a batch up whose pause is too long, and leaves the server alone meanwhile, a minute at most", async () => {
    const { clock, atMs, delivery } = scripted(status(503, { "retry-after": "86400" }));
    await expect(delivery.send(bytes("1"))).rejects.toThrow("answered 503");
    await clock.advance(1000);
    await expect(delivery.send(bytes("2"))).rejects.toThrow("asked to be left alone for 59000 ms");
    await clock.advance(54_000);
    const sent = delivery.send(bytes("3"));
    await clock.advance(6000);
    await sent;
    expect(atMs).toEqual([0, 60_000]);
  });

  it("stops trying again when its budget is spent, and earns it back by deliveries", async () => {
    const { clock, atMs, delivery } = scripted(...Array.from({ length: 30 }, () => new TypeError("no route")));
    for (let i = 0; i < 6; i++) {
      const sent = failure(delivery.send(bytes("{}")));
      await clock.advance(9000);
      expect(await sent).toContain("cannot be reached");
    }
    // Ten retries over the first three, then one attempt each.
    expect(atMs.length).toBe(6 + 10);
    expect(delivery.retries).toBe(10);
  });

  it("is called off when it is closed", async () => {
    const { clock, delivery } = scripted(status(503));
    const sent = failure(delivery.send(bytes("{}")));
    await clock.advance(10);
    expect(clock.pending).toBe(1);
    delivery.close();
    expect(await sent).toContain("this side is closed");
    expect(clock.pending).toBe(0);
  });

  it("bounds a fetch that does not listen to its signal", async () => {
    const clock = virtualClock();
    const fetch = (() => new Promise(() => undefined)) as unknown as typeof globalThis.fetch;
    const sender = to("http://collector.test", { clock, fetch, random: systemRandom });
    const sent = failure(sender.send(bytes("{}")));
    await clock.advance(9000);
    expect(await sent).toContain("did not answer within 9000 ms");
  });

  it("is spread by chance", async () => {
    const starts = await Promise.all(
      [1, 2].map(async (seed) => {
        const clock = virtualClock();
        const atMs: number[] = [];
        const fetch = (): Promise<Response> => (atMs.push(clock.now()), Promise.resolve(status(503)));
        const sender = to("http://collector.test", { clock, fetch, random: seededRandom(seed) });
        const sent = sender.send(bytes("{}")).catch(() => undefined);
        await clock.advance(9000);
        await sent;
        return atMs;
      }),
    );
    expect(starts[0]).not.toEqual(starts[1]);
  });
});

describe("the options", () => {
  it.each([
    ["ftp://a/", "url should be an http or https URL"],
    ["collector:4318/x y", "url should be"],
    ["http://user:hunter2@a/", "url should hold no user name and no password"],
  ])("refuse the URL %s", (url, message) => {
    expect(() => to(url)).toThrow(message);
  });

  it("never show a password or a header's value", () => {
    for (const url of ["http://user:hunter2@a/", "ftp://user:hunter2@a/"]) {
      expect(() => to(url)).toThrow(/^(?!.*hunter2)/);
    }
    expect(() => to("http://a", { headers: { key: "hun\nter2" } })).toThrow(/^headers\.key should be text(?!.*ter2)/);
    expect(() => to("http://a", { headers: { "a b": "x" } })).toThrow('proper names, got "a b"');
  });
});

describe("what a server says", () => {
  it("is one short line of text, or nothing", () => {
    expect(saidIn(bytes("a\r\n\tb\u0000c"), "text/plain; charset=utf-8", [])).toBe(": a b c");
    expect(saidIn(bytes("x".repeat(900)), "application/problem+json", []).length).toBe(202);
    expect(saidIn(bytes("<html>"), "text/html", [])).toBe("");
    expect(saidIn(bytes(" "), "text/plain", [])).toBe("");
  });

  it.each([
    ["3", 3000],
    ["0", 0],
    ["Thu, 01 Jan 2026 00:00:02 GMT", 2000],
    ["Thu, 01 Jan 2015 00:00:00 GMT", 0],
    ["-3", undefined],
    ["soon", undefined],
    ["1e99", undefined],
    ["2030", 2_030_000],
    ["", undefined],
    [null, undefined],
  ])("Retry-After %j is %s ms", (header, ms) => {
    expect(pauseOf(header, Date.UTC(2026, 0, 1))).toBe(ms);
  });
});
