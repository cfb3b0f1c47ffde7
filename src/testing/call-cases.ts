/**
 * Cases about what is said and answered: codecs, errors, limits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ServiceError } from "../errors/index.ts";
import { json, type Codec } from "../transport/index.ts";
import { full, gone, REFUSED, serveBare, serveUnary } from "./sample.ts";
import type { Case, TransportHarness } from "./transport-suite.ts";

/** Cases about codecs, errors and limits. */
export function callCases(harness: TransportHarness): readonly Case[] {
  return [
    {
      id: "codecs/characters",
      property: "codecs",
      name: "a message arrives as it was sent, whatever its characters",
      async run() {
        await using sample = await serveUnary(harness, {});
        for (const text of [
          "",
          "plain",
          'quote " backslash \\ slash /',
          "\u0000\n\r\t\u2028",
          "ä漢😀",
          "x".repeat(10_000),
        ]) {
          assert.deepEqual(await sample.remote.echo({ text }), { text });
        }
      },
    },
    {
      id: "codecs/declared-fields",
      property: "codecs",
      name: "a field the contract does not declare never leaves, whichever side adds it",
      async run() {
        let received: unknown;
        await using sample = await serveBare(harness, {
          echo: (request) => ((received = request), { text: "a", secret: "b" }),
        });
        const request = { text: "x", extra: "y" };
        assert.deepEqual(await sample.lax.echo(request), { text: "a" });
        assert.deepEqual(received, { text: "x" });
      },
    },
    {
      id: "codecs/replaced",
      property: "codecs",
      name: "the user's codec reads and writes messages on both sides, in place of the transport's",
      async run() {
        const passed = { read: [] as string[], written: [] as string[] };
        await using sample = await serveUnary(harness, {}, { codec: renaming(passed) });
        assert.deepEqual(await sample.remote.echo({ text: "x" }), { text: "x" });
        assert.ok(passed.written.length >= 2 && passed.written.every((text) => text.includes('"said"')));
        assert.ok(passed.read.length >= 2 && passed.read.every((text) => text.includes('"said"')));
      },
    },
    {
      id: "codecs/one-each",
      property: "codecs",
      name: "many calls at once are each given their own answer",
      async run() {
        await using sample = await serveUnary(harness, {});
        const texts = Array.from({ length: 32 }, (_, i) => `${i}`);
        const answers = await Promise.all(texts.map((text) => sample.remote.echo({ text })));
        assert.deepEqual(
          answers.map(({ text }) => text),
          texts,
        );
      },
    },
    {
      id: "errors/declared",
      property: "errors",
      name: "a declared error arrives with its details, returned or thrown, and as a value of `.try()`",
      async run() {
        await using sample = await serveUnary(harness, {
          echo({ text }) {
            if (text === "throw") throw full({ n: 7 });
            return text === "gone" ? gone() : full({ n: 8 });
          },
        });
        const result = await sample.remote.echo.try({ text: "return" });
        assert.ok(!result.ok && result.error.reason === "full");
        assert.deepEqual(result.error.details, { n: 8 });
        assert.equal(result.error.message, "no room left");
        assert.equal(result.error.code, "failed_precondition");
        const other = await sample.remote.echo.try({ text: "gone" });
        assert.ok(!other.ok && gone.is(other.error));
        await assert.rejects(sample.remote.echo({ text: "throw" }), (error) => full.is(error) && error.details.n === 7);
      },
    },
    {
      id: "errors/undeclared",
      property: "errors",
      name: "an error nobody declared arrives as internal, with no text of its own, and its cause is reported here",
      async run() {
        const reported: unknown[] = [];
        const secret = new Error("password is hunter2");
        await using sample = await serveUnary(
          harness,
          {
            echo() {
              throw secret;
            },
          },
          { report: (error) => reported.push(error) },
        );
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "internal");
        assert.ok(!JSON.stringify([error.message, error.details, error.reason]).includes("hunter2"));
        assert.equal(reported.length, 1);
        assert.ok(reported[0] === secret || (reported[0] as Error).cause === secret);
      },
    },
    {
      id: "errors/whole",
      property: "errors",
      name: "code, reason, public message, details and retry hint survive",
      async run() {
        await using sample = await serveUnary(harness, {
          async echo() {
            await Promise.resolve();
            throw new ServiceError("the disk is full", {
              code: "unavailable",
              reason: "disk_full",
              details: { free: [0, "none"] },
              retryAfterMs: 2000,
              cause: new Error("hunter2"),
            });
          },
        });
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "unavailable");
        assert.equal(error.reason, "disk_full");
        assert.equal(error.message, "the disk is full");
        assert.deepEqual(error.details, { free: [0, "none"] });
        assert.equal(error.retryAfterMs, 2000);
        assert.equal(error.origin, "peer");
      },
    },
    {
      id: "errors/push_back",
      property: "errors",
      name: "the word not to try again survives",
      async run() {
        await using sample = await serveUnary(harness, {
          async echo() {
            await Promise.resolve();
            throw new ServiceError("not today", { code: "unavailable", retryAfterMs: Infinity });
          },
        });
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "unavailable");
        assert.equal(error.retryAfterMs, Infinity);
      },
    },
    {
      id: "errors/invalid",
      property: "errors",
      name: "a request that does not fit is refused with the paths of its issues, before the handler",
      async run() {
        let calls = 0;
        await using sample = await serveUnary(harness, { echo: (request) => (calls++, request) });
        const misfit = await failureOf(sample.remote.echo({ text: 5 as never }));
        assert.equal(misfit.code, "invalid_argument");
        const refused = await failureOf(sample.remote.echo(REFUSED));
        assert.equal(refused.reason, "invalid_request");
        assert.deepEqual(refused.details, { issues: [{ path: ["text"], message: "should not be so" }] });
        assert.equal(calls, 0);
      },
    },
    {
      id: "errors/next",
      property: "errors",
      name: "an error of one call is not an error of the next",
      async run() {
        await using sample = await serveUnary(harness, { echo: ({ text }) => (text === "no" ? gone() : { text }) });
        await failureOf(sample.remote.echo({ text: "no" }));
        assert.deepEqual(await sample.remote.echo({ text: "yes" }), { text: "yes" });
      },
    },
    {
      id: "errors/declared-fields",
      property: "errors",
      name: "a field that a declared error's details do not declare never leaves",
      async run() {
        await using sample = await serveBare(harness, {
          echo: () => full({ n: 7, secret: "hunter2" } as { readonly n: number }),
        });
        const error = await failureOf(sample.lax.echo({ text: "" }));
        assert.equal(error.reason, "full");
        assert.deepEqual(error.details, { n: 7 });
      },
    },
    {
      id: "errors/details-misfit",
      property: "errors",
      name: "details that do not fit their declaration make the call internal, and do not leave",
      async run() {
        await using sample = await serveUnary(harness, { echo: () => full({ n: "hunter2" as never }) });
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "internal");
        assert.ok(!JSON.stringify([error.message, error.details]).includes("hunter2"));
      },
    },
    {
      id: "errors/response-misfit",
      property: "errors",
      name: "an answer that does not fit the method is internal, and does not leave",
      async run() {
        await using sample = await serveUnary(harness, { echo: () => ({ text: { secret: "hunter2" } as never }) });
        const error = await failureOf(sample.remote.echo({ text: "" }));
        assert.equal(error.code, "internal");
        assert.ok(!JSON.stringify([error.message, error.details]).includes("hunter2"));
      },
    },
    {
      id: "limits/too-large",
      property: "limits",
      name: "a message over the limit is refused, and the next one is served",
      async run() {
        await using sample = await serveUnary(harness, {}, { limits: { maxBodyBytes: 1000 } });
        const error = await failureOf(sample.remote.echo({ text: "x".repeat(100_000) }));
        assert.equal(error.code, "resource_exhausted");
        assert.equal(error.reason, "too_large");
        assert.deepEqual(await sample.remote.echo({ text: "x" }), { text: "x" });
      },
    },
  ];
}

// JSON still, with a field under a name of its own.
function renaming(passed: { readonly read: string[]; readonly written: string[] }): Codec {
  return {
    ...json,
    reader(shape, limits) {
      const read = json.reader(shape, limits);
      return function readRenamed(body) {
        // Some clients try first what nothing at all would be read as.
        if (body.length > 0) passed.read.push(String(body));
        return read(String(body).replace('"said"', '"text"'));
      };
    },
    writer(shape, where, reason) {
      const write = json.writer(shape, where, reason);
      return function writeRenamed(value) {
        const text = (write(value) as string).replace('"text"', '"said"');
        passed.written.push(text);
        return text;
      };
    },
  };
}

/** What a call failed with. */
export async function failureOf(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (error) {
    assert.ok(ServiceError.is(error), `should be a ServiceError, is ${String(error)}`);
    return error;
  }
  assert.fail("the call should fail");
}
