import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frame, FrameReader, onlyFrame, type Frame } from "./frame.ts";

/** All that a reader gives when bytes come in pieces of these sizes. */
function readAll(bytes: Uint8Array, sizes: readonly number[], maxBytes = 1_000_000): Frame[] {
  const reader = new FrameReader(maxBytes);
  const got: Frame[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    reader.push(bytes.subarray(at, at + size));
    at += size;
    for (let next = reader.take(); next !== undefined; next = reader.take()) got.push(next);
  }
  reader.end();
  return got;
}

describe("frames", () => {
  it("come out as they went in, however the bytes are cut", () => {
    const message = fc.record({ data: fc.uint8Array({ maxLength: 3000 }), isCompressed: fc.boolean() });
    const sizes = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), sizes, (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(({ data, isCompressed }) => frame(data, isCompressed)));
        const got = readAll(bytes, cuts);
        expect(got.map(({ isCompressed }) => isCompressed)).toEqual(messages.map(({ isCompressed }) => isCompressed));
        expect(got.map(({ data }) => Buffer.from(data))).toEqual(messages.map(({ data }) => Buffer.from(data)));
      }),
    );
  });

  it("never crash the reader, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (bytes, size) => {
        try {
          readAll(bytes, [size], 100);
        } catch (error) {
          expect((error as { reason: string }).reason).toMatch(/^(?:too_large|malformed_message)$/);
        }
      }),
    );
  });

  it("are not copied when they come in one piece", () => {
    const bytes = Buffer.concat([frame(new Uint8Array(10)), frame(new Uint8Array(20))]);
    expect(readAll(bytes, [bytes.length]).every(({ data }) => data.buffer === bytes.buffer)).toBe(true);
  });

  it("are refused by their prefix alone when they are too large", () => {
    const reader = new FrameReader(10);
    reader.push(frame(new Uint8Array(11)).subarray(0, 4));
    expect(reader.take()).toBeUndefined();
    reader.push(frame(new Uint8Array(11)).subarray(4, 5));
    expect(() => reader.take()).toThrow(expect.objectContaining({ reason: "too_large" }));
    expect(readAll(frame(new Uint8Array(10)), [3], 10)).toHaveLength(1);
  });

  it("of 4 GiB are too large, and no negative number", () => {
    const reader = new FrameReader(0x7fffffff);
    reader.push(new Uint8Array([0, 255, 255, 255, 255]));
    expect(() => reader.take()).toThrow(expect.objectContaining({ reason: "too_large" }));
  });

  it("that are cut are no end, in the prefix and in the message", () => {
    const whole = frame(new Uint8Array([1, 2, 3]));
    for (let bytes = 1; bytes < whole.length; bytes++) {
      const reader = new FrameReader(100);
      reader.push(whole.subarray(0, bytes));
      expect(reader.take()).toBeUndefined();
      expect(() => reader.end()).toThrow(expect.objectContaining({ reason: "malformed_message" }));
    }
  });

  it("with a flag that nobody knows are refused", () => {
    const reader = new FrameReader(100);
    reader.push(new Uint8Array([2, 0, 0, 0, 0]));
    expect(() => reader.take()).toThrow(expect.objectContaining({ reason: "malformed_message" }));
  });

  it("take no more memory than a message that comes byte by byte has", () => {
    const length = 1_000_000;
    const reader = new FrameReader(length);
    reader.push(frame(new Uint8Array(length)).subarray(0, 5));
    const before = process.memoryUsage().arrayBuffers;
    // Each a view of a block of its own, which a list of pieces would hold as a whole.
    for (let i = 0; i < 2000; i++) {
      reader.push(new Uint8Array(65_536).subarray(0, 1));
      expect(reader.take()).toBeUndefined();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(130_000_000);
  });

  it("that are a whole body are told from anything else", () => {
    expect(onlyFrame(frame(new Uint8Array([7])))).toEqual({ isCompressed: false, data: Buffer.from([7]) });
    expect(onlyFrame(frame(new Uint8Array(0), true))).toEqual({ isCompressed: true, data: Buffer.alloc(0) });
    for (const other of [[], [0, 0, 0, 0], [0, 0, 0, 0, 2, 1], [0, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0]])
      expect(onlyFrame(new Uint8Array(other))).toBeUndefined();
  });
});
