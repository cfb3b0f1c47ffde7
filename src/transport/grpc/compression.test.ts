import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { deflate, deflateLater, inflate, inflateLater } from "./compression.ts";

const text = Buffer.from("all the same ".repeat(500));

describe("messages in gzip", () => {
  it("come out as they went in, at once and later", async () => {
    for (const packed of [deflate(text), await deflateLater(text)]) {
      expect(packed.length).toBeLessThan(text.length / 10);
      expect(Buffer.from(inflate(packed, text.length))).toEqual(text);
      expect(Buffer.from(await inflateLater(packed, text.length))).toEqual(text);
    }
    expect(inflate(deflate(new Uint8Array(0)), 0)).toHaveLength(0);
  });

  it("are refused as soon as more comes out than allowed", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const before = process.memoryUsage().arrayBuffers;
    expect(() => inflate(bomb, 1000)).toThrow(expect.objectContaining({ reason: "too_large" }));
    await expect(inflateLater(bomb, 1000)).rejects.toMatchObject({ reason: "too_large" });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000);
    expect(() => inflate(deflate(text), text.length - 1)).toThrow(expect.objectContaining({ reason: "too_large" }));
    expect(() => inflate(deflate(new Uint8Array(1)), 0)).toThrow(expect.objectContaining({ reason: "too_large" }));
  });

  it("that are none are malformed", async () => {
    for (const bad of [new Uint8Array(0), Buffer.from("no gzip"), deflate(text).subarray(0, 20)]) {
      expect(() => inflate(bad, 10_000)).toThrow(expect.objectContaining({ reason: "malformed_message" }));
      await expect(inflateLater(bad, 10_000)).rejects.toMatchObject({ reason: "malformed_message" });
    }
  });
});
