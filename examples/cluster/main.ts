/**
 * `npm start`: three instances behind a registry, and what becomes of their callers when one is killed and another slow; once with
 * what a client does by itself, once without. Then the add service is served, to be tried.
 *
 * @module
 */
import { serve } from "servicekit/server";
import { httpServer } from "servicekit/transport/http";
import { embeddedRegistry } from "./registry.ts";
import { OFF, trouble, type Outcome } from "./trouble.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const registry = await serve(embeddedRegistry(), {
  on: [httpServer({ port: 0, host: "127.0.0.1" })],
  log: false,
  signals: false,
});
const [url = ""] = registry.addresses;
say(`Three instances of the add service make themselves known to a registry at ${url}. A client calls them`);
say(
  "200 times a second for four seconds. After one second an instance is killed, after two another takes 800 ms a call.",
);
const helped = await trouble(url);
say("The same with everything off but round robin ...");
const bare = await trouble(url, OFF);
await registry.stop();

const failed = ({ failures }: Outcome): string =>
  failures.size === 0 ? "0" : [...failures].map(([reason, count]) => `${count} ${reason}`).join(", ");
const row = (name: string, value: (outcome: Outcome) => string): void =>
  say(`  ${name.padEnd(34)} ${value(helped).padEnd(22)} ${value(bare)}`);

say(`\n  ${"".padEnd(34)} ${"as it comes".padEnd(22)} everything off`);
row("calls", ({ calls }) => String(calls));
row("failed", failed);
row("median", ({ p50Ms }) => `${p50Ms.toFixed(1)} ms`);
row("99th percentile", ({ p99Ms }) => `${p99Ms.toFixed(0)} ms`);
row("calls that met the slow one", ({ slowShare }) => `${(100 * slowShare).toFixed(1)} %`);
say(`\n${helped.told.join("\n")}\n`);

if (!process.argv.includes("--show-only")) await import("../addsvc/main.ts");
