import { describe, expect, it } from "vitest";
import { settled, virtualClock } from "../testing/index.ts";
import type { Clock } from "../time/index.ts";
import { memoryExporter, type SpanExporter } from "./exporters.ts";
import type { SpanData } from "./span-data.ts";
import { TracerCore, tracer, type TracerOptions } from "./tracer.ts";

function span(name: string): SpanData {
  return {
    service: "adder",
    traceId: "1".repeat(32),
    spanId: "2".repeat(16),
    parentSpanId: "",
    traceState: "",
    name,
    kind: "internal",
    startUnixMs: 0,
    durationMs: 1,
    status: "unset",
    statusMessage: "",
    attributes: {},
    events: [],
    links: [],
    refused: 0,
  };
}

interface Manual extends SpanExporter {
  readonly batches: string[][];
  /** Ends the oldest export that has not ended. */
  finish(error?: unknown): Promise<void>;
  closed: number;
}

/** An exporter whose exports end when told. */
function manual(): Manual {
  const open: ((error?: unknown) => void)[] = [];
  return {
    batches: [],
    closed: 0,
    export(spans) {
      this.batches.push(spans.map(({ name }) => name));
      return new Promise((resolve, reject) => {
        open.push((error) => (error === undefined ? resolve() : reject(error as Error)));
      });
    },
    async finish(error) {
      open.shift()!(error);
      await settled();
    },
    async close() {
      this.closed++;
    },
  };
}

function setup(exporter: SpanExporter, options: Partial<TracerOptions> = {}) {
  const clock = virtualClock();
  const core = new TracerCore({ service: "adder", exporter, clock, maxQueue: 4, batchSize: 2, ...options });
  const record = (...names: string[]): void => names.forEach((name) => core.record(span(name)));
  return { clock, core, record };
}

