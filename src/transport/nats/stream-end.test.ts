import { describe, expect, it } from "vitest";
import { settled, virtualClock } from "../../testing/index.ts";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { writeFrame } from "./frame.ts";
import { StreamEnd, WINDOW } from "./stream-end.ts";

const data = new Uint8Array([1]);

function ended() {
  const clock = virtualClock();
  const sent: string[] = [];
  let lost: ServiceError | undefined;
  const port = {
    send: (frame: Parameters<typeof writeFrame>[0]) => void sent.push(writeFrame(frame)),
    lost: (error: ServiceError) => void (lost ??= error),
  };
  const end = new StreamEnd(port, { clock, heartbeatMs: 1000 });
  return { clock, sent, end, lost: () => lost };
}

describe("an end of a stream", () => {
  it("sends as far as it was given leave, and goes on with the next", async () => {
    const { sent, end } = ended();
    end.take({ word: "credit", number: 2 }, data);
    expect([end.write(data), end.write(data)]).toEqual([undefined, undefined]);
    const third = end.write(data);
    await settled();
    expect(sent).toEqual(["message 1", "message 2"]);
    end.take({ word: "credit", number: 1 }, data);
    await third;
    end.finish();
    expect(sent.slice(2)).toEqual(["message 3", "end 4"]);
  });

  it("gives leave again for what was read, so that no more than its window waits", async () => {
    const { sent, end, lost } = ended();
    end.invite();
    for (let i = 1; i <= WINDOW; i++) end.take({ word: "message", number: i }, data);
    expect(sent).toEqual([`credit ${WINDOW}`]);
    for (let i = 1; i <= WINDOW / 2; i++) await end.read();
    expect(sent).toEqual([`credit ${WINDOW}`, `credit ${WINDOW / 2}`]);
    for (let i = 1; i <= WINDOW / 2; i++) end.take({ word: "message", number: WINDOW + i }, data);
    expect(lost()).toBeUndefined();
    end.take({ word: "message", number: WINDOW * 1.5 + 1 }, data);
    expect(lost()?.reason).toBe("malformed_message");
  });

  it("takes no leave beyond reason from a peer that gives it", async () => {
    const { sent, end } = ended();
    end.take({ word: "credit", number: 999_999_999 }, data);
    let waits: Promise<void> | undefined;
    while (waits === undefined) waits = end.write(data);
    expect(sent.length).toBe(1024);
    end.close(policyError("canceled"));
    await expect(waits).rejects.toMatchObject({ reason: "canceled" });
  });

  it("gives signs of life, and counts the other end as lost after four without one", async () => {
    const { clock, sent, end, lost } = ended();
    end.watch();
    await clock.advance(2500);
    expect(sent).toEqual(["ping", "ping"]);
    end.take({ word: "ping", number: 0 }, data);
    await clock.advance(3000);
    expect(lost()).toBeUndefined();
    await clock.advance(1500);
    expect(lost()?.reason).toBe("connection_lost");
    end.close(lost()!);
    expect(clock.pending).toBe(0);
  });

  it("lets what has come be read after it is over, and then says why", async () => {
    const { end } = ended();
    end.invite();
    end.take({ word: "message", number: 1 }, data);
    end.close(policyError("connection_lost"));
    expect(await end.read()).toBe(data);
    await expect(end.read()).rejects.toMatchObject({ reason: "connection_lost" });
    await expect(end.room()).rejects.toMatchObject({ reason: "connection_lost" });
  });
});
