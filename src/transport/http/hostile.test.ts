import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { request, type WireAnswer } from "../../../test/wire.ts";
import { method, service } from "../../index.ts";
import { routes } from "./index.ts";

const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "then"];

const open = z.object({ a: z.unknown().optional() }).catchall(z.unknown());
const things = service("things", {
  strict: method({ request: z.strictObject({ a: z.int() }), response: z.object({ a: z.int() }) }),
  open: method({ request: open, response: open }),
  get: method({
    request: z.object({ id: z.string(), tag: z.string().optional() }),
    response: z.object({ id: z.string(), tag: z.string().optional() }),
  }),
});

let server: Served;
let received: unknown[] = [];
const failed: unknown[] = [];
beforeAll(async () => {
  server = await served(
    things.implement({
      strict: ({ a }) => ({ a }),
      open: (message) => (received.push(message), message),
      get: (message) => message,
    }),
    {
      routes: [routes(things, { get: { path: "GET /things/{id}", header: { tag: "X-Tag" } } })],
      limits: { maxBodyBytes: 2_000_000 },
    },
    { report: (error) => failed.push(error) },
  );
});
afterAll(() => server[Symbol.asyncDispose]());
afterEach(() => {
  received = [];
  expect(failed.splice(0)).toEqual([]);
  // Whatever was sent, no object has learnt anything.
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Reflect.ownKeys(Object.prototype).length).toBe(12);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(([] as { polluted?: unknown }).polluted).toBeUndefined();
});

const post = (path: string, body: string | Uint8Array): Promise<WireAnswer> => {
  const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
  const head = `POST ${path} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return server.ask(head + Buffer.from(bytes).toString("latin1"));
};

const problem = (detail: string): unknown => ({
  title: "Bad Request",
  status: 400,
  detail,
  code: "invalid_argument",
  reason: "malformed_message",
});

describe("a body that is no message", () => {
  const bodies: Readonly<Record<string, readonly [string | Uint8Array, string]>> = {
    nothing: ["", "the body is not valid JSON"],
    "white space": [" \r\n", "the body is not valid JSON"],
    "bytes that are not UTF-8": [Uint8Array.of(0x7b, 0x22, 0x61, 0x22, 0x3a, 0xff, 0x7d), "the body is not UTF-8"],
    "an overlong encoding": [Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), "the body is not UTF-8"],
    "half a surrogate in UTF-8": [Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), "the body is not UTF-8"],
    "UTF-16": [Buffer.from('{"a":1}', "utf16le"), "the body is not valid JSON"],
    "a byte order mark": [Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d), "the body is not valid JSON"],
    "an end that is missing": ['{"a":1', "the body is not valid JSON"],
    "data behind its end": ['{"a":1}{', "the body is not valid JSON"],
    "a second message": ['{"a":1}{"a":2}', "the body is not valid JSON"],
    "a comma too many": ['{"a":1,}', "the body is not valid JSON"],
    "single quotes": ["{'a':1}", "the body is not valid JSON"],
    "a comment": ['{"a":1}//', "the body is not valid JSON"],
    NaN: ['{"a":NaN}', "the body is not valid JSON"],
    "a raw newline in a string": ['{"a":"\n"}', "the body is not valid JSON"],
    "a number no double holds": ['{"a":1e999}', "the JSON has a number out of range"],
    "a negative one": ['{"a":-1e999}', "the JSON has a number out of range"],
    "the same one alone": ["1e999", "the JSON has a number out of range"],
    "a key twice": ['{"a":1,"a":2}', 'the JSON has the key "a" twice'],
    "a key twice, escaped": ['{"a":1,"\\u0061":2}', 'the JSON has the key "a" twice'],
    "a key twice, deep inside": ['{"x":[{"y":{"a":1,"a":1}}]}', 'the JSON has the key "a" twice'],
    "65 arrays in each other": [`${"[".repeat(65)}${"]".repeat(65)}`, "the JSON is nested deeper than 64"],
    "65 objects in each other": [`${'{"a":'.repeat(65)}1${"}".repeat(65)}`, "the JSON is nested deeper than 64"],
    "a million openers": ["[".repeat(1_000_000), "the JSON is nested deeper than 64"],
    "a million objects that open": ['{"a":'.repeat(300_000), "the JSON is nested deeper than 64"],
    "a __proto__": ['{"__proto__":{"polluted":1}}', "the JSON has the key __proto__"],
    "a __proto__ inside": ['{"a":[{"__proto__":null}]}', "the JSON has the key __proto__"],
    "a __proto__, escaped": ['{"\\u005f_proto__":1}', "the JSON has the key __proto__"],
  };
  for (const [what, [body, detail]] of Object.entries(bodies)) {
    it(`is refused with 400 and always the same words: ${what}`, async () => {
      const answers = [await post("/things/open", body), await post("/things/strict", body)];
      for (const { status, body } of answers) expect([status, JSON.parse(body)]).toEqual([400, problem(detail)]);
      expect(received).toEqual([]);
    });
  }

  it("does not come back in the answer", async () => {
    const secret = "hunter2-hunter2";
    for (const body of [`{"password":"${secret}"`, `{"a":"${secret}"} x`, `"${secret}`, `{"a":"${secret}"}`]) {
      expect((await post("/things/strict", body)).body).not.toContain(secret);
    }
  });

  it("is refused by its schema where it is JSON of another shape", async () => {
    for (const body of [
      "null",
      "1",
      '"a"',
      "[]",
      "true",
      "{}",
      '{"a":"1"}',
      '{"a":1,"b":2}',
      '{"a":1.5}',
      '{"a":9007199254740993}',
      '{"a":null}',
    ]) {
      const answer = await post("/things/strict", body);
      expect([body, answer.status, (JSON.parse(answer.body) as { reason: string }).reason]).toEqual([
        body,
        400,
        "invalid_request",
      ]);
    }
  });

  it("names at most twenty findings, however many there are", async () => {
    const many = service("many", {
      all: method({ request: z.object({ list: z.array(z.int()) }), response: z.object({}) }),
    });
    await using other = await served(many.implement({ all: () => ({}) }));
    const { status, body } = await other.ask({
      path: "/many/all",
      body: JSON.stringify({ list: Array.from({ length: 50_000 }, () => "x") }),
    });
    expect(status).toBe(400);
    expect((JSON.parse(body) as { details: { issues: unknown[] } }).details.issues.length).toBe(20);
  });

  it("costs the others nothing: a million elements are read, or refused, in time", async () => {
    const large = `{"a":[${"1,".repeat(900_000)}1]}`;
    expect((await post("/things/open", large)).status).toBe(200);
    expect((await post("/things/open", `${large.slice(0, -2)},"x"]`)).status).toBe(400);
  });
});

