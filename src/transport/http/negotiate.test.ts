import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepted, codecFor, type Typed } from "./negotiate.ts";

const json: Typed = { mediaType: "application/json" };
const cbor: Typed = { mediaType: "application/cbor" };
const text: Typed = { mediaType: "text/plain" };
const any: Typed = { mediaType: "*/*" };
const codecs = [json, cbor, text];

describe("the codec of a request", () => {
  it("is the one of its content type, whatever its parameters and case", () => {
    expect(codecFor(codecs, "application/cbor")).toBe(cbor);
    expect(codecFor(codecs, "Application/JSON; charset=utf-8")).toBe(json);
    expect(codecFor(codecs, "  text/plain ;q=1")).toBe(text);
  });

  it("is the first when nothing is said", () => {
    expect(codecFor(codecs, undefined)).toBe(json);
  });

  it("is none for any other type", () => {
    for (const type of [
      "",
      "text/html",
      "application/json5",
      "application",
      "*/*",
      "json",
      "application/*",
      "application/json, text/plain",
    ]) {
      expect([type, codecFor(codecs, type)]).toEqual([type, undefined]);
    }
  });

  it("is the one that takes whatever comes, where that is the first", () => {
    expect(codecFor([any, json], "text/html")).toBe(any);
  });
});

describe("the codec of an answer", () => {
  const chosen = (accept: string | undefined, preferred = json): string | undefined =>
    accepted(codecs, accept, preferred)?.mediaType;

  it("is the preferred one where it is accepted as much as any other", () => {
    expect(chosen(undefined, cbor)).toBe("application/cbor");
    expect(chosen("*/*", text)).toBe("text/plain");
    expect(chosen("application/*", cbor)).toBe("application/cbor");
    expect(chosen("application/json, application/cbor", cbor)).toBe("application/cbor");
  });

  it("is the one of the highest quality, the more exact range deciding", () => {
    expect(chosen("application/json;q=0.5, text/plain")).toBe("text/plain");
    expect(chosen("text/*;q=0.3, text/plain;q=0.7, */*;q=0.5")).toBe("text/plain");
    expect(chosen("*/*, application/json;q=0.1, application/*;q=0.2")).toBe("text/plain");
    expect(chosen("application/json;q=0, */*;q=0.1")).toBe("application/cbor");
  });

  it("reads qualities in any case, with spaces, and behind other parameters", () => {
    expect(chosen("application/json; charset=utf-8 ; Q = 0.1 , text/plain;q=0.2")).toBe("text/plain");
  });

  it("is none where all are refused", () => {
    for (const accept of [
      "text/html",
      "application/json;q=0",
      "*/*;q=0",
      "application/json;q=x1, image/*",
      "image/png, text/html;q=1",
    ]) {
      expect([accept, accepted([json], accept, json)]).toEqual([accept, accept.includes("q=x") ? json : undefined]);
    }
  });

  it("is the one that takes whatever comes, where that is preferred", () => {
    expect(accepted([any], "image/png", any)).toBe(any);
  });

  it("is what RFC 9110 §12.5.1 says, by the letter", () => {
    const types = ["application/json", "application/cbor", "text/plain", "text/html"];
    const range = fc.record({
      type: fc.constantFrom(...types, "application/*", "text/*", "*/*", "image/*"),
      q: fc.integer({ min: 0, max: 10 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(range, { selector: ({ type }) => type, maxLength: 6 }),
        fc.constantFrom(...codecs),
        (ranges, preferred) => {
          const accept = ranges.map(({ type, q }) => (q === 10 ? type : `${type};q=${q / 10}`)).join(", ");
          const quality = ({ mediaType }: Typed): number => {
            const exact = ranges.find(({ type }) => type === mediaType);
            const kind = ranges.find(({ type }) => type === `${mediaType.split("/")[0]}/*`);
            const rest = ranges.find(({ type }) => type === "*/*");
            return (exact ?? kind ?? rest)?.q ?? 0;
          };
          const best = Math.max(...codecs.map(quality));
          const expected = best === 0 ? undefined : [preferred, ...codecs].find((one) => quality(one) === best);
          expect(accepted(codecs, accept, preferred)).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("throws for nothing a peer can send, and stays quick", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (accept) => void accepted(codecs, accept, json)));
    const begun = process.hrtime.bigint();
    for (const hostile of [
      ";".repeat(16_000),
      "; ".repeat(8000),
      `a/b;q=${" ".repeat(16_000)}`,
      ",".repeat(16_000),
      "*/*;q=1.".repeat(2000),
    ]) {
      accepted(codecs, hostile, json);
      codecFor(codecs, hostile);
    }
    expect(Number(process.hrtime.bigint() - begun) / 1e6).toBeLessThan(1000);
  });
});
