import fc from "fast-check";
import Busboy from "@fastify/busboy";
import { describe, expect, it } from "vitest";
import type { ServiceError } from "../../errors/index.ts";
import { boundaryOf, readHead } from "./head.ts";
import { multipartSettings, type MultipartOptions } from "./limits.ts";
import { readParts } from "./read.ts";
import { writeParts, type PartInit } from "./write.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text, "latin1");

async function* inPieces(body: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array, undefined> {
  let from = 0;
  for (const cut of [...cuts].toSorted((a, b) => a - b)) {
    if (cut <= from || cut >= body.length) continue;
    yield body.slice(from, cut);
    from = cut;
  }
  if (from < body.length) yield body.slice(from);
}

interface Read {
  readonly name: string;
  readonly filename: string | undefined;
  readonly contentType: string;
  readonly text: string;
}

async function read(
  body: Uint8Array | string,
  options: MultipartOptions & { readonly cuts?: readonly number[]; readonly boundary?: string } = {},
): Promise<Read[]> {
  const { cuts = [], boundary = "b", ...limits } = options;
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  const parts: Read[] = [];
  const from = { boundary, limits: multipartSettings(limits), maxBodyBytes: 2 ** 20 };
  for await (const part of readParts(inPieces(bytes, cuts), from)) {
    const text = Buffer.from(await part.bytes()).toString("latin1");
    parts.push({ name: part.name, filename: part.filename, contentType: part.contentType, text });
  }
  return parts;
}

const reasonOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => (error as ServiceError).reason,
  );

const part = (disposition: string, content = "x", more = ""): string =>
  `--b\r\nContent-Disposition: ${disposition}\r\n${more}\r\n${content}\r\n`;

