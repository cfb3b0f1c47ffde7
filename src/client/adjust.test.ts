import { describe as group, expect, it } from "vitest";
import { z } from "zod";
import { method, service } from "../index.ts";
import type { ClientTransport } from "../transport/index.ts";
import { adjust, client, describe, type ClientOptions } from "./index.ts";

const n = z.object({ n: z.int() });
const jobs = service("jobs", {
  look: method({ request: n, response: n, idempotent: true, timeoutMs: 1000 }),
  book: method({ request: n, response: n, timeoutMs: 1000 }),
});

const nowhere: ClientTransport = {
  name: "nowhere",
  "~client": true,
  open: () => ({
    unary: () => () => new Promise(() => undefined),
    stream: () => {
      throw new Error("no streams here");
    },
    close: () => Promise.resolve(),
  }),
};

const made = (options: Partial<ClientOptions<typeof jobs.methods>> = {}) =>
  client(jobs, nowhere, { from: "a:1", ...options });
const tries = (remote: object): string[] => [...describe(remote).matchAll(/(\d) tries/g)].map(([, count]) => count!);

group("a client that is adjusted while it runs", () => {
  it("has the new retries, where a method had none of its own, and the new budget", () => {
    const remote = made({ methods: { book: { retry: { tries: 5 } } } });
    adjust(remote, { retry: { tries: 2 }, budget: { ratio: 0.5 } });
    expect(tries(remote)).toEqual(["2", "5"]);
    expect(describe(remote)).toContain("budget 0.5 per request");
    adjust(remote, { methods: { look: undefined } });
    expect(tries(remote)).toEqual(["2", "5"]);
    adjust(remote, { methods: { book: { retry: { tries: 4 } } } });
    expect(tries(remote)).toEqual(["2", "4"]);
  });

  it("is as it was when a value is wrong, or does not fit", () => {
    const remote = made({ hedge: {} });
    const before = describe(remote);
    const change = (what: object) => () => adjust(remote, what);
    expect(change({ retry: { tries: 2 }, budget: { ratio: -1 } })).toThrow("ratio should be");
    expect(change({ budget: { ratio: 0.5 }, retry: { perTryMs: 900 } })).toThrow("should fit into its time");
    expect(change({ retry: { tries: 2 }, hedge: { afterMs: 5000 } })).toThrow("should begin before its time is over");
    expect(change({ methods: { nope: {} } })).toThrow(
      'methods should name methods of the client (look, book), got "nope"',
    );
    expect(change({ timeoutMs: 5 })).toThrow('adjust has no option "timeoutMs"');
    expect(describe(remote)).toBe(before);
  });

  it("does not turn on what is off", () => {
    const off = made({ retry: false, budget: false });
    expect(() => adjust(off, { budget: { ratio: 1 } })).toThrow("budget should be on from the beginning");
    expect(() => adjust(off, { methods: { look: { retry: { tries: 2 } } } })).toThrow(
      "methods.look.retry should be on",
    );
    adjust(off, { retry: { tries: 2 } });
    expect(tries(off)).toEqual([]);
  });
});

group("policies of a client", () => {
  it("are data: anything else is refused by its name", () => {
    const making = (options: object) => () => made(options);
    expect(making({ retry: true })).toThrow("retry should be an object or false, got true");
    expect(making({ retry: { budget: false } })).toThrow('retry has no option "budget"');
    expect(making({ methods: { look: { hedge: 3 } } })).toThrow(
      "methods.look.hedge should be an object or false, got 3",
    );
    expect(making({ budget: 0.2 })).toThrow("budget should be an object or false, got 0.2");
    expect(making({ methods: { look: { gates: [7] } } })).toThrow("methods.look.gates should be a function, got 7");
  });
});
