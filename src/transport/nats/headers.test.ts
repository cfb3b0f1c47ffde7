import { headers as natsHeaders, type Msg } from "@nats-io/transport-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limitsOf } from "../limits.ts";
import { codeOfNumber, numberOf } from "./code.ts";
import { codes } from "../../errors/index.ts";
import { readFrame, writeFrame, type Word } from "./frame.ts";
import { checkHeader, headerText, NatsHeaders, parseHeaders, readHeaders, writeHeaders } from "./headers.ts";

const limits = limitsOf({ maxHeaders: 20, maxHeaderBytes: 4096 });
const name = fc.stringMatching(/^[!#-9;-~]{1,20}$/);
const value = fc.stringMatching(/^(?:[!-~äö漢](?:[ -~äö漢]{0,20}[!-~äö漢])?)?$/);

/** A message as the package's parser makes it: headers and data in one piece of memory. */
function messageOf(block: string, data: string, size?: number): Msg {
  const whole = Buffer.from(block + data);
  const rest = whole.subarray(Buffer.byteLength(block));
  const headers = natsHeaders();
  headers.set("asked", "the package");
  return { data: rest, headers, size: () => size ?? "sr".length + whole.length } as unknown as Msg;
}

describe("headers", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (pairs) => {
        const written = (writeHeaders(pairs.flat()) as unknown as { encode(): Uint8Array }).encode();
        const read = parseHeaders(Buffer.from(written).toString(), limits);
        expect(read.fault).toBeUndefined();
        for (const [one] of pairs) {
          const first = pairs.find(([other]) => other.toLowerCase() === one.toLowerCase())![1];
          expect(read.get(one.toUpperCase())).toBe(first);
        }
      }),
    );
  });

  it("that are anything at all are read or refused, and never more than allowed", () => {
    const noise = fc.stringMatching(/^[\r\n: aA\x00é]{0,200}$/);
    fc.assert(
      fc.property(noise, (text) => {
        const read = parseHeaders(`NATS/1.0${text}`, limits);
        expect(read).toBeInstanceOf(NatsHeaders);
        expect(read.fault === undefined || read.fault.code !== "internal").toBe(true);
      }),
    );
    expect(parseHeaders(`NATS/1.0\r\n${"a: b\r\n".repeat(21)}\r\n`, limits).fault?.reason).toBe("too_many_headers");
    expect(parseHeaders("NATS/1.0\r\nno colon\r\n\r\n", limits).fault?.reason).toBe("malformed_message");
    expect(parseHeaders("NATS/1.0\r\na: b", limits).fault?.reason).toBe("malformed_message");
    expect(parseHeaders("NATS/1.0\r\n__proto__: b\r\n\r\n", limits).get("constructor")).toBeUndefined();
  });

  it("are found in front of the data, and asked of the package where they are not", () => {
    const block = "NATS/1.0 503\r\nA: 1\r\n\r\n";
    const found = readHeaders(messageOf(block, "{}"), 2, limits);
    expect([found?.status, found?.get("a"), found?.get("asked")]).toEqual([503, "1", undefined]);
    expect(readHeaders(messageOf("", "{}"), 2, limits)).toBeUndefined();
    for (const size of [0, 7, 1000])
      expect(readHeaders(messageOf(block, "{}", size), 2, limits)?.get("asked")).toBe("the package");
    expect(readHeaders(messageOf(block, "{}", 100_000), 2, limits)?.fault?.reason).toBe("too_many_headers");
  });

  it("that would break a message are refused before it is sent", () => {
    for (const [one, text] of [
      ["", "a"],
      ["a b", "a"],
      ["a:", "a"],
      ["a", "b\r\nc: d"],
      ["a", "\u0000"],
    ] as const)
      expect(() => checkHeader(one, text)).toThrow(RangeError);
    expect(headerText("one\r\ntwo\u0000")).toBe("one two ");
  });
});

describe("frames", () => {
  it("are read as they were written, and nothing else is one", () => {
    const words: readonly Word[] = ["message", "end", "credit", "error", "cancel", "ping", "gone"];
    for (const word of words) {
      const frame = { word, number: words.indexOf(word) < 4 ? 7 : 0 };
      expect(readFrame(new NatsHeaders(0, ["stream", writeFrame(frame)], undefined))).toEqual(frame);
    }
    for (const text of ["", "message", "message x", "message -1", "ping 1", "message 1 ", `credit ${"9".repeat(16)}`])
      expect(readFrame(new NatsHeaders(0, ["stream", text], undefined))).toBeUndefined();
  });
});

describe("the column of the status table", () => {
  it("has a number for each code, which means something of the same kind when it comes back", () => {
    for (const code of codes) expect(String(numberOf(code))).toMatch(/^[45]\d\d$/);
    expect(codes.filter((code) => codeOfNumber(numberOf(code)) !== code)).toEqual([
      "unknown",
      "already_exists",
      "data_loss",
    ]);
    expect([codeOfNumber(418), codeOfNumber(599), codeOfNumber(200), codeOfNumber(NaN)]).toEqual([
      "invalid_argument",
      "internal",
      "unknown",
      "unknown",
    ]);
  });
});