describe("a body in parts", () => {
  it("is read with a preamble, an epilogue, padding and lower-case headers", async () => {
    const body = `hello\r\nthere\r\n--b \t\r\ncontent-disposition:form-data;name=a\r\n\r\n1\r\n--b--\r\nbye`;
    expect(await read(body)).toEqual([{ name: "a", filename: undefined, contentType: "text/plain", text: "1" }]);
  });

  it("keeps lines that look like boundaries, and line ends of any kind, in the content", async () => {
    const content = "\r\n\r\n--\r\n--c\r\n-b\r\n--\n--b\n\r--b\r\r\n";
    expect((await read(`${part("form-data; name=a", content)}--b--`)).map(({ text }) => text)).toEqual([content]);
  });

  it("may be empty, and so may each part, with and without the line that would begin its content", async () => {
    expect(await read("--b--\r\n")).toEqual([]);
    const bare = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--";
    expect((await read(bare)).map(({ text }) => text)).toEqual([""]);
    expect((await read(`${part("form-data; name=a", "")}--b--`)).map(({ text }) => text)).toEqual([""]);
  });

  it.each([
    ["cut in a part", part("form-data; name=a").slice(0, -2)],
    ["cut in a head", "--b\r\nContent-Disp"],
    ["cut after a boundary", "--b"],
    ["without any boundary", "nothing here"],
    ["nothing at all", ""],
    ["with a boundary that goes on", `${part("form-data; name=a")}--bx\r\n`],
    ["without a disposition", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--"],
    ["with an attachment", `${part('attachment; name="a"')}--b--`],
    ["without a name", `${part('form-data; filename="a"')}--b--`],
    ["with two names", `${part('form-data; name="a"; name="b"')}--b--`],
    ["with two dispositions", `${part("form-data; name=a", "x", "Content-Disposition: form-data; name=b\r\n")}--b--`],
    ["with an open quote", `${part('form-data; name="a')}--b--`],
    ["with a folded header", `${part("form-data; name=a", "x", " b\r\n")}--b--`],
    ["with base64", `${part("form-data; name=a", "eA==", "Content-Transfer-Encoding: base64\r\n")}--b--`],
    ["with a name that is no UTF-8", `${part('form-data; name="\xff"')}--b--`],
    ["with an extended name in another charset", `${part("form-data; name=a; filename*=latin1''%e4")}--b--`],
  ])("is malformed %s", async (_, body) => {
    expect(await reasonOf(read(body))).toBe("malformed_message");
  });

  it.each<[string, string, MultipartOptions, string]>([
    ["10,000 parts", part("form-data; name=a").repeat(10_000), {}, "too_large"],
    ["as many parts as allowed", part("form-data; name=a").repeat(100), {}, "none"],
    ["a field that is too long", part("form-data; name=a", "x".repeat(11)), { maxFieldBytes: 10 }, "too_large"],
    ["a field just long enough", part("form-data; name=a", "x".repeat(10)), { maxFieldBytes: 10 }, "none"],
    [
      "a file that is too long",
      part("form-data; name=a; filename=f", "x".repeat(11)),
      { maxFileBytes: 10 },
      "too_large",
    ],
    ["a body that is too long", part("form-data; name=a").repeat(9), { maxBytes: 100 }, "too_large"],
    ["a header that is too long", part(`form-data; name=${"a".repeat(8192)}`), {}, "too_large"],
    ["an endless header", `--b\r\n${"a".repeat(20_000)}`, {}, "too_large"],
    [
      "too many headers",
      part("form-data; name=a", "x", Array.from({ length: 16 }, (_, i) => `x${i}: 1\r\n`).join("")),
      {},
      "too_large",
    ],
    ["a long preamble", `${"x".repeat(70_000)}\r\n${part("form-data; name=a")}`, {}, "too_large"],
    ["a long epilogue", `${part("form-data; name=a")}--b--${"x".repeat(70_000)}`, {}, "too_large"],
  ])("with %s ends with %4$s", async (_, body, options, reason) => {
    expect(await reasonOf(read(`${body}--b--`, options))).toBe(reason);
  });

  it("is read in linear time, whatever stands in it", async () => {
    for (const text of ["\r", "\r\n--", "\r\n", "-"]) {
      const content = text.repeat(400_000 / text.length);
      const read1 = await read(`${part("form-data; name=a; filename=f", content)}--b--`, {
        cuts: [1000, 5001, 100_002],
      });
      expect(read1[0]!.text).toBe(content);
    }
  });
});

describe("the head of a part", () => {
  const head = (disposition: string) => readHead([Buffer.from(`Content-Disposition: ${disposition}`)], 5);

  it.each([
    ['form-data; name="a b"', "a b", undefined],
    ["form-data; name=a", "a", undefined],
    ["form-data;name=a;", "a", undefined],
    ['FORM-DATA; NAME="a"', "a", undefined],
    ['form-data; name="né"', "né", undefined],
    ['form-data; name="a\\"b\\\\c"', 'a"b\\c', undefined],
    ['form-data; name="a%22b%0D%0Ac%41"', 'a"b\r\nc%41', undefined],
    ['form-data; name="a;b=c"; filename="x;y.txt"', "a;b=c", "x;y.txt"],
    ['form-data; name=a; filename="C:\\temp\\new.txt"', "a", "new.txt"],
    ['form-data; name=a; filename="../../etc/passwd"', "a", "passwd"],
    ['form-data; name=a; filename=".."', "a", ""],
    ['form-data; name=a; filename="x%0D%0Ay\u0000"', "a", "xy"],
    ['form-data; name=a; filename=""', "a", ""],
    ["form-data; name=a; filename*=UTF-8''na%C3%AFve.txt; filename=naive.txt", "a", "naïve.txt"],
    ["form-data; name=a; filename*=utf-8'en'%2e%2e%2Fx", "a", "x"],
    ['form-data; name="__proto__"', "__proto__", undefined],
  ])("%s", (disposition, name, filename) => {
    expect(head(disposition)).toMatchObject({ name, filename });
  });

  it("is read in linear time", () => {
    // One that took the square of it would take minutes.
    const outcomes = [" ", ";", '"', "\\", "; a=b", "\t "].map((text) => {
      try {
        return head(`form-data; name=${text.repeat(500_000 / text.length)}x`).name.length;
      } catch (error) {
        return (error as ServiceError).reason;
      }
    });
    expect(outcomes).toEqual([1, "malformed_message", "malformed_message", 500_001, "malformed_message", 1]);
  });
});

describe("the boundary", () => {
  it.each([
    ["multipart/form-data; boundary=abc", "abc"],
    ['multipart/form-data; boundary="a b:c"; charset=utf-8', "a b:c"],
    ["multipart/form-data;BOUNDARY=a--b", "a--b"],
  ])("of %s", (type, boundary) => {
    expect(boundaryOf(type)).toBe(boundary);
  });

  it.each([
    undefined,
    "multipart/form-data",
    "multipart/form-data; boundary=",
    `a/b; boundary=${"x".repeat(71)}`,
    "a/b; boundary=\u00e4",
  ])("is missed in %s", (type) => {
    expect(() => boundaryOf(type)).toThrow("boundary");
  });
});

const name = fc
  .string({ unit: "grapheme", maxLength: 12 })
  .map((text) => text.replaceAll(/[%\\/\u0000-\u001f\u007f]/g, ""));
const content = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .string({ unit: fc.constantFrom("\r", "\n", "-", "b", "\r\n--b", "x"), maxLength: 40 })
    .map((text) => bytesOf(text)),
);
const file = fc.record({ name, filename: name, content, contentType: fc.constantFrom("a/b", "image/png") });

