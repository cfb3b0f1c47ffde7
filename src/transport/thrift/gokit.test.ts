import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { bytesOf } from "../../../test/as-every-transport.ts";
import { goClient, goPeer, goServer } from "../../../examples/addsvc/interop/peer.ts";
import { client } from "../../client/index.ts";
import { method, service } from "../../contract/index.ts";
import { error, ServiceError } from "../../errors/index.ts";
import { serve } from "../../server/index.ts";
import { foreign, foreignMethod, struct, thriftClient, thriftServer } from "./index.ts";

const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const add = service("add", {
  sum: method({
    request: z.object({ a: z.int(), b: z.int() }),
    response: z.object({ v: z.int() }),
    errors: [twoZeroes],
  }),
  concat: method({ request: z.object({ a: z.string(), b: z.string() }), response: z.object({ v: z.string() }) }),
});
const goAdd = foreign(add, {
  sum: foreignMethod({
    name: "Sum",
    args: { a: [1, "i64"], b: [2, "i64"] },
    result: struct({ value: [1, "i64"], err: [2, "string"] }),
    readResponse: ({ value, err }) => (err === "" ? { v: value } : twoZeroes()),
    writeResponse: ({ v }) => ({ value: v, err: "" }),
    writeError: ({ origin, message }) => (origin === "declared" ? { value: 0, err: message } : undefined),
  }),
  concat: foreignMethod({
    name: "Concat",
    args: { a: [1, "string"], b: [2, "string"] },
    result: struct({ value: [1, "string"], err: [2, "string"] }),
    readResponse: ({ value }) => ({ v: value }),
    writeResponse: ({ v }) => ({ value: v, err: "" }),
  }),
});
const impl = add.implement({
  sum: ({ a, b }) => (a === 0 && b === 0 ? twoZeroes() : { v: a + b }),
  concat: ({ a, b }) => ({ v: a + b }),
});
const quiet = { log: false, signals: false, timeoutMs: 60_000 } as const;

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}

describe("Go kit's add service", () => {
  it("is answered to the byte: strict binary, no frame, both fields always there", async () => {
    const running = await serve(impl, {
      on: [thriftServer({ port: 0, host: "127.0.0.1", foreign: [goAdd] })],
      ...quiet,
    });
    const socket = connect(Number(running.addresses[0]!.split(":")[1]), "127.0.0.1");
    const ask = async (request: Buffer): Promise<string> => {
      socket.write(request);
      return ((await once(socket, "data")) as [Buffer])[0].toString("hex");
    };
    const call = "80010001 00000003 53756d 00000007 0a 0001";
    expect(await ask(hex(`${call} 0000000000000001 0a 0002 0000000000000002 00`))).toBe(
      hex("80010002 00000003 53756d 00000007 0c 0000 0a 0001 0000000000000003 0b 0002 00000000 00 00").toString("hex"),
    );
    expect(await ask(hex(`${call} 0000000000000000 0a 0002 0000000000000000 00`))).toBe(
      hex(`80010002 00000003 53756d 00000007 0c 0000 0a 0001 0000000000000000 0b 0002 00000014
        ${Buffer.from("can't sum two zeroes").toString("hex")} 00 00`).toString("hex"),
    );
    const unknown = await ask(hex("80010001 00000001 58 00000008 00"));
    expect(unknown.startsWith("8001000300000001580000000" + "8")).toBe(true);
    socket.destroy();
    await running.stop();
  });

  it("is called with what it knows, and its err is the error", async () => {
    const running = await serve(impl, { on: [thriftServer({ port: 0, foreign: [goAdd] })], ...quiet });
    await using remote = client(add, thriftClient({ framed: false, foreign: [goAdd] }), {
      from: running.addresses,
      timeoutMs: 60_000,
    });
    expect(await remote.sum({ a: 5_000_000_000, b: -1 })).toEqual({ v: 4_999_999_999 });
    const zeroes = await remote.sum.try({ a: 0, b: 0 });
    expect(!zeroes.ok && zeroes.error.reason).toBe("two_zeroes");
    expect(await remote.concat({ a: "foo", b: "bar" })).toEqual({ v: "foobar" });
    await running.stop();
  });
});

describe("Go kit itself", bytesOf("thrift binary"), () => {
  const program = goPeer();

  it("answers our client", async (test) => {
    if ("reason" in program) return test.skip(program.reason);
    using server = await goServer(program.path, 100);
    await using remote = client(add, thriftClient({ framed: false, foreign: [goAdd] }), {
      from: server.thrift.replace(/^.*\/\//, ""),
      breaker: false,
      retry: false,
    });
    expect(await remote.sum({ a: 1, b: 2 })).toEqual({ v: 3 });
    expect(await remote.sum({ a: 5_000_000_000, b: 0 })).toEqual({ v: 5_000_000_000 });
    const zeroes = await remote.sum.try({ a: 0, b: 0 });
    expect(!zeroes.ok && zeroes.error.reason).toBe("two_zeroes");
    const sums = await Promise.all(Array.from({ length: 40 }, (_, i) => remote.sum({ a: i, b: 1 })));
    expect(sums.map(({ v }) => v)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it("says why it refuses, and we hear it as its internal error", async (test) => {
    if ("reason" in program) return test.skip(program.reason);
    using server = await goServer(program.path, 1);
    await using remote = client(add, thriftClient({ framed: false, foreign: [goAdd] }), {
      from: server.thrift.replace(/^.*\/\//, ""),
      breaker: false,
      retry: false,
    });
    await remote.sum({ a: 1, b: 2 });
    const refused = await remote.sum({ a: 1, b: 2 }).catch((thrown: unknown) => thrown);
    expect(ServiceError.is(refused) && [refused.code, refused.message]).toEqual([
      "internal",
      "Internal error processing Sum: rate limit exceeded",
    ]);
  });

  it("calls our server", async (test) => {
    if ("reason" in program) return test.skip(program.reason);
    const running = await serve(impl, {
      on: [thriftServer({ port: 0, host: "127.0.0.1", foreign: [goAdd] })],
      ...quiet,
    });
    const said = await goClient(program.path, "thrift", running.addresses[0]!, "sum", "1", "2");
    expect(said.out).toContain("3");
    await running.stop();
  });
});
