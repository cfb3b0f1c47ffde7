import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { request } from "../../../test/wire.ts";
import { policyError } from "../../errors/index.ts";
import { error, key, method, service, ServiceError, type Gate } from "../../index.ts";
import { settled } from "../../testing/index.ts";
import { json, type Codec } from "../codec.ts";

const text = z.object({ text: z.string() });
const noted = error("noted", { code: "already_exists", details: z.object({ n: z.int() }) });

const echo = service("echo", {
  say: method({ request: text, response: text, errors: [noted] }),
  slow: method({ request: text, response: text, timeoutMs: 60_000 }),
});

const plain = echo.implement({ say: (message) => message, slow: (message) => message });

const user = key<string>("user");

/** Lets in who has an authorization. */
const auth: Gate = (context) => {
  const given = context.metadata("authorization");
  return given === undefined
    ? new ServiceError("who are you?", { code: "unauthenticated" })
    : context.with(user, given);
};

/** JSON again, by another name. */
const other: Codec = { ...json, mediaType: "application/x-other", contentType: "application/x-other" };

const say = (words: string): string => request({ path: "/echo/say", body: JSON.stringify({ text: words }) });

const reasonOf = (body: string): unknown => (JSON.parse(body) as { reason: unknown }).reason;

/** Handlers that wait until they are told to go on. */
function gated() {
  const waiting: (() => void)[] = [];
  const implementation = echo.implement({
    say: (message) => message,
    slow: (message) => new Promise((resolve) => waiting.push(() => resolve(message))),
  });
  return {
    implementation,
    /** Resolves when `count` calls wait. */
    async waits(count = 1): Promise<void> {
      while (waiting.length < count) await settled();
    },
    go: () => waiting.splice(0).forEach((one) => one()),
  };
}