async function collected(
  parts: readonly PartInit[],
): Promise<{ readonly body: Uint8Array; readonly boundary: string; readonly contentType: string }> {
  const stream = writeParts(parts);
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return { body: Buffer.concat(pieces), boundary: boundaryOf(stream.contentType), contentType: stream.contentType! };
}

describe("any body", () => {
  it("is read as it was written, wherever it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { maxLength: 5 }),
        fc.array(fc.nat(1500), { maxLength: 30 }),
        async (files, cuts) => {
          const { body, boundary } = await collected(files);
          const got = await read(body, { boundary, cuts });
          expect(got).toEqual(
            files.map((one) => ({
              name: one.name,
              filename: one.filename === "." || one.filename === ".." ? "" : one.filename,
              contentType: one.contentType,
              text: Buffer.from(one.content).toString("latin1"),
            })),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is read byte by byte as it is in one piece, also when it is broken", async () => {
    const outcome = (promise: Promise<Read[]>) => promise.catch((error: unknown) => (error as ServiceError).reason);
    const piece = fc.constantFrom(
      "--b",
      "\r\n",
      "--",
      "b",
      "Content-Disposition: form-data; name=a",
      "x",
      " ",
      "\r",
      "\n",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 25 }), async (pieces) => {
        const body = pieces.join("");
        const bytewise = Array.from({ length: body.length }, (_, i) => i);
        expect(await outcome(read(body, { cuts: bytewise }))).toEqual(await outcome(read(body)));
      }),
      { numRuns: 500 },
    );
  });

  it("is read as another parser reads it (@fastify/busboy)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 4 }), async (files) => {
        const { body, boundary, contentType } = await collected(files);
        const theirs: unknown[] = [];
        const busboy = new Busboy.Busboy({ headers: { "content-type": contentType } });
        const reading: Promise<void>[] = [];
        busboy.on(
          "file",
          (_name: string, stream: NodeJS.ReadableStream, filename: string, _encoding: string, type: string) => {
            const at = theirs.push(undefined) - 1;
            reading.push(
              (async () => {
                const pieces: Buffer[] = [];
                for await (const one of stream) pieces.push(one as Buffer);
                theirs[at] = {
                  filename: filename.replaceAll("%22", '"'),
                  contentType: type,
                  text: Buffer.concat(pieces).toString("latin1"),
                };
              })(),
            );
          },
        );
        await new Promise((resolve, reject) => busboy.on("finish", resolve).on("error", reject).end(body));
        await Promise.all(reading);
        const ours = await read(body, { boundary });
        expect(ours.map(({ filename, contentType: type, text }) => ({ filename, contentType: type, text }))).toEqual(
          theirs,
        );
      }),
      { numRuns: 60 },
    );
  });
});