describe("names that every object has", () => {
  it("are plain keys of a body, where they are declared or anything is", async () => {
    for (const name of NAMES.slice(1)) {
      const { status, body } = await post("/things/open", JSON.stringify({ [name]: { polluted: 1 } }));
      expect([name, status, JSON.parse(body)]).toEqual([name, 200, { [name]: { polluted: 1 } }]);
      expect(Object.hasOwn(received.at(-1) as object, name)).toBe(true);
    }
  });

  it("are refused as keys of a body where they are not declared", async () => {
    for (const name of NAMES) {
      const { status } = await post("/things/strict", `{"a":1,${JSON.stringify(name)}:1}`);
      expect([name, status]).toEqual([name, 400]);
    }
    for (const name of NAMES)
      expect([name, (await post("/things/strict", `{${JSON.stringify(name)}:1}`)).status]).toEqual([name, 400]);
  });

  it("have no effect as names in the query", async () => {
    for (const name of NAMES) {
      const { status, body } = await server.ask({
        path: `/things/7?${name}=1&${name}[polluted]=1&tag=x&__proto__.polluted=1`,
      });
      expect([name, status, body]).toEqual([name, 200, '{"id":"7"}']);
    }
  });

  it("have no effect as names of headers", async () => {
    for (const name of NAMES) {
      const { status, body } = await server.ask({ path: "/things/7", headers: { [name]: "polluted", "X-Tag": "t" } });
      expect([name, status, body]).toEqual([name, 200, '{"id":"7","tag":"t"}']);
    }
  });

  it("are values as segments of a path", async () => {
    for (const name of NAMES) {
      const { status, body } = await server.ask({ path: `/things/${name}` });
      expect([name, status, body]).toEqual([name, 200, JSON.stringify({ id: name })]);
    }
  });

  it("are no services and no methods", async () => {
    for (const name of NAMES) {
      for (const path of [
        `/${name}`,
        `/things/${name}`,
        `/${name}/strict`,
        `/${name}/${name}`,
        `/things/${name}/call`,
      ]) {
        const { status } = await post(path, "{}");
        expect([path, status]).toEqual([path, path === `/things/${name}` ? 405 : 404]);
      }
    }
  });

  it("are no verbs", async () => {
    for (const verb of ["get", "CONSTRUCTOR", "__proto__", "*", "toString"]) {
      const { status } = await server
        .ask(request({ verb, path: "/things/strict", body: "{}" }))
        .catch(() => ({ status: 0 }));
      // Node's parser knows the verbs there are.
      expect([verb, status]).toEqual([verb, 400]);
    }
    for (const verb of ["TRACE", "PURGE", "M-SEARCH", "SUBSCRIBE"]) {
      expect([verb, (await server.ask(request({ verb, path: "/things/strict", body: "{}" }))).status]).toEqual([
        verb,
        405,
      ]);
    }
  });

  it("are no media types, encodings or expectations", async () => {
    for (const name of NAMES) {
      expect([
        name,
        (await server.ask({ path: "/things/strict", headers: { "Content-Type": name }, body: '{"a":1}' })).status,
      ]).toEqual([name, 415]);
      expect([
        name,
        (await server.ask({ path: "/things/strict", headers: { Accept: name }, body: '{"a":1}' })).status,
      ]).toEqual([name, 406]);
      expect([
        name,
        (await server.ask({ path: "/things/strict", headers: { "Content-Encoding": name }, body: '{"a":1}' })).status,
      ]).toEqual([name, 415]);
    }
  });

  it("are no metadata", async () => {
    const seen: unknown[] = [];
    const meta = service("meta", { read: method({ request: z.object({}), response: z.object({}) }) });
    await using other = await served(
      meta.implement({
        read(_, context) {
          seen.push(...NAMES.map((name) => context.metadata(name)));
          return {};
        },
      }),
    );
    expect((await other.ask({ path: "/meta/read", body: "{}" })).status).toBe(200);
    expect(seen).toEqual(NAMES.map(() => undefined));
  });
});
