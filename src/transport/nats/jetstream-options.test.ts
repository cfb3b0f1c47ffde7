import type { Msg } from "@nats-io/transport-node";
import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { limitsOf } from "../limits.ts";
import { jetstreamClient, jetstreamServer, type JetStreamMessage, type NatsMessage } from "./index.ts";
import { deliveryOf, DeliveryView } from "./jetstream-delivery.ts";
import { matches, patternOf, streamSettings } from "./jetstream-stream.ts";

describe("options of JetStream's transports", () => {
  it.each([
    [{ streem: "a" }, 'jetstreamServer has no option "streem"'],
    [{ after: [] }, 'jetstreamServer has no option "after"'],
    [{ stream: "a.b" }, 'stream.name should be letters, digits, _ and -, got "a.b"'],
    [{ stream: 1 }, "stream should be a name or an object, got 1"],
    [{ stream: { maxAge: 1 } }, 'stream has no option "maxAge"'],
    [{ stream: { maxAgeMs: 1 } }, "stream.maxAgeMs should be a number from 1000"],
    [{ stream: { maxBytes: 0 } }, "stream.maxBytes should be an integer of at least 1024, got 0"],
    [
      { stream: { retention: "all" } },
      'stream.retention should be one of "workqueue", "interest", "limits", got "all"',
    ],
    [{ stream: { duplicateWindowMs: 1 } }, "stream.duplicateWindowMs should be a number from 100"],
    [{ create: 1 }, "create should be true or false, got 1"],
    [{ durable: "a b" }, "durable should be letters, digits, _ and -"],
    [{ domain: "a.b" }, "domain should be letters, digits, _ and -"],
    [{ maxInFlight: 0 }, "maxInFlight should be an integer from 1 to 65535, got 0"],
    [{ maxAckPending: 0 }, "maxAckPending should be an integer from 1 to 1000000, got 0"],
    [{ ackWaitMs: 1 }, "ackWaitMs should be a number from 100 to 3600000, got 1"],
    [{ deadLetter: "a.*" }, "deadLetter should be tokens of letters"],
    [{ redelivery: { maxDeliveries: 0 } }, "redelivery.maxDeliveries should be an integer from 1 to 1000, got 0"],
    [{ servers: "nats://user:secret@host" }, "servers should hold no user and no password"],
    [{ codec: {} }, "codec should be a codec, got an object"],
    [{ before: [1] }, "before[0] should be a function, got 1"],
  ])("are checked when a server is made: %j", (options, message) => {
    expect(() => jetstreamServer(options as never)).toThrow(message);
  });

  it.each([
    [{ queue: "a" }, 'jetstreamClient has no option "queue"'],
    [{ stream: "a.b" }, "stream should be letters, digits, _ and -"],
    [{ whileDown: "never" }, 'whileDown should be "fail" or "wait", got "never"'],
    [{ headers: { "a b": "1" } }, "a header's name should be visible ASCII"],
  ])("are checked when a client is made: %j", (options, message) => {
    expect(() => jetstreamClient(options as never)).toThrow(message);
  });

  it("fill in what is bounded, and refuse publishers rather than lose what is old", () => {
    expect(streamSettings("a")).toEqual({
      name: "a",
      config: {
        max_age: 604_800_000_000_000,
        max_bytes: 268_435_456,
        retention: "workqueue",
        storage: "file",
        num_replicas: 1,
        duplicate_window: 120_000_000_000,
        discard: "new",
      },
    });
    // A window longer than messages are kept is refused by the server.
    expect(streamSettings({ maxAgeMs: 1000 }).config["duplicate_window"]).toBe(1_000_000_000);
  });

  it("give hooks of the server a message that says where it is stored", () => {
    expectTypeOf<JetStreamMessage>().toExtend<NatsMessage>();
    jetstreamServer({
      before: [
        (context, message) => {
          expectTypeOf(message.deliveries).toEqualTypeOf<number>();
          return context;
        },
      ],
    });
    // @ts-expect-error nobody is answered
    expect(() => jetstreamServer({ errorEncoder() {} })).toThrow("no option");
  });
});

const token = fc.stringMatching(/^[a-z]{1,3}$/);
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));

describe("patterns of subjects", () => {
  it("take every one of the subjects they are made of, and only what begins as they do", () => {
    fc.assert(
      fc.property(fc.uniqueArray(subject, { minLength: 1, maxLength: 5 }), (subjects) => {
        const pattern = patternOf(subjects);
        if (pattern === undefined) return subjects.length > 1;
        return subjects.every((one) => matches(pattern, one));
      }),
    );
    expect(patternOf(["a.b.c", "a.b.d"])).toBe("a.b.>");
    expect(patternOf(["a.b", "a.b.c"])).toBe("a.>");
    expect(patternOf(["a", "b"])).toBeUndefined();
    expect(patternOf(["a", "a.b"])).toBeUndefined();
  });

  it.each([
    ["a.*", "a.b", true],
    ["a.*", "a.b.c", false],
    ["a.>", "a", false],
    ["a.>", "a.b.c", true],
    ["a", "a", true],
    ["a", "a.b", false],
    ["a.b", "a", false],
  ])("%s and %s: %s", (pattern, one, isTaken) => {
    expect(matches(pattern, one)).toBe(isTaken);
  });
});

function message(reply: string | undefined): Msg {
  const data = new Uint8Array(0);
  return { subject: "s", reply, data, size: () => 1 + (reply?.length ?? 0) } as unknown as Msg;
}

describe("deliveries", () => {
  it("are read from where they are acknowledged, as older and newer servers say it", () => {
    const older = deliveryOf(message("$JS.ACK.mail.box.3.17.20.1700000000000000001.4"), limitsOf())!;
    expect(older).toMatchObject({ stream: "mail", deliveries: 3, sequence: 17, key: "17@1700000000000000001" });
    expect([older.get("X-Deliveries"), older.get("other")]).toEqual(["2", undefined]);
    const newer = deliveryOf(message("$JS.ACK.hub.hash.mail.box.1.17.20.1700000000000000001.4.rand"), limitsOf())!;
    expect(newer).toMatchObject({ stream: "mail", deliveries: 1, sequence: 17 });
    expect(newer.get("x-deliveries")).toBeUndefined();
    expect(new DeliveryView(newer)).toMatchObject({ reply: "", subject: "s", storedMs: 1_700_000_000_000 });
  });

  it("are not taken for what they are not, whatever a reply subject looks like", () => {
    fc.assert(
      fc.property(fc.option(fc.string()), (reply) => deliveryOf(message(reply ?? undefined), limitsOf()) === undefined),
    );
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 12 }), (tokens) => {
        const found = deliveryOf(message(["$JS", "ACK", ...tokens].join(".")), limitsOf());
        return found === undefined || (found.deliveries >= 1 && found.sequence >= 1);
      }),
    );
  });
});
