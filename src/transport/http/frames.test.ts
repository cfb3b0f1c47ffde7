import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServiceError } from "../../errors/index.ts";
import { BEAT, ndjson, sse, type Framing } from "./frames.ts";

const utf8 = new TextEncoder();

interface Got {
  readonly texts: readonly string[];
  readonly kinds: readonly string[];
  readonly error: string | undefined;
}

/** Reads bytes in pieces, to the end or the first error. */
function readAll(framing: Framing, pieces: readonly Uint8Array[], maxBytes = 1000): Got {
  const reader = framing.reader(maxBytes);
  const [texts, kinds]: string[][] = [[], []];
  const drain = (): void => {
    for (let text = reader.take(); text !== undefined; text = reader.take()) {
      texts!.push(text);
      kinds!.push(reader.kind);
    }
  };
  let error: string | undefined;
  try {
    for (const piece of pieces) {
      reader.push(piece);
      drain();
    }
    reader.end();
    drain();
  } catch (thrown) {
    error = (thrown as ServiceError).reason;
  }
  return { texts: texts!, kinds: kinds!, error };
}

/** Cuts bytes at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}

const message = fc.jsonValue().map((value) => JSON.stringify(value));
const places = fc.array(fc.nat(), { maxLength: 20 });

describe.each([
  ["ndjson", ndjson],
  ["sse", sse],
])("%s", (_name, framing) => {
  it("gives the messages that were framed, however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(message), places, (messages, at) => {
        const whole = utf8.encode(messages.map((one) => framing.frame(one, "")).join(""));
        const got = readAll(framing, cut(whole, at), 100_000);
        expect(got).toEqual({ texts: messages, kinds: messages.map(() => "message"), error: undefined });
      }),
    );
  });

  it("reads any bytes the same, however they are cut, and throws nothing but its own errors", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom("data:", "{}", "\n", "\r\n", "\ufeff", "ä😀", "event: end", ":", " ", "x".repeat(30)))
        .map((parts) => utf8.encode(parts.join(""))),
    );
    fc.assert(
      fc.property(bytes, places, (whole, at) => {
        const expected = readAll(framing, [whole], 40);
        expect([undefined, "too_large", "malformed_message"]).toContain(expected.error);
        expect(readAll(framing, cut(whole, at), 40)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("holds a message to the bound, exactly, and gives those before it", () => {
    const fits = JSON.stringify("x".repeat(38));
    const long = JSON.stringify("x".repeat(60));
    const whole = utf8.encode(framing.frame(fits, "") + framing.frame(long, ""));
    for (const at of [[], [5], [45, 50, 90]]) {
      expect(readAll(framing, cut(whole, at), 40)).toEqual({ texts: [fits], kinds: ["message"], error: "too_large" });
    }
  });

  it("refuses a line without end as soon as it is above the bound", () => {
    const reader = framing.reader(100);
    const push = (): void => {
      for (let i = 0; i < 100; i++) {
        reader.push(utf8.encode("xxxxxxxxxx"));
        reader.take();
      }
    };
    expect(push).toThrow("larger than allowed");
  });

  it("refuses what is not UTF-8, and a character cut in two is none of that", () => {
    const bytes = utf8.encode(framing.frame('"ä😀"', ""));
    const middle = bytes.indexOf(0xf0) + 2;
    expect(readAll(framing, cut(bytes, [middle])).texts).toEqual(['"ä😀"']);
    const broken = bytes.slice();
    broken[middle] = 0xff;
    expect(readAll(framing, cut(broken, [middle])).error).toBe("malformed_message");
  });
});

describe("ndjson", () => {
  it("passes over blank lines and a mark at the beginning, takes CRLF, and a last line without its end", () => {
    const whole = utf8.encode('\ufeff{"a":1}\r\n\n  \n2\n\n3');
    expect(readAll(ndjson, [whole]).texts).toEqual(['{"a":1}', "2", "3"]);
  });
});

describe("sse", () => {
  it("reads what other servers write: fields without a space, comments, several lines of data, CRLF", () => {
    const text = `${BEAT}retry: 10\r\nid:7\r\ndata:{"a":\r\ndata: 1}\r\n\r\nevent: error\ndata: {}\n\nevent: end\ndata\n\ndata: cut`;
    const got = readAll(sse, [utf8.encode(text)]);
    expect(got).toEqual({ texts: ['{"a":\n1}', "{}", ""], kinds: ["message", "error", "end"], error: undefined });
  });

  it("passes over events without data, whatever their name", () => {
    const got = readAll(sse, [utf8.encode("data:\n\nevent: ping\ndata\n\ndata: 1\n\n")]);
    expect(got).toEqual({ texts: ["1"], kinds: ["message"], error: undefined });
  });

  it("bounds an event of many lines as a whole", () => {
    const text = "data: xxxxxxxxx\n".repeat(10);
    expect(readAll(sse, [utf8.encode(`${text}\n`)], 50).error).toBe("too_large");
  });
});