describe("exporting", () => {
  it("waits for others for a second, and never exports within the end of a call", async () => {
    const exporter = manual();
    const { clock, record } = setup(exporter);
    record("a");
    await clock.advance(999);
    expect(exporter.batches).toEqual([]);
    await clock.advance(1);
    expect(exporter.batches).toEqual([["a"]]);
  });

  it("goes at once when a batch is full, but not within the call that filled it", async () => {
    const exporter = manual();
    const { clock, record } = setup(exporter);
    record("a", "b");
    expect(exporter.batches).toEqual([]);
    await clock.advance(0);
    expect(exporter.batches).toEqual([["a", "b"]]);
  });

  it("sends one batch after the other", async () => {
    const exporter = manual();
    const { clock, core, record } = setup(exporter);
    record("a", "b", "c");
    await clock.advance(5000);
    expect(exporter.batches).toEqual([["a", "b"]]);
    expect(core.stats).toMatchObject({ exported: 0, waiting: 3 });
    await exporter.finish();
    record("d");
    await clock.advance(0);
    expect(exporter.batches).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    await exporter.finish();
    expect(core.stats).toEqual({ recorded: 4, exported: 4, dropped: 0, waiting: 0, exportErrors: 0 });
    expect(clock.pending).toBe(0);
  });

  it("drops the newest when the queue is full, and counts them", async () => {
    const exporter = manual();
    const { clock, core, record } = setup(exporter);
    record("a", "b", "c", "d", "e", "f");
    expect(core.stats).toMatchObject({ recorded: 6, dropped: 2, waiting: 4 });
    await clock.advance(0);
    record("g");
    expect(core.stats).toMatchObject({ recorded: 7, dropped: 2, waiting: 5 });
  });

  it("counts what an exporter throws or rejects with, tells it, and goes on", async () => {
    const told: unknown[] = [];
    const exporter = manual();
    const { clock, core, record } = setup(exporter, { report: (error) => told.push(error) });
    record("a");
    await clock.advance(1000);
    await exporter.finish(new Error("refused"));
    expect(core.stats).toMatchObject({ exported: 0, dropped: 1, exportErrors: 1 });
    exporter.export = () => {
      throw new Error("broken");
    };
    record("b");
    await clock.advance(1000);
    expect(core.stats).toMatchObject({ dropped: 2, exportErrors: 2 });
    expect(told).toEqual([new Error("refused"), new Error("broken")]);
  });

  it("survives a report that throws", async () => {
    const { clock, core, record } = setup(
      { export: () => Promise.reject(new Error("refused")) },
      {
        report: () => {
          throw new Error("worse");
        },
      },
    );
    record("a");
    await clock.advance(1000);
    expect(core.stats.exportErrors).toBe(1);
  });

  it("gives an export up after its time, once, and sends the next", async () => {
    const exporter = manual();
    const { clock, core, record } = setup(exporter, { exportTimeoutMs: 50 });
    record("a");
    await clock.advance(1000);
    record("b");
    await clock.advance(50);
    expect(core.stats).toMatchObject({ dropped: 1, exportErrors: 1 });
    await exporter.finish(new Error("too late anyway"));
    expect(core.stats).toMatchObject({ dropped: 1, exportErrors: 1 });
    await clock.advance(1000);
    expect(exporter.batches).toEqual([["a"], ["b"]]);
    await exporter.finish();
    expect(clock.pending).toBe(0);
  });

  it("takes an exporter that answers at once", async () => {
    const exporter = memoryExporter();
    const { clock, core, record } = setup(exporter);
    record("a", "b", "c");
    await clock.advance(1000);
    expect(exporter.spans.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(core.stats.exported).toBe(3);
  });
});

describe("flush", () => {
  it("resolves when all that was recorded before it has been exported, not what came after", async () => {
    const exporter = manual();
    const { core, record } = setup(exporter);
    record("a", "b", "c");
    let isDone = false;
    const flushed = core.flush().then(() => (isDone = true));
    expect(exporter.batches).toEqual([["a", "b"]]);
    record("d", "e");
    await exporter.finish();
    expect(isDone).toBe(false);
    expect(exporter.batches[1]).toEqual(["c", "d"]);
    await exporter.finish();
    expect(isDone).toBe(true);
    expect(core.stats.waiting).toBe(1);
    await flushed;
  });

  it("waits for the export in progress, and is not deceived by spans dropped meanwhile", async () => {
    const exporter = manual();
    const { clock, core, record } = setup(exporter);
    record("a");
    await clock.advance(1000);
    record("b", "c", "d", "e", "dropped", "dropped too");
    let isDone = false;
    void core.flush().then(() => (isDone = true));
    await exporter.finish();
    await exporter.finish();
    expect(isDone).toBe(false);
    await exporter.finish();
    expect(isDone).toBe(true);
    expect(exporter.batches).toEqual([["a"], ["b", "c"], ["d", "e"]]);
  });

  it("resolves also when the export fails, and when there is nothing", async () => {
    const { core, record } = setup({ export: () => Promise.reject(new Error("refused")) });
    await core.flush();
    record("a");
    await core.flush();
    expect(core.stats.dropped).toBe(1);
    await tracer({ service: "adder" }).flush();
  });
});

describe("close", () => {
  it("exports the rest, closes the exporter once, and drops what comes later", async () => {
    const exporter = manual();
    const { clock, core, record } = setup(exporter);
    record("a", "b", "c");
    const closed = Promise.all([core.close(), core.close()]);
    record("late");
    await settled();
    await exporter.finish();
    await exporter.finish();
    await closed;
    expect(exporter.batches).toEqual([["a", "b"], ["c"]]);
    expect(exporter.closed).toBe(1);
    expect(core.stats).toEqual({ recorded: 4, exported: 3, dropped: 1, waiting: 0, exportErrors: 0 });
    expect(core.isRecording).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it("takes no longer than the exports do, also with a collector that never answers", async () => {
    const exporter: SpanExporter = { export: () => new Promise(() => {}), close: () => new Promise(() => {}) };
    const { clock, core, record } = setup(exporter, { exportTimeoutMs: 100 });
    record("a", "b", "c");
    const closed = core.close();
    await clock.advance(300);
    await closed;
    expect(core.stats).toMatchObject({ dropped: 3, exportErrors: 3 });
  });

  it("is what `await using` does", async () => {
    const exporter = manual();
    {
      await using traces = tracer({ service: "adder", exporter });
      expect(traces.service).toBe("adder");
    }
    expect(exporter.closed).toBe(1);
  });
});

describe("dates", () => {
  function clockOf(readings: { now: number; date: number }): Clock {
    const rest = virtualClock();
    return { now: () => readings.now, date: () => readings.date, after: rest.after, expire: rest.expire };
  }

  it("keep fractions of a millisecond, though the date has none", () => {
    const readings = { now: 10.25, date: 1_000_010 };
    const core = new TracerCore({ service: "adder", clock: clockOf(readings) });
    expect(core.dateOf(10.25)).toBe(1_000_010);
    readings.now = 10.75;
    expect(core.dateOf(10.75)).toBe(1_000_010.5);
  });

  it("never lie behind the date by more than its own precision", () => {
    const readings = { now: 10.75, date: 1_000_010 };
    const core = new TracerCore({ service: "adder", clock: clockOf(readings) });
    core.dateOf(10.75);
    Object.assign(readings, { now: 11, date: 1_000_011 });
    expect(core.dateOf(11)).toBe(1_000_011);
    Object.assign(readings, { now: 11.5, date: 1_000_011 });
    expect(core.dateOf(11.5)).toBe(1_000_011.5);
  });

  it("follow a date that is set forward or back", () => {
    const readings = { now: 10, date: 1_000_010 };
    const core = new TracerCore({ service: "adder", clock: clockOf(readings) });
    expect(core.dateOf(10)).toBe(1_000_010);
    readings.date = 2_000_010;
    expect(core.dateOf(10)).toBe(2_000_010);
    readings.date = 500_010;
    expect(core.dateOf(10)).toBe(500_010);
  });
});

describe("wrong options", () => {
  it.each([
    [{ service: "" }, 'service should be a non-empty string, got ""'],
    [{ ratio: 1.5 }, "ratio should be a number from 0 to 1, got 1.5"],
    [{ ratio: Number.NaN }, "ratio should be a number from 0 to 1, got NaN"],
    [{ sampler: 0.5 }, "sampler should be a function, got 0.5"],
    [{ follow: "nobody" }, 'follow should be one of "parent", "ratio", got "nobody"'],
    [{ formats: { read: ["jaeger"] } }, 'formats.read should be one of "w3c", "b3", "b3multi", got "jaeger"'],
    [{ formats: { write: "w3c" } }, 'formats.write should be a list of formats, got "w3c"'],
    [{ formats: { in: [] } }, 'formats has no option "in", it has read, write'],
    [{ exporter: {} }, "exporter.export should be a function, got undefined"],
    [{ exporter: null }, "exporter.export should be a function, got undefined"],
    [{ redact: [""] }, 'redact should be a non-empty string, got ""'],
    [{ maxQueue: 0 }, "maxQueue should be an integer of at least 1, got 0"],
    [{ maxQueue: 10, batchSize: 11 }, "batchSize should be an integer from 1 to 10, got 11"],
    [{ flushMs: 0 }, "flushMs should be a number of at least 1, got 0"],
    [{ exportTimeoutMs: -1 }, "exportTimeoutMs should be a number of at least 1, got -1"],
    [{ report: true }, "report should be a function, got true"],
    [{ sampleRate: 1 }, 'tracer has no option "sampleRate"'],
  ])("%o throw: %s", (options, message) => {
    expect(() => tracer({ service: "adder", ...options } as unknown as TracerOptions)).toThrow(message);
  });

  it("are not what is left out by undefined", () => {
    expect(() => tracer({ service: "adder", ratio: undefined, exporter: undefined, formats: undefined })).not.toThrow();
  });
});