describe("bodies", () => {
  let server: Served;
  beforeAll(async () => {
    server = await served(plain, {
      limits: { maxBodyBytes: 1000 },
      codecs: [json, other],
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("refuses a declared length above the limit before a byte of it is read, with 413", async () => {
    const wire = server.wire();
    wire.send("POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n\r\n");
    const { status, headers, body } = await wire.answer();
    expect([status, reasonOf(body), headers["content-type"]]).toEqual([413, "too_large", "application/problem+json"]);
  });

  it("takes a body of exactly the limit, and refuses one byte more, however it is cut", async () => {
    const exact = JSON.stringify({ text: "x".repeat(1000 - 11) });
    expect(exact.length).toBe(1000);
    expect((await server.ask({ path: "/echo/say", body: exact })).status).toBe(200);
    expect((await server.ask({ path: "/echo/say", body: `${exact} ` })).status).toBe(413);
    const chunked =
      "POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    const chunks = (body: string, size: number): string => {
      const parts = body.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      return `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;
    };
    for (const size of [1, 7, 999, 1000]) {
      const answer = await server.ask(chunked + chunks(exact, size));
      expect([size, answer.status, answer.body]).toEqual([size, 200, exact]);
      expect((await server.ask(chunked + chunks(`${exact} `, size))).status).toBe(413);
    }
  });

  it("goes on with the connection when the refused body is short, and drops it", async () => {
    const wire = server.wire();
    wire.send(request({ path: "/echo/say", body: "x".repeat(5000) }) + say("next"));
    expect((await wire.answer()).status).toBe(413);
    expect((await wire.answer()).body).toBe('{"text":"next"}');
  });

  it("reads no more than the limit and 64 KiB of endless chunks, and its peer still sees the 413", async () => {
    const sockets: Socket[] = [];
    const seen = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
    subscribe("http.server.request.start", seen);
    try {
      const wire = server.wire();
      wire.send(
        "POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      const chunk = Buffer.from(`4000\r\n${"x".repeat(0x4000)}\r\n`);
      let sent = 0;
      let isAnswered = false;
      const pour = (): void => {
        while (!isAnswered && sent < 100_000_000 && !wire.socket.destroyed) {
          sent += chunk.length;
          if (!wire.socket.write(chunk)) return;
        }
      };
      wire.socket.on("drain", pour);
      pour();
      const { status, headers } = await wire.answer();
      isAnswered = true;
      expect([status, headers["connection"]]).toEqual([413, "close"]);
      await wire.closed;
      expect(sent).toBeGreaterThan(200_000);
      expect(sockets.length).toBe(1);
      // The headers are on top of it.
      expect(sockets[0]!.bytesRead).toBeLessThanOrEqual(1000 + 65_536 + 200);
    } finally {
      unsubscribe("http.server.request.start", seen);
    }
  });

  it("reads a body that came, whole or in part, while a gate waited", async () => {
    let go: () => void = () => undefined;
    const waits: Gate = (context) => new Promise((resolve) => (go = () => resolve(context)));
    await using slow = await served(plain, {}, { gates: [waits] });
    for (const size of [0, 10, 70_000, 300_000]) {
      for (const part of [0, 0.5, 1]) {
        const whole = say("x".repeat(size));
        const cut = Math.max(whole.indexOf("\r\n\r\n") + 4, Math.floor(whole.length * part));
        const wire = slow.wire().send(whole.slice(0, cut));
        const before = slow.sockets.length;
        await until(() => slow.sockets.length > before);
        await settled();
        go();
        wire.send(whole.slice(cut));
        const { status, body } = await wire.answer();
        expect([size, part, status, body.length]).toEqual([size, part, 200, size + 11]);
      }
    }
  });

  it("leaves the endless body of a request that takes none, or is for nobody, unread too", async () => {
    for (const head of ["GET /livez", "GET /nowhere", "OPTIONS /echo/say", "PUT /echo/say"]) {
      const sockets: Socket[] = [];
      const seen = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
      subscribe("http.server.request.start", seen);
      const wire = server.wire();
      wire.send(`${head} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n`);
      const chunk = Buffer.from(`4000\r\n${"x".repeat(0x4000)}\r\n`);
      for (let i = 0; i < 100; i++) wire.socket.write(chunk);
      const { headers } = await wire.answer();
      unsubscribe("http.server.request.start", seen);
      expect([head, headers["connection"]]).toEqual([head, "close"]);
      expect(sockets[0]!.bytesRead).toBeLessThanOrEqual(65_536 + 200);
    }
  });

  it("takes the first content type when none is named, and answers 415 for one it does not speak", async () => {
    const send = (type: string | undefined): Promise<{ readonly status: number }> =>
      server.ask(
        `POST /echo/say HTTP/1.1\r\nHost: t\r\n${type === undefined ? "" : `Content-Type: ${type}\r\n`}Content-Length: 12\r\n\r\n{"text":"é"}`,
      );
    expect((await send(undefined)).status).toBe(400);
    expect((await send("application/json; charset=UTF-8")).status).toBe(400);
    for (const type of ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "application/jsonp"])
      expect([type, (await send(type)).status]).toEqual([type, 415]);
    const compressed = await server.ask({ path: "/echo/say", headers: { "Content-Encoding": "compress" }, body: "{}" });
    expect([compressed.status, reasonOf(compressed.body)]).toEqual([415, "unsupported_media_type"]);
    expect(
      (await server.ask({ path: "/echo/say", headers: { "Content-Encoding": "identity" }, body: '{"text":""}' }))
        .status,
    ).toBe(200);
  });

  it("answers in what is accepted, else in what was sent, and 406 when neither is to be had", async () => {
    const answer = async (headers: Readonly<Record<string, string>>): Promise<unknown> => {
      const { status, headers: got } = await server.ask({ path: "/echo/say", headers, body: '{"text":""}' });
      return status === 200 ? got["content-type"] : status;
    };
    expect(await answer({})).toBe("application/json");
    expect(await answer({ "Content-Type": "application/x-other" })).toBe("application/x-other");
    expect(await answer({ Accept: "application/x-other" })).toBe("application/x-other");
    expect(await answer({ "Content-Type": "application/x-other", Accept: "application/json;q=0.9, text/*" })).toBe(
      "application/json",
    );
    expect(await answer({ Accept: "image/png" })).toBe(406);
  });
});

describe("headers", () => {
  it("refuses more of them than allowed with 431, also those that node would drop", async () => {
    await using server = await served(plain, { limits: { maxHeaderBytes: 65_536 } }, { gates: [auth] });
    const ask = (count: number): ReturnType<Served["ask"]> => {
      const many = Array.from({ length: count }, (_, i) => `x${i}: y\r\n`).join("");
      return server.ask(
        `POST /echo/say HTTP/1.1\r\nHost: t\r\n${many}Authorization: me\r\nContent-Length: 11\r\n\r\n{"text":""}`,
      );
    };
    expect((await ask(97)).status).toBe(200);
    for (const count of [98, 99, 200, 995, 1000, 1100, 2500]) {
      const { status, body } = await ask(count);
      expect([count, status, reasonOf(body)]).toEqual([count, 431, "too_many_headers"]);
    }
  });

  it("counts them where a thousand are allowed: none is pushed out", async () => {
    let seen: string | undefined = "not called";
    const implementation = echo.implement({
      say: (message, context) => ((seen = context.metadata("authorization")), message),
      slow: (message) => message,
    });
    await using server = await served(implementation, { limits: { maxHeaders: 1000, maxHeaderBytes: 65_536 } });
    const ask = (count: number): ReturnType<Served["ask"]> => {
      const many = Array.from({ length: count }, (_, i) => `x${i}: y\r\n`).join("");
      return server.ask(
        `POST /echo/say HTTP/1.1\r\nHost: t\r\n${many}Content-Length: 11\r\nAuthorization: me\r\n\r\n{"text":""}`,
      );
    };
    expect((await ask(997)).status).toBe(200);
    expect(seen).toBe("me");
    seen = "not called";
    for (const count of [998, 999, 1000, 1001, 1500]) expect([count, (await ask(count)).status]).toEqual([count, 431]);
    expect(seen).toBe("not called");
  });

  it("refuses larger ones than allowed with 431, in one header or all together, and closes", async () => {
    await using server = await served(plain, { limits: { maxHeaderBytes: 2048 } });
    for (const large of [`X: ${"y".repeat(3000)}\r\n`, `X: y\r\n`.repeat(60) + `Z: ${"z".repeat(2000)}\r\n`]) {
      const wire = server.wire();
      wire.send(`GET /livez HTTP/1.1\r\nHost: t\r\n${large}\r\n`);
      const { status, headers, body } = await wire.answer();
      expect([status, headers["connection"], reasonOf(body)]).toEqual([431, "close", "too_many_headers"]);
      await wire.closed;
    }
    expect((await server.ask(`GET /${"x".repeat(3000)} HTTP/1.1\r\nHost: t\r\n\r\n`)).status).toBe(431);
    expect((await server.ask({ path: "/livez" })).status).toBe(200);
  });

  it("refuses an HTTP/1.1 request without Host", async () => {
    await using server = await served(plain);
    const { status, headers, body } = await server.ask("GET /livez HTTP/1.1\r\n\r\n");
    expect([status, headers["connection"], reasonOf(body)]).toEqual([400, "close", "malformed_message"]);
    expect((await server.ask("GET /livez HTTP/1.0\r\n\r\n")).status).toBe(200);
  });

  it("refuses a request with two, whatever they are", async () => {
    await using server = await served(plain);
    for (const version of ["1.1", "1.0"]) {
      for (const hosts of ["Host: a\r\nHost: b", "Host: a\r\nhost: a", "Host: a, b"]) {
        const { status, headers, body } = await server.ask(`GET /livez HTTP/${version}\r\n${hosts}\r\n\r\n`);
        expect([hosts, status, headers["connection"], reasonOf(body)]).toEqual([
          hosts,
          400,
          "close",
          "malformed_message",
        ]);
      }
    }
    expect((await server.ask("GET /livez HTTP/1.1\r\nHost: a,b\r\n\r\n")).status).toBe(200);
  });

  it("refuses to be a proxy", async () => {
    await using server = await served(plain);
    const wire = server.wire();
    wire.send("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n");
    const { status, body } = await wire.answer();
    expect([status, reasonOf(body)]).toEqual([400, "malformed_message"]);
    await wire.closed;
  });

  it("goes on as if nobody had asked for another protocol", async () => {
    await using server = await served(plain);
    const { status } = await server.ask({
      path: "/echo/say",
      headers: { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAA" },
      body: '{"text":""}',
    });
    expect(status).toBe(200);
  });
});

describe("Expect: 100-continue", () => {
  const ask =
    "POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 13\r\nExpect: 100-continue\r\n";
  let server: Served;
  beforeAll(async () => {
    server = await served(plain, { limits: { maxBodyBytes: 100 } }, { gates: [auth] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("is answered with 100 when the body is wanted, once, and then with the answer", async () => {
    const wire = server.wire();
    wire.send(`${ask}Authorization: me\r\n\r\n`);
    expect((await wire.answer()).status).toBe(100);
    expect(wire.rest).toBe("");
    wire.send('{"text":"hi"}');
    expect((await wire.answer()).body).toBe('{"text":"hi"}');
  });

  it("is refused without it: by a gate, by the length, by the type, by the path", async () => {
    const refused: readonly (readonly [string, number])[] = [
      [`${ask}\r\n`, 401],
      [`${ask.replace("13", "101")}Authorization: me\r\n\r\n`, 413],
      [`${ask.replace("application/json", "text/html")}Authorization: me\r\n\r\n`, 415],
      [`${ask.replace("/say", "/nothing")}Authorization: me\r\n\r\n`, 404],
      [`${ask.replace("POST", "PUT")}Authorization: me\r\n\r\n`, 405],
    ];
    for (const [head, status] of refused) {
      const wire = server.wire();
      wire.send(head);
      const answer = await wire.answer();
      expect([head, answer.status]).toEqual([head, status]);
    }
  });

  it("is passed over on HTTP/1.0, as is an expectation nobody knows", async () => {
    const wire = server.wire();
    wire.send(`${ask.replace("HTTP/1.1", "HTTP/1.0")}Authorization: me\r\n\r\n{"text":"hi"}`);
    expect((await wire.answer()).status).toBe(200);
    const strange = server.wire();
    strange.send(`${ask.replace("100-continue", "200-ok")}Authorization: me\r\n\r\n{"text":"hi"}`);
    expect((await strange.answer()).status).toBe(200);
  });
});

describe("connections", () => {
  it("are kept, and serve many requests", async () => {
    await using server = await served(plain);
    const wire = server.wire();
    for (let i = 0; i < 100; i++) {
      wire.send(say(String(i)));
      const { status, headers, body } = await wire.answer();
      expect([status, headers["connection"], body]).toEqual([200, "keep-alive", `{"text":"${i}"}`]);
    }
  });

  it("are kept after a refusal too: 400, 404, 405, 406, 415, 401", async () => {
    await using server = await served(
      plain,
      {},
      {
        gates: [(context) => (context.metadata("x-stop") === undefined ? context : policyError("rate_limited"))],
      },
    );
    const wire = server.wire();
    const refused: readonly (readonly [string, number])[] = [
      [request({ path: "/echo/say", body: "{" }), 400],
      [request({ path: "/nowhere" }), 404],
      [request({ path: "/nowhere", body: "{}" }), 404],
      [request({ path: "/echo/say" }), 405],
      [request({ path: "/echo/say", headers: { Accept: "image/png" }, body: "{}" }), 406],
      [request({ path: "/echo/say", headers: { "Content-Type": "image/png" }, body: "{}" }), 415],
      [request({ path: "/echo/say", headers: { "X-Stop": "1" }, body: "{}" }), 429],
    ];
    for (const [text, status] of refused) {
      wire.send(text);
      const answer = await wire.answer();
      expect([answer.status, answer.headers["connection"]]).toEqual([status, "keep-alive"]);
    }
    wire.send(say("still here"));
    expect((await wire.answer()).body).toBe('{"text":"still here"}');
  });

  it("answer pipelined requests in their order, whichever is done first", async () => {
    const { implementation, waits, go } = gated();
    await using server = await served(implementation);
    const wire = server.wire();
    wire.send(
      request({ path: "/echo/slow", body: '{"text":"1"}' }) + say("2") + request({ path: "/nowhere" }) + say("4"),
    );
    await waits();
    await settled();
    expect(wire.rest).toBe("");
    go();
    const answers = [await wire.answer(), await wire.answer(), await wire.answer(), await wire.answer()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 200]);
    expect([answers[0]!.body, answers[1]!.body, answers[3]!.body]).toEqual([
      '{"text":"1"}',
      '{"text":"2"}',
      '{"text":"4"}',
    ]);
  });

  it("end after an answer to HTTP/1.0, or when the peer says so", async () => {
    await using server = await served(plain);
    const old = server.wire();
    old.send(say("x").replace("HTTP/1.1", "HTTP/1.0"));
    const answer = await old.answer();
    expect([answer.status, answer.headers["connection"], answer.body]).toEqual([200, "close", '{"text":"x"}']);
    await old.closed;
    const kept = server.wire();
    kept.send(say("x").replace("HTTP/1.1\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n"));
    expect((await kept.answer()).headers["connection"]).toBe("keep-alive");
    const last = server.wire();
    last.send(say("x").replace("\r\n", "\r\nConnection: close\r\n"));
    expect((await last.answer()).headers["connection"]).toBe("close");
    await last.closed;
  });

  it("are served when their request comes byte by byte", async () => {
    await using server = await served(plain);
    const wire = server.wire();
    wire.socket.setNoDelay(true);
    for (const byte of say("slowly")) {
      wire.send(byte);
      await settled();
    }
    expect((await wire.answer()).body).toBe('{"text":"slowly"}');
  });

  it("are closed at the door when there are too many", async () => {
    await using server = await served(plain, { maxConnections: 1 });
    const first = server.wire();
    first.send(say("1"));
    await first.answer();
    const second = server.wire();
    await second.closed;
    expect(second.rest).toBe("");
    first.send(say("2"));
    expect((await first.answer()).body).toBe('{"text":"2"}');
  });
});

describe("request smuggling", () => {
  const post = "POST /echo/say HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n";
  const probes: Readonly<Record<string, string>> = {
    "Content-Length and Transfer-Encoding": `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "Transfer-Encoding and Content-Length": `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    "two Content-Lengths": `${post}Content-Length: 11\r\nContent-Length: 0\r\n\r\n{"text":""}`,
    "two equal Content-Lengths": `${post}Content-Length: 11\r\nContent-Length: 11\r\n\r\n{"text":""}`,
    "a list of Content-Lengths": `${post}Content-Length: 11, 11\r\n\r\n{"text":""}`,
    "a signed Content-Length": `${post}Content-Length: +11\r\n\r\n{"text":""}`,
    "a negative Content-Length": `${post}Content-Length: -1\r\n\r\n`,
    "a hexadecimal Content-Length": `${post}Content-Length: 0xb\r\n\r\n{"text":""}`,
    "a Content-Length no integer holds": `${post}Content-Length: 99999999999999999999\r\n\r\n`,
    "chunked that is not last": `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    "an unknown Transfer-Encoding": `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    "bare LF between headers": `POST /echo/say HTTP/1.1\nHost: t\nContent-Length: 11\n\n{"text":""}`,
    "a bare CR in a header": `${post}X: a\rContent-Length: 11\r\n\r\n{"text":""}`,
    "a folded header": `${post}X: a\r\n b\r\nContent-Length: 11\r\n\r\n{"text":""}`,
    "a folded Transfer-Encoding": `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
    "a space before the colon": `${post}Content-Length : 11\r\n\r\n{"text":""}`,
    "a header without a name": `${post}: x\r\n\r\n`,
    "a NUL in a header": `${post}X: a\0b\r\n\r\n`,
    "a space in the target": "GET /echo/say x HTTP/1.1\r\nHost: t\r\n\r\n",
    "a chunk size that is no number": `${post}Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n`,
    "a chunk size beyond all integers": `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n`,
    "a chunk longer than its size": `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{"text":""}\r\n0\r\n\r\n`,
    "a chunk ended by a bare LF": `${post}Transfer-Encoding: chunked\r\n\r\nb\n{"text":""}\n0\n\n`,
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another version": "GET / HTTP/3.1\r\nHost: t\r\n\r\n",
    TLS: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    nonsense: "\0\0\0\0\r\n\r\n",
  };
  for (const [what, bytes] of Object.entries(probes)) {
    it(`is refused, and the connection closed: ${what}`, async () => {
      let calls = 0;
      await using server = await served(
        echo.implement({ say: (message) => (calls++, message), slow: (message) => message }),
      );
      const wire = server.wire();
      wire.send(`${bytes}GET /livez HTTP/1.1\r\nHost: t\r\n\r\n`);
      const answer = await wire.answer().catch(() => undefined);
      // HTTP/2's preface is for who speaks it: node closes without a word.
      if (what !== "HTTP/2") {
        expect(answer?.status).toBe(400);
        expect(answer?.headers["connection"]).toBe("close");
        expect(reasonOf(answer?.body ?? "{}")).toBe("malformed_message");
      }
      await wire.closed;
      expect([wire.rest, calls]).toEqual(["", 0]);
      expect((await server.ask(say("x"))).status).toBe(200);
    });
  }

  it("leaves the calls before it alone: they are answered, and then the connection ends", async () => {
    const { implementation, waits, go } = gated();
    await using server = await served(implementation);
    const wire = server.wire();
    wire.send(`${request({ path: "/echo/slow", body: '{"text":"1"}' })}nonsense\r\n\r\n`);
    await waits();
    wire.send("more nonsense\r\n\r\n");
    await settled();
    expect(wire.rest).toBe("");
    go();
    const { status, headers, body } = await wire.answer();
    expect([status, headers["connection"], body]).toEqual([200, "close", '{"text":"1"}']);
    await wire.closed;
  });

  it("is told to the observers once, whatever follows", async () => {
    const seen: string[] = [];
    await using server = await served(
      plain,
      {},
      {
        observers: [
          ({ service }) => ({ end: ({ status, error }) => void seen.push(`${service} ${status} ${error?.reason}`) }),
        ],
      },
    );
    const wire = server.wire();
    wire.send("nonsense\r\n\r\n");
    await wire.closed;
    expect(seen).toEqual(["other 400 malformed_message"]);
  });
});

describe("request ids", () => {
  let server: Served;
  const inside: (string | undefined)[] = [];
  beforeAll(async () => {
    server = await served(
      echo.implement({
        say: (message, context) => (inside.push(context.requestId), message),
        slow: (message) => message,
      }),
    );
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const idOf = async (headers: Readonly<Record<string, string>>): Promise<unknown> => {
    inside.length = 0;
    const answer = await server.ask({ path: "/echo/say", headers, body: '{"text":""}' });
    expect(answer.headers["x-request-id"]).toBe(inside[0]);
    return answer.headers["x-request-id"];
  };

  it("come in, are the handler's, and go out, also with a refusal", async () => {
    expect(await idOf({ "X-Request-Id": "abc-123/XYZ" })).toBe("abc-123/XYZ");
    const refused = await server.ask({ path: "/nowhere", headers: { "X-Request-ID": "abc" } });
    expect(refused.headers["x-request-id"]).toBe("abc");
  });

  it("are made where none came, each its own, and told when something went wrong", async () => {
    const ids: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      inside.length = 0;
      const answer = await server.ask({ path: "/echo/say", body: '{"text":""}' });
      expect(answer.headers["x-request-id"]).toBe(undefined);
      ids.push(inside[0], (await server.ask({ path: "/nowhere" })).headers["x-request-id"]);
    }
    expect(new Set(ids).size).toBe(6);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16,40}$/);
  });

  it("are replaced where they are hostile: too long, with spaces, quotes, or bytes that are no ASCII", async () => {
    for (const hostile of ["x".repeat(129), "a b", 'a"b', "a\\b", "\xe9", "a\tb", ""]) {
      expect(await idOf({ "X-Request-Id": hostile })).toMatch(/^[0-9a-f]{16,40}$/);
    }
    const two = await server.ask(
      'POST /echo/say HTTP/1.1\r\nHost: t\r\nX-Request-Id: a\r\nX-Request-Id: b\r\nContent-Length: 11\r\n\r\n{"text":""}',
    );
    expect(two.headers["x-request-id"]).toMatch(/^[0-9a-f]{16,40}$/);
  });
});

describe("errors", () => {
  const failing = (thrown: unknown): Promise<Served> =>
    served(
      echo.implement({
        say() {
          throw thrown;
        },
        slow: (message) => message,
      }),
    );

  it("are problem details: title and status of HTTP, and what happened (RFC 9457)", async () => {
    await using server = await failing(noted({ n: 3 }));
    const { status, headers, body } = await server.ask(say(""));
    expect([status, headers["content-type"]]).toEqual([409, "application/problem+json"]);
    expect(JSON.parse(body)).toEqual({
      title: "Conflict",
      status: 409,
      detail: "noted",
      code: "already_exists",
      reason: "noted",
      details: { n: 3 },
    });
  });

  it("have the status of their code", async () => {
    const statuses = {
      canceled: 499,
      unknown: 500,
      invalid_argument: 400,
      deadline_exceeded: 504,
      not_found: 404,
      already_exists: 409,
      permission_denied: 403,
      resource_exhausted: 429,
      failed_precondition: 400,
      aborted: 409,
      out_of_range: 400,
      unimplemented: 501,
      internal: 500,
      unavailable: 503,
      data_loss: 500,
      unauthenticated: 401,
    } as const;
    for (const [code, expected] of Object.entries(statuses)) {
      await using server = await failing(new ServiceError("no", { code: code as keyof typeof statuses }));
      const { status, body } = await server.ask(say(""));
      expect([code, status, (JSON.parse(body) as { code: unknown }).code]).toEqual([code, expected, code]);
    }
  });

  it("say when to try again: in whole seconds and at least one, and exactly, or that one should not", async () => {
    for (const [retryAfterMs, header, exactMs] of [
      [1, "1", 1],
      [1000, "1", 1000],
      [1001, "2", 1001],
      [90_000, "90", 90_000],
      [0, "1", 0],
      [Number.NaN, undefined, undefined],
      [Infinity, undefined, -1],
    ] as const) {
      await using server = await failing(policyError("rate_limited", { retryAfterMs }));
      const { status, headers, body } = await server.ask(say(""));
      const problem = JSON.parse(body) as { retryAfterMs?: number };
      expect([status, headers["retry-after"], problem.retryAfterMs]).toEqual([429, header, exactMs]);
    }
  });

  it("leave out details that no JSON can hold, and tell the report", async () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const details of [
      { n: 1n },
      cycle,
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
    ]) {
      const reported: unknown[] = [];
      await using server = await served(
        echo.implement({
          say: () => {
            throw new ServiceError("no", { code: "aborted", details });
          },
          slow: (message) => message,
        }),
        {},
        { report: (error) => reported.push(error) },
      );
      const { status, body } = await server.ask(say(""));
      expect([status, JSON.parse(body)]).toEqual([
        409,
        { title: "Conflict", status: 409, detail: "no", code: "aborted", reason: "aborted" },
      ]);
      expect(reported.length).toBe(1);
    }
  });

  it("give no Allow to an error that only bears the name, nor let a back-end's details into a header", async () => {
    for (const details of [undefined, null, {}, { allow: "GET" }, { allow: ["GET\r\nX-Evil: 1"] }]) {
      await using server = await failing(
        new ServiceError("no", { code: "unimplemented", reason: "wrong_verb", details }),
      );
      const { status, headers } = await server.ask(say(""));
      expect([status, headers["allow"], headers["x-evil"]]).toEqual([405, undefined, undefined]);
    }
  });
});

describe("metadata of a reply", () => {
  const replying = (set: (reply: { set(name: string, value: string): void }) => void): Promise<Served> =>
    served(
      echo.implement({
        say(message, { reply }) {
          set(reply);
          return message;
        },
        slow: (message) => message,
      }),
    );

  it("goes out as headers, also with an error", async () => {
    await using server = await replying((reply) => {
      reply.set("X-Served-By", "blue");
      reply.set("cache-control", "no-store");
    });
    const { headers } = await server.ask(say(""));
    expect([headers["x-served-by"], headers["cache-control"]]).toEqual(["blue", "no-store"]);
    await using failed = await served(
      echo.implement({
        say(_, { reply }) {
          reply.set("x-why", "because");
          return noted({ n: 1 });
        },
        slow: (message) => message,
      }),
    );
    expect((await failed.ask(say(""))).headers["x-why"]).toBe("because");
  });

  it("never frames the message, nor doubles what the transport writes", async () => {
    const names = [
      "content-length",
      "transfer-encoding",
      "connection",
      "keep-alive",
      "upgrade",
      "trailer",
      "te",
      "proxy-connection",
      "content-type",
      "x-request-id",
    ];
    await using server = await replying((reply) => {
      for (const name of names) reply.set(name, "7");
    });
    const wire = server.wire();
    for (let i = 0; i < 2; i++) {
      wire.send(say("abc"));
      const { headers, body } = await wire.answer();
      expect(body).toBe('{"text":"abc"}');
      for (const name of names)
        expect([name, headers[name] === "7", Array.isArray(headers[name])]).toEqual([name, false, false]);
    }
  });

  it("cannot split the answer in two", async () => {
    await using server = await replying((reply) => reply.set("x-a", "b\r\nX-Evil: 1"));
    const { status, headers, body } = await server.ask(say(""));
    expect([status, headers["x-evil"], body.includes("Evil")]).toEqual([500, undefined, false]);
  });
});
