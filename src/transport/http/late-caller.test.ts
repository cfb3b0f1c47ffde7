import { expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { until } from "../../../test/until.ts";
import { client } from "../../client/index.ts";
import { method, service } from "../../index.ts";
import { virtualClock } from "../../testing/index.ts";
import { httpClient } from "./index.ts";

const empty = z.object({});
const slow = service("slow", { work: method({ request: empty, response: empty }) });
const implementation = slow.implement({
  work: (_request, context) => new Promise((_, no) => void context.onCancel(no)),
});

it("a caller that leaves at its own deadline has let it pass, one that leaves before has canceled", async () => {
  const clock = virtualClock();
  const ends: string[] = [];
  await using server = await served(
    implementation,
    {},
    { clock, observers: [() => ({ end: ({ outcome }) => void ends.push(String(outcome)) })] },
  );
  const leave = async (afterMs: number): Promise<void> => {
    const gone = new AbortController();
    const remote = client(slow, httpClient({ connectTimeoutMs: 60_000 }), { from: server.address, clock });
    const [before, sockets] = [ends.length, server.sockets.length];
    const call = remote.work({}, { timeoutMs: 1000, signal: gone.signal }).catch(() => undefined);
    await until(() => server.sockets.length > sockets);
    await clock.advance(afterMs);
    gone.abort();
    await call;
    await until(() => ends.length > before);
  };
  await leave(500);
  await leave(999.5);
  expect(ends).toEqual(["canceled", "deadline_exceeded"]);
});
