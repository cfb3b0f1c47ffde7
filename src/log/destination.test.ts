import { describe, expect, it, vi } from "vitest";
import { standardOutput, type Host, type Stream } from "./destination.ts";

interface FakeStream extends Stream {
  readonly texts: string[];
  writableLength: number;
  writable: boolean;
  isTTY: boolean;
}

/** A stream that keeps what it is given: at once, or by reference until `drain`, as a pipe that is full does. */
function fakeStream(holds = false): FakeStream & { readonly held: (string | Uint8Array)[]; drain(): void } {
  const decoder = new TextDecoder();
  const stream = {
    texts: [] as string[],
    held: [] as (string | Uint8Array)[],
    writableLength: 0,
    writable: true,
    isTTY: false,
    write(chunk: string | Uint8Array): void {
      stream.held.push(chunk);
      stream.writableLength += chunk.length;
      if (!holds) stream.drain();
    },
    drain(): void {
      for (const chunk of stream.held.splice(0))
        stream.texts.push(typeof chunk === "string" ? chunk : decoder.decode(chunk));
      stream.writableLength = 0;
    },
  };
  return stream;
}

describe("the standard output", () => {
  it("gets the text, also when it is longer than any batch or not ASCII", () => {
    const stdout = fakeStream();
    const output = standardOutput({ stdout });
    const texts = ["plain\n", "Grüße 世界 👋\n", "x".repeat(100_000), "世".repeat(16_384), "after\n"];
    for (const text of texts) output.write(text);
    expect(stdout.texts).toEqual(texts);
  });

  it("gets bytes of its own while it still holds earlier ones", () => {
    const stdout = fakeStream(true);
    const output = standardOutput({ stdout });
    output.write("first\n");
    output.write("second\n");
    output.write("third\n");
    stdout.drain();
    expect(stdout.texts).toEqual(["first\n", "second\n", "third\n"]);
  });

  it("gets the same bytes again when it holds nothing", () => {
    const chunks: Uint8Array[] = [];
    const stdout = { write: (chunk: string | Uint8Array) => chunks.push(chunk as Uint8Array), writableLength: 0 };
    const output = standardOutput({ stdout });
    output.write("first\n");
    output.write("second\n");
    expect(chunks[0]!.buffer).toBe(chunks[1]!.buffer);
  });

  it("gets strings when it does not tell what it holds", () => {
    const chunks: unknown[] = [];
    standardOutput({ stdout: { write: (chunk) => chunks.push(chunk) } }).write("a\n");
    expect(chunks).toEqual(["a\n"]);
  });

  it("counts as failing when it is closed or its reader is too slow", () => {
    const stdout = fakeStream();
    const output = standardOutput({ stdout });
    stdout.writableLength = 10_000_000;
    expect(() => output.write("a")).toThrow("too slow");
    stdout.writableLength = 0;
    stdout.writable = false;
    expect(() => output.write("a")).toThrow("closed");
  });

  it("does not end the process when its reader goes away", () => {
    const listened: string[] = [];
    const on = (event: string, run: (error: unknown) => void): void => {
      listened.push(event);
      run(new Error("EPIPE"));
    };
    standardOutput({ stdout: { ...fakeStream(), on } });
    expect(listened).toEqual(["error"]);
  });

  it("is coloured on a terminal, unless NO_COLOR says otherwise", () => {
    const terminal = { ...fakeStream(), isTTY: true };
    const coloured = (host: Host): boolean => standardOutput(host).isColoured;
    expect(coloured({ stdout: terminal })).toBe(true);
    expect(coloured({ stdout: terminal, env: { NO_COLOR: "" } })).toBe(true);
    expect(coloured({ stdout: terminal, env: { NO_COLOR: "1" } })).toBe(false);
    expect(coloured({ stdout: fakeStream() })).toBe(false);
    expect(standardOutput({ stdout: terminal }).isTerminal).toBe(true);
  });

  it("says when the process exits", () => {
    const events: string[] = [];
    const on = (event: string, run: () => void): void => {
      events.push(event);
      run();
    };
    standardOutput({ stdout: fakeStream(), on }).onExit(() => events.push("ran"));
    expect(events).toEqual(["exit", "ran"]);
  });

  it("is the console where there is no process", () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const output = standardOutput({});
    output.write("a\nb\n");
    output.onExit(() => undefined);
    expect(output.isTerminal).toBe(false);
    expect(log.mock.calls).toEqual([["a\nb"]]);
    log.mockRestore();
  });

  it("is the process's own when nothing is given", () => {
    expect(standardOutput().isTerminal).toBe(process.stdout.isTTY === true);
  });
});
