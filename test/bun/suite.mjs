// Runs under Bun: the suite that every transport runs, for fetchHandler behind Bun.serve, with our client on Bun's node:http.
// Prints a line per case and the sum; ends with 1 when a case failed.
import { serve } from "servicekit/server";
import { transportSuite } from "servicekit/testing";
import { fetchHandler } from "servicekit/transport/fetch";
import { httpClient } from "servicekit/transport/http";

const cases = transportSuite(
  {
    name: "fetch on Bun",
    async connect(implementation, { observers, gates, report, codec, ...around }) {
      const handler = fetchHandler({ codecs: codec && [codec], ...around });
      const running = await serve(implementation, {
        on: [handler],
        observers,
        gates,
        report,
        log: false,
        trace: false,
        signals: false,
      });
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 60, fetch: handler });
      return {
        transport: httpClient({ codec }),
        from: `http://127.0.0.1:${server.port}`,
        drain: async () => void (await running.stop()),
        async [Symbol.asyncDispose]() {
          await running.stop();
          await server.stop(true);
        },
      };
    },
  },
  [{ reason: "the platform reads the headers, and bounds their size", cases: ["limits/large-headers"] }],
);

const only = process.argv[2];
const sum = { passed: 0, failed: 0, skipped: 0 };
for (const one of cases) {
  const name = `${one.property}: ${one.name}`;
  if (only !== undefined && !name.includes(only)) continue;
  if ("skip" in one) {
    sum.skipped++;
    console.log(`skipped ${name}: ${one.skip}`);
    continue;
  }
  const late = Symbol("late");
  const timer = Promise.withResolvers();
  const timeout = setTimeout(() => timer.resolve(late), 10_000);
  try {
    if ((await Promise.race([one.run(), timer.promise])) === late) throw new Error("took more than 10 s");
    sum.passed++;
    console.log(`passed  ${name}`);
  } catch (error) {
    sum.failed++;
    console.log(`FAILED  ${name}\n        ${error?.stack ?? error}`);
  } finally {
    clearTimeout(timeout);
  }
}
console.log(`\nBun ${Bun.version}: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0);
