import { describe, expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { request } from "../../../test/wire.ts";
import { error, key, method, service, ServiceError, type Call, type Context } from "../../index.ts";
import type { HttpServerOptions } from "./index.ts";

const text = z.object({ text: z.string() });
const refused = error("refused", { code: "failed_precondition" });
const echo = service("echo", { say: method({ request: text, response: text, errors: [refused] }) });

const say = (words = "hi", path = "/echo/say"): string => request({ path, body: JSON.stringify({ text: words }) });

const who = key<string>("who");

/** Serves a handler that keeps a diary with the hooks. */
async function diary(hooks: (steps: string[]) => Partial<HttpServerOptions>) {
  const steps: string[] = [];
  const reported: unknown[] = [];
  const server = await served(
    echo.implement({
      say(message, context) {
        steps.push(`handler ${message.text} for ${context.get(who) ?? "nobody"}`);
        if (message.text === "throw") throw new Error("hunter2");
        return message.text === "refuse" ? refused() : message;
      },
    }),
    hooks(steps),
    {
      report: (error) => reported.push(error),
      gates: [(context) => (steps.push(`gate for ${context.get(who) ?? "nobody"}`), context)],
      observers: [
        () => ({ start: () => void steps.push("start"), end: ({ outcome }) => void steps.push(`end ${outcome}`) }),
      ],
    },
  );
  return { ...server, steps, reported };
}

const all = (steps: string[]): Partial<HttpServerOptions> => ({
  before: [
    (context, request) => {
      const { verb, path, query } = request;
      steps.push(`before ${verb} ${path} ${query.get("q")} ${request.header("X-WHO")}`);
      return context.with(who, "ada");
    },
    (context) => (steps.push(`before ${context.get(who)}`), context.with(who, "bob")),
  ],
  after: [
    (context, reply) => {
      steps.push(`after ${context.get(who)} ${reply.status} ${String(reply.body)}`);
      reply.header("X-One", "1");
    },
    (_, reply) => {
      reply.status = 202;
      reply.body = `${String(reply.body)}\n`;
      reply.header("x-one", "2");
      reply.header("Content-Type", "text/plain");
    },
  ],
  errorHandler: ({ reason }, context) => void steps.push(`error ${reason} for ${context.get(who)}`),
  finalizer: [
    ({ outcome, status, responseBytes, requestBytes }: Call) =>
      void steps.push(`finalizer ${outcome} ${status} ${requestBytes} ${responseBytes}`),
    ({ durationMs, context }: Call) => void steps.push(`finalizer ${durationMs >= 0} ${context.get(who)}`),
  ],
});

describe("the hooks of a call", () => {
  it("run in one order around it, each seeing what those before it did", async () => {
    await using server = await diary(all);
    const { status, headers, body } = await server.ask(
      request({ path: "/echo/say?q=1", headers: { "x-who": "me" }, body: '{"text":"hi"}' }),
    );
    expect([status, body, headers["x-one"], headers["content-type"]]).toEqual([
      202,
      '{"text":"hi"}\n',
      "2",
      "text/plain",
    ]);
    expect(server.steps).toEqual([
      "start",
      "before POST /echo/say 1 me",
      "before ada",
      "gate for bob",
      "handler hi for bob",
      'after bob 200 {"text":"hi"}',
      "end ok",
      "finalizer ok 202 13 14",
      "finalizer true bob",
    ]);
  });

  it("run for an error as well, but for `after`", async () => {
    await using server = await diary(all);
    expect((await server.ask(say("refuse"))).status).toBe(400);
    expect(server.steps.slice(4)).toEqual([
      "handler refuse for bob",
      "error refused for bob",
      "end failed_precondition",
      expect.stringMatching(/^finalizer failed_precondition 400 17 \d+$/),
      "finalizer true bob",
    ]);
  });

  it("run for what fits no method, a wrong body and a wrong type: before and error hooks as far as the call came", async () => {
    await using server = await diary(all);
    await server.ask(say("hi", "/nowhere"));
    expect(server.steps.splice(0)).toEqual([
      "start",
      "error unknown_method for undefined",
      "end unimplemented",
      expect.stringMatching(/^finalizer unimplemented 404 0 \d+$/),
      "finalizer true undefined",
    ]);
    await server.ask(request({ path: "/echo/say", body: "{" }));
    expect(server.steps.splice(0)).toEqual([
      "start",
      "before POST /echo/say null undefined",
      "before ada",
      "gate for bob",
      "error malformed_message for bob",
      "end invalid_argument",
      expect.stringMatching(/^finalizer invalid_argument 400 1 \d+$/),
      "finalizer true bob",
    ]);
  });

  it("change nothing where the list is empty", async () => {
    await using server = await diary(() => ({ before: [], after: [], finalizer: [] }));
    expect((await server.ask(say())).status).toBe(200);
  });
});

// Go kit's transport/http tests, by name: TestServerBadDecode, BadEndpoint, BadEncode, ErrorEncoder, MultipleServerBefore,
// MultipleServerAfter, ServerFinalizer; the order of several is above.
describe("Go kit's cases", () => {
  it("a bad decode is 400 here, where it is 500 there: it is the caller's fault", async () => {
    await using server = await diary(all);
    expect((await server.ask(request({ path: "/echo/say", body: "dang" }))).status).toBe(400);
  });

  it("a bad endpoint is 500", async () => {
    await using server = await diary(() => ({}));
    const { status, body } = await server.ask(say("throw"));
    expect([status, body.includes("hunter2")]).toEqual([500, false]);
  });

  it("a bad encode is 500, and a whole answer: nothing is written before it is encoded", async () => {
    await using server = await served(echo.implement({ say: () => ({ text: 5 }) as never }));
    const { status, headers, body } = await server.ask(say());
    expect([status, headers["content-type"]]).toEqual([500, "application/problem+json"]);
    expect(JSON.parse(body)).toMatchObject({
      reason: "invalid_response",
      detail: "the response does not fit the method",
    });
    expect(body).not.toContain("5}");
  });

  it("an error encoder may answer 418, with any body and headers", async () => {
    await using server = await diary(() => ({
      errorEncoder(error, reply, context: Context) {
        reply.status = error.reason === "refused" ? 418 : 500;
        reply.header("Content-Type", "text/x-teapot");
        reply.header("X-Method", context.method.name);
        reply.body = new TextEncoder().encode("short and stout");
      },
    }));
    const { status, headers, body } = await server.ask(say("refuse"));
    expect([status, headers["content-type"], headers["x-method"], body]).toEqual([
      418,
      "text/x-teapot",
      "say",
      "short and stout",
    ]);
    expect((await server.ask(say("hi", "/nowhere"))).headers["content-type"]).toBe("text/x-teapot");
  });

  it("a finalizer sees the code, what was sent with it and the size", async () => {
    let seen: Call | undefined;
    await using server = await served(
      echo.implement({
        say(message, { reply }) {
          reply.set("x-header", "abc");
          return message;
        },
      }),
      { finalizer: [(call) => (seen = call)] },
    );
    await server.ask(say("0123456789"));
    expect([
      seen?.status,
      seen?.context.reply.get("X-Header"),
      seen?.responseBytes,
      seen?.outcome,
      seen?.error,
    ]).toEqual([200, "abc", 21, "ok", undefined]);
  });
});

describe("a hook that throws", () => {
  const boom = (): never => {
    throw new Error("hunter2");
  };
  const cases: Readonly<
    Record<
      string,
      {
        readonly hooks: Partial<HttpServerOptions>;
        readonly send?: string;
        readonly status: number;
        readonly reports: number;
      }
    >
  > = {
    "before: the call fails, and its cause is reported": { hooks: { before: [boom] }, status: 500, reports: 1 },
    "before, with an error of its own: that is the answer": {
      hooks: {
        before: [
          () => {
            throw new ServiceError("who are you?", { code: "unauthenticated" });
          },
        ],
      },
      status: 401,
      reports: 0,
    },
    "before, by giving no context: the call fails": {
      hooks: { before: [() => undefined as never] },
      status: 500,
      reports: 1,
    },
    "before, by giving a context later: the call fails": {
      hooks: { before: [(async (context: Context) => Promise.resolve(context)) as never] },
      status: 500,
      reports: 1,
    },
    "after: the call fails, with a whole answer": { hooks: { after: [boom] }, status: 500, reports: 1 },
    "after, with a header that is none: the call fails": {
      hooks: { after: [(_, reply) => reply.header("a b", "c")] },
      status: 500,
      reports: 1,
    },
    "after, with a header that would split the answer: the call fails": {
      hooks: { after: [(_, reply) => reply.header("a", "b\r\nc: d")] },
      status: 500,
      reports: 1,
    },
    "after, with a header that frames the message: the call fails": {
      hooks: { after: [(_, reply) => reply.header("Content-Length", "1")] },
      status: 500,
      reports: 1,
    },
    "after, with a status that is none: the call fails": {
      hooks: { after: [(_, reply) => void (reply.status = 1000)] },
      status: 500,
      reports: 1,
    },
    "after, with a status that ends nothing: the call fails": {
      hooks: { after: [(_, reply) => void (reply.status = 100)] },
      status: 500,
      reports: 1,
    },
    "after, with a body that is none: the call fails": {
      hooks: { after: [(_, reply) => void (reply.body = { a: 1 } as never)] },
      status: 500,
      reports: 1,
    },
    "the error encoder: the transport's own form is sent": {
      hooks: { errorEncoder: boom },
      send: say("refuse"),
      status: 400,
      reports: 1,
    },
    "the error encoder, with a status that is none: the transport's own form is sent": {
      hooks: { errorEncoder: (_, reply) => void (reply.status = Number.NaN) },
      send: say("refuse"),
      status: 400,
      reports: 1,
    },
    "the error encoder, later: it is reported": {
      hooks: { errorEncoder: (async () => Promise.reject(new Error("late"))) as never },
      send: say("refuse"),
      status: 400,
      reports: 1,
    },
    "the error handler: the answer is the same": {
      hooks: { errorHandler: boom },
      send: say("refuse"),
      status: 400,
      reports: 1,
    },
    "the finalizer: the answer is the same": { hooks: { finalizer: [boom] }, status: 200, reports: 1 },
    "the finalizer, later: the process lives": {
      hooks: { finalizer: [(async () => Promise.reject(new Error("late"))) as never] },
      status: 200,
      reports: 1,
    },
    "all of them at once": {
      hooks: { before: [boom], after: [boom], errorEncoder: boom, errorHandler: boom, finalizer: [boom, boom] },
      status: 500,
      reports: 5,
    },
  };
  for (const [what, { hooks, send = say(), status, reports }] of Object.entries(cases)) {
    it(`fails nothing else: ${what}`, async () => {
      await using server = await diary(() => hooks);
      const answer = await server.ask(send);
      expect(answer.status).toBe(status);
      expect(answer.body).not.toContain("hunter2");
      expect(answer.headers["c"]).toBeUndefined();
      await Promise.resolve();
      expect(server.reported.length).toBe(reports);
      expect(server.steps.filter((step) => step.startsWith("end")).length).toBe(1);
    });
  }

  it("does not keep the other hooks from running", async () => {
    await using server = await diary((steps) => ({ finalizer: [boom, () => void steps.push("second")] }));
    await server.ask(say());
    expect(server.steps).toContain("second");
  });
});

describe("a reply in the hands of a hook", () => {
  it("may lose its body: 204 and 304 have none", async () => {
    for (const status of [204, 304]) {
      await using server = await diary(() => ({
        after: [
          (_, reply) => {
            reply.status = status;
            reply.body = "";
            reply.header("etag", '"1"');
          },
        ],
      }));
      const wire = server.wire();
      wire.send(say() + say());
      for (let i = 0; i < 2; i++) {
        const answer = await wire.answer();
        expect([answer.status, answer.body, answer.headers["etag"]]).toEqual([status, "", '"1"']);
      }
    }
  });

  it("may set its own request id, which then stands once", async () => {
    await using server = await diary(() => ({ after: [(_, reply) => reply.header("X-Request-Id", "mine")] }));
    const { headers } = await server.ask(
      request({ path: "/echo/say", headers: { "X-Request-Id": "theirs" }, body: '{"text":""}' }),
    );
    expect(headers["x-request-id"]).toBe("mine");
  });

  it("cannot be taken off its request or reply, which the compiler tells", async () => {
    const seen: unknown[] = [];
    await using server = await served(echo.implement({ say: (message) => message }), {
      before: [
        (context, request) => {
          const { header } = request;
          // @ts-expect-error -- it reads the request's own headers
          const read = (): unknown => header("x-a");
          seen.push(request.header("x-a"), typeof read);
          return context;
        },
      ],
      after: [
        (_, reply) => {
          const { append } = reply;
          // @ts-expect-error -- it writes the reply's own headers
          const write = (): unknown => append("x-b", "1");
          reply.append("x-b", "1");
          reply.append("X-B", "2");
          seen.push(typeof write);
        },
      ],
    });
    const { headers } = await server.ask(request({ path: "/echo/say", headers: { "x-a": "a" }, body: '{"text":""}' }));
    expect([seen, headers["x-b"]]).toEqual([["a", "function", "function"], "1, 2"]);
  });

  it("wins over metadata of the same name", async () => {
    await using server = await served(
      echo.implement({
        say(message, { reply }) {
          reply.set("x-by", "handler");
          return message;
        },
      }),
      { after: [(_, reply) => reply.header("X-By", "hook")] },
    );
    expect((await server.ask(say())).headers["x-by"]).toBe("hook");
  });
});
