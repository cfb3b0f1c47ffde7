import { spawn, spawnSync } from "node:child_process";
import { request as httpRequest } from "node:http";
import { brotliCompressSync, brotliDecompressSync, deflateRawSync, deflateSync, gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { client, close } from "../../client/index.ts";
import { method, service, type ServiceError } from "../../index.ts";
import { byteStreamSchema } from "../index.ts";
import { acceptanceOf, codeAnswer, compressSettings, plainValidators, type Coding } from "./compression.ts";
import { bytesCodec, httpClient, routes, type HttpServerOptions } from "./index.ts";
import { nodePacker } from "./node-packer.ts";

const words = service("words", {
  say: method({
    request: z.object({ text: z.string(), times: z.int().optional() }),
    response: z.object({ text: z.string() }),
  }),
  rows: method({ request: z.object({}), response: byteStreamSchema }),
  none: method({ request: z.object({}), response: z.object({}) }),
});
const bound = routes(words, {
  say: "POST /say",
  rows: { path: "GET /rows", codec: bytesCodec({ mediaType: "text/csv" }) },
  none: { path: "POST /none", status: 204 },
});

const open: AsyncDisposable[] = [];
afterEach(async () => {
  while (open.length > 0) await open.pop()![Symbol.asyncDispose]();
});
async function serving(
  options: Partial<HttpServerOptions> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const server = await served(
    words.implement({
      say({ text, times = 1 }, context) {
        for (const [name, value] of Object.entries(headers)) context.reply.set(name, value);
        return { text: text.repeat(times) };
      },
      async *rows() {
        for (let i = 0; i < 1000; i++) yield Buffer.from(`${i},row\n`);
      },
      none: () => ({}),
    }),
    { routes: [bound], ...options },
  );
  open.push(server);
  return server;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function ask(
  server: Served,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string | Uint8Array,
  verb = "POST",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(server.address);
    const request = httpRequest(
      { port, path, method: verb, headers: { "content-type": "application/json", ...headers } },
      (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("end", () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) }),
        );
        response.on("error", reject);
      },
    );
    request.on("error", reject).end(body);
  });
}

const reasonOf = ({ body }: Answer): string => (JSON.parse(body.toString()) as ServiceError).reason;
const long = JSON.stringify({ text: "word ", times: 1000 });
const plain = JSON.stringify({ text: "word ".repeat(1000) });
const undo: Readonly<Record<string, (body: Buffer) => Buffer>> = { gzip: gunzipSync, br: brotliDecompressSync };
const best = nodePacker.writes[0]!;

describe("an answer that may be compressed", () => {
  it.each<[string, string | undefined]>([
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["br", "br"],
    ["gzip, br", "br"],
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["br;q=0, gzip;q=0.1", "gzip"],
    ["identity, gzip;q=0.5", undefined],
    ["identity;q=0.5, gzip;q=0.5", "gzip"],
    ["identity;q=0, gzip", "gzip"],
    ["gzip;q=0", undefined],
    ["deflate", undefined],
    ["compress, x", undefined],
    ["", undefined],
    ["*", best],
    ["gzip;q=0, *", best],
  ])("to Accept-Encoding %j leaves as %s", async (accept, coding) => {
    const server = await serving({ compress: true });
    const { headers, body } = await ask(server, "/say", { "accept-encoding": accept }, long);
    expect([headers["content-encoding"], headers["vary"], headers["content-length"]]).toEqual([
      coding,
      "accept-encoding",
      String(body.length),
    ]);
    const text = coding === undefined ? body : undo[coding]?.(body);
    if (text !== undefined) expect(text.toString()).toBe(plain);
    if (coding !== undefined) expect(body.length).toBeLessThan(200);
  });

  it("leaves as it is without the option, without the header, and when it is small", async () => {
    const off = await serving();
    const said = await ask(off, "/say", { "accept-encoding": "gzip" }, long);
    expect([said.headers["content-encoding"], said.headers["vary"], said.body.toString()]).toEqual([
      undefined,
      undefined,
      plain,
    ]);
    const on = await serving({ compress: { minBytes: 100 } });
    expect((await ask(on, "/say", {}, long)).headers["content-encoding"]).toBeUndefined();
    const sized = async (length: number) =>
      (await ask(on, "/say", { "accept-encoding": "gzip" }, JSON.stringify({ text: "x".repeat(length - 11) }))).headers[
        "content-encoding"
      ];
    expect([await sized(99), await sized(100)]).toEqual([undefined, "gzip"]);
  });

  it("is compressed however small where the peer refuses it plain, and refused where nothing fits", async () => {
    const server = await serving({ compress: true });
    expect(
      (await ask(server, "/say", { "accept-encoding": "gzip, identity;q=0" }, '{"text":"x"}')).headers[
        "content-encoding"
      ],
    ).toBe("gzip");
    for (const accept of ["identity;q=0", "*;q=0", "compress, *;q=0"]) {
      const answer = await ask(server, "/say", { "accept-encoding": accept }, long);
      expect([accept, answer.status, reasonOf(answer)]).toEqual([accept, 406, "not_acceptable"]);
    }
  });

  it("leaves as it is when the handler has coded it, or forbids it; when it has no body, or is an error", async () => {
    const gzip = { "accept-encoding": "gzip" };
    const coded = await ask(await serving({ compress: true }, { "content-encoding": "aes128gcm" }), "/say", gzip, long);
    expect([coded.headers["content-encoding"], coded.body.toString()]).toEqual(["aes128gcm", plain]);
    const forbidden = await ask(
      await serving({ compress: true }, { "cache-control": "private, no-transform" }),
      "/say",
      gzip,
      long,
    );
    expect(forbidden.headers["content-encoding"]).toBeUndefined();
    const server = await serving({ compress: { minBytes: 1 } });
    const none = await ask(server, "/none", gzip, "{}");
    expect([none.status, none.headers["content-encoding"], none.headers["vary"]]).toEqual([204, undefined, undefined]);
    const wrong = await ask(server, "/say", gzip, "{}");
    expect([wrong.status, wrong.headers["content-encoding"], reasonOf(wrong)]).toEqual([
      400,
      undefined,
      "invalid_request",
    ]);
    const head = await ask(server, "/rows", gzip, undefined, "HEAD");
    expect([head.status, head.headers["content-encoding"], head.headers["vary"]]).toEqual([
      200,
      undefined,
      "accept-encoding",
    ]);
  });

  it("is answered by an error encoder that says 200 all the same", async () => {
    const server = await serving({
      compress: { minBytes: 1 },
      errorEncoder(_error, reply) {
        reply.status = 200;
        reply.header("content-type", "application/json");
        reply.body = plain;
      },
    });
    expect((await ask(server, "/say", { "accept-encoding": "gzip" }, "{}")).body.toString()).toBe(plain);
  });

  it("adds to the vary and etag that the handler set, and takes the coding off what comes back", async () => {
    const server = await serving({ compress: true }, { vary: "origin", etag: '"v1"' });
    const { headers } = await ask(server, "/say", { "accept-encoding": "gzip" }, long);
    expect([headers["vary"], headers["etag"]]).toEqual(["origin, accept-encoding", '"v1--gzip"']);
    const weak = await ask(
      await serving({ compress: true }, { vary: "*", etag: 'W/"v1"' }),
      "/say",
      { "accept-encoding": "br" },
      long,
    );
    expect([weak.headers["vary"], weak.headers["etag"]]).toEqual(["*", 'W/"v1"']);
    const back = { "if-none-match": '"v1--gzip", W/"v2", "v3--br"', "if-match": '"a--b"' };
    plainValidators(back);
    expect(back).toEqual({ "if-none-match": '"v1", W/"v2", "v3"', "if-match": '"a--b"' });
  });

  it("says of what the peer holds already what it would have said of it in full", async () => {
    const headers = ["etag", '"v1"'];
    const answer = { verb: "GET", status: 304, headers, bytes: 0, known: '"v0--br", "v1--gzip"' };
    expect(codeAnswer(compressSettings(true)!, "gzip", answer)).toBeUndefined();
    expect(headers).toEqual(["etag", '"v1--gzip"', "vary", "accept-encoding"]);
    const other = ["etag", '"v2"'];
    codeAnswer(compressSettings(true)!, "gzip", { ...answer, headers: other });
    expect(other).toEqual(["etag", '"v2"', "vary", "accept-encoding"]);
  });

  it("is found unchanged by the tag that its compressed form had", async () => {
    const pages = service("pages", {
      get: method({ request: z.object({}), response: z.object({ text: z.string() }) }),
    });
    const table = routes(pages, { get: { path: "GET /page", etag: "body" } });
    const server = await served(pages.implement({ get: () => ({ text: "word ".repeat(1000) }) }), {
      routes: [table],
      compress: true,
    });
    open.push(server);
    const gzip = { "accept-encoding": "gzip" };
    const first = await ask(server, "/page", gzip, undefined, "GET");
    const etag = first.headers["etag"] as string;
    expect([first.status, first.headers["content-encoding"]]).toEqual([200, "gzip"]);
    expect(etag).toMatch(/--gzip"$/);
    const second = await ask(server, "/page", { ...gzip, "if-none-match": etag }, undefined, "GET");
    expect([second.status, second.headers["etag"], second.headers["vary"], second.body.length]).toEqual([
      304,
      etag,
      "accept-encoding",
      0,
    ]);
    const plainly = await ask(server, "/page", {}, undefined, "GET");
    expect(plainly.headers["etag"]).toBe(etag.replace("--gzip", ""));
  });

  it("is compressed while it is made, when it is a stream", async () => {
    const server = await serving({ compress: true });
    const rows = Array.from({ length: 1000 }, (_, i) => `${i},row\n`).join("");
    for (const coding of ["gzip", "br"]) {
      const { headers, body } = await ask(server, "/rows", { "accept-encoding": coding }, undefined, "GET");
      expect([headers["content-encoding"], undo[coding]!(body).toString()]).toEqual([coding, rows]);
      expect(body.length).toBeLessThan(rows.length);
    }
  });

  it.each(["image/png", "application/zip", "video/mp4", "application/octet-stream", "application/pdf"])(
    "is not %s",
    (type) => {
      const headers = ["content-type", type];
      expect(
        codeAnswer(compressSettings(true)!, "gzip", { verb: "GET", status: 200, headers, bytes: 10_000 }),
      ).toBeUndefined();
      expect(headers).toEqual(["content-type", type]);
    },
  );

  it.each([
    "text/html; charset=utf-8",
    "application/vnd.x+json",
    "image/svg+xml",
    "application/xml",
    "application/x-ndjson",
  ])("is %s", (type) => {
    const answer = { verb: "GET", status: 200, headers: ["content-type", type], bytes: 10_000 };
    expect(codeAnswer(compressSettings(true)!, "gzip", answer)).toBe("gzip");
  });

  it("has a coding that was asked for, whatever was asked", () => {
    const name = fc.constantFrom("gzip", "br", "zstd", "identity", "*", "x", "");
    const item = fc
      .tuple(name, fc.constantFrom("", ";q=0", ";q=0.5", "; Q = 1", ";q=x", ";a=b"))
      .map((pair) => pair.join(""));
    const codings: readonly Coding[] = ["zstd", "br", "gzip"];
    fc.assert(
      fc.property(fc.array(item, { maxLength: 6 }), (items) => {
        const { coding } = acceptanceOf(items.join(","), codings);
        if (coding === undefined) return;
        const named =
          items.findLast((one) => one.split(";")[0] === coding) ?? items.findLast((one) => one.startsWith("*"));
        expect(named).toBeDefined();
        expect(named).not.toContain("q=0\u0000");
        expect(named!.endsWith(";q=0")).toBe(false);
      }),
    );
  });
});

describe("pieces that must leave at once", () => {
  it.each(nodePacker.writes)("leave at once in %s", async (coding) => {
    let given = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; given < 3; given++) yield Buffer.from(`message ${given}\n`);
      await new Promise(() => undefined);
    }
    const packed = nodePacker.deflateStream(coding, source(), { flushes: true })[Symbol.asyncIterator]();
    let bytes = 0;
    // Each flush gives something, so three messages give at least three pieces without an end.
    for (let i = 0; i < 3; i++) bytes += ((await packed.next()).value as Uint8Array).length;
    expect(bytes).toBeGreaterThan(10);
  });
});

describe("a compressed request", () => {
  const body = JSON.stringify({ text: "é".repeat(2000) });

  it.each<[string, (body: string) => Uint8Array]>([
    ["gzip", (text) => gzipSync(text)],
    ["x-gzip", (text) => gzipSync(text)],
    ["GZIP", (text) => gzipSync(text)],
    ["deflate", (text) => deflateSync(text)],
    ["deflate", (text) => deflateRawSync(text)],
    ["br", (text) => brotliCompressSync(text)],
    ["identity", (text) => Buffer.from(text)],
    ["gzip", (text) => Buffer.concat([gzipSync(text.slice(0, 10)), gzipSync(text.slice(10))])],
  ])("in %s is read", async (coding, pack) => {
    const { status, body: answer } = await ask(await serving(), "/say", { "content-encoding": coding }, pack(body));
    expect([status, answer.toString()]).toEqual([200, body]);
  });

  it.each<[string, string, Uint8Array, number, string]>([
    ["cut", "gzip", gzipSync(body).subarray(0, -12), 400, "malformed_message"],
    ["no gzip at all", "gzip", Buffer.from(body), 400, "malformed_message"],
    [
      "with a wrong checksum",
      "gzip",
      Buffer.concat([gzipSync(body).subarray(0, -8), Buffer.alloc(8)]),
      400,
      "malformed_message",
    ],
    ["cut in br", "br", brotliCompressSync(body).subarray(0, -4), 400, "malformed_message"],
    ["cut in deflate", "deflate", deflateSync(body).subarray(0, -4), 400, "malformed_message"],
    ["that is too large as it comes", "gzip", Buffer.alloc(5001), 413, "too_large"],
    ["that is too large inside", "gzip", gzipSync("x".repeat(5001)), 413, "too_large"],
    ["in an unknown coding", "compress", Buffer.from(body), 415, "unsupported_media_type"],
    ["in two codings", "gzip, br", gzipSync(body), 415, "unsupported_media_type"],
  ])("%s is refused", async (_, coding, bytes, status, reason) => {
    const answer = await ask(
      await serving({ limits: { maxBodyBytes: 5000 } }),
      "/say",
      { "content-encoding": coding },
      bytes,
    );
    expect([answer.status, reasonOf(answer)]).toEqual([status, reason]);
    expect(answer.headers["accept-encoding"]).toBe(status === 415 ? nodePacker.reads.join(", ") : undefined);
  });

  it("that would become 10 MB out of 10 KB is refused before it does", async () => {
    const server = await serving();
    for (const [coding, bomb] of [
      ["gzip", gzipSync(Buffer.alloc(10 * 2 ** 20))],
      ["br", brotliCompressSync(Buffer.alloc(10 * 2 ** 20))],
      ["deflate", deflateSync(Buffer.alloc(10 * 2 ** 20))],
    ] as const) {
      expect(bomb.length).toBeLessThan(11_000);
      await ask(server, "/say", { "content-encoding": coding }, bomb);
      const before = process.memoryUsage().arrayBuffers;
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => ask(server, "/say", { "content-encoding": coding }, bomb)),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([413]));
      // 20 times the limit of 1 MiB, and the pieces on their way: in full they would be 200 MB.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60 * 2 ** 20);
    }
  });

  it("that is empty is as if there was none", async () => {
    expect((await ask(await serving(), "/say", { "content-encoding": "gzip" }, "")).status).toBe(400);
  });

  const python = spawnSync("python3", ["-c", "import gzip"]).status === 0 ? "" : " (skipped: python3 is not installed)";
  it.skipIf(python !== "")(`is read as Python packs it, and Python reads what comes back${python}`, async () => {
    const server = await serving({ compress: true });
    const script = `
import gzip, json, sys, urllib.request
body = gzip.compress(json.dumps({"text": "h\\u00e9llo ", "times": 500}).encode())
headers = {"content-type": "application/json", "content-encoding": "gzip", "accept-encoding": "gzip"}
answer = urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/say", data=body, headers=headers))
print(answer.headers["content-encoding"], len(json.loads(gzip.decompress(answer.read()))["text"]))
`;
    expect(await run("python3", ["-c", script, server.address])).toBe("gzip 3000\n");
  });

  const curl = spawnSync("curl", ["--version"]).status === 0 ? "" : " (skipped: curl is not installed)";
  it.skipIf(curl !== "")(`is answered as curl --compressed asks${curl}`, async () => {
    const server = await serving({ compress: true });
    const args = ["-sS", "--compressed", "-H", "content-type: application/json", "-d", long, "-w", "%{size_download}"];
    const output = await run("curl", [...args, `${server.address}/say`]);
    expect(output.startsWith(plain)).toBe(true);
    expect(Number(output.slice(plain.length))).toBeLessThan(200);
  });
});

async function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  await new Promise((resolve) => child.once("close", resolve));
  return output;
}

describe("the client", () => {
  it("compresses requests from the size on that it is told, and reads what comes back", async () => {
    const seen: (string | undefined)[] = [];
    const server = await serving({
      compress: true,
      before: [(context, request) => (seen.push(request.header("content-encoding")), context)],
    });
    const options = { routes: [bound], compress: { minBytes: 500 }, acceptsCompressed: true };
    const remote = client(words, httpClient({ connectTimeoutMs: 60_000, ...options }), {
      from: server.address,
      timeoutMs: 60_000,
    });
    expect((await remote.say({ text: "x".repeat(1000) })).text.length).toBe(1000);
    expect((await remote.say({ text: "x" })).text).toBe("x");
    await close(remote);
    const off = client(words, httpClient({ routes: [bound] }), { from: server.address, timeoutMs: 60_000 });
    await off.say({ text: "x".repeat(5000) });
    await close(off);
    expect(seen).toEqual(["gzip", undefined, undefined]);
  });

  it("refuses wrong options", () => {
    expect(() => httpClient({ compress: { minBytes: 0 } })).toThrow(
      "compress: minBytes should be an integer of at least 1, got 0",
    );
    expect(() => compressSettings("gzip" as never)).toThrow('compress should be true, false or options, got "gzip"');
    expect(() => compressSettings({ codings: ["deflate"] })).toThrow(
      'compress: codings should be one of "zstd", "br", "gzip", got "deflate"',
    );
    expect(() => compressSettings({ level: 1 } as never)).toThrow('compress has no option "level"');
  });
});
