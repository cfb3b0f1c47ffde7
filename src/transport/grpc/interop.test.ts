// Peers of other makers, both ways: what each caller saw of one service, whoever serves it (testdata/interop.ts).
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { grpcPython, grpcPythonCalls, grpcPythonServer } from "../../../tools/servers/grpc-python.ts";
import { client } from "../../client/index.ts";
import { passing } from "../../../test/until.ts";
import { serve } from "../../server/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add } from "../protobuf/testdata/gen/add_pb.ts";
import { grpcClient, grpcServer } from "./index.ts";
import { StatusSchema } from "./testdata/gen/status_pb.ts";
import { connectCalls, connectServer } from "./testdata/interop-connect.ts";
import { grpcJsCalls, grpcJsServer } from "./testdata/interop-grpc-js.ts";
import { ourCalls, type OurSaid } from "./testdata/interop-ours.ts";
import { MESSAGE, ourAdd, trailing, type Peer, type Said } from "./testdata/interop.ts";

const python = grpcPython();
const missing = "reason" in python ? python.reason : undefined;
const pythonPath = "path" in python ? python.path : "";
const file = toBinary(FileDescriptorProtoSchema, Add.file.proto);

const callers: Readonly<
  Record<string, { readonly calls: (port: number) => Promise<unknown>; readonly skip?: string }>
> = {
  "grpc-js": { calls: grpcJsCalls },
  "connect-node": { calls: connectCalls },
  "python's grpcio": { calls: (port) => grpcPythonCalls(pythonPath, port, file), ...(missing && { skip: missing }) },
};

const bytes = (base64: string | undefined): number[] => [...Buffer.from(base64 ?? "", "base64")];

for (const [name, { calls, skip }] of Object.entries(callers)) {
  for (const compress of [false, true]) {
    describe(`a client of ${name} ${compress ? "and answers that are compressed" : "on our server"}`, () => {
      beforeEach((test) => void (skip !== undefined && test.skip(skip)));
      let said: Said;
      const failed: unknown[] = [];
      beforeAll(async () => {
        if (skip !== undefined) return;
        const limits = { maxBodyBytes: 1_048_576 };
        const on = [grpcServer({ port: 0, host: "127.0.0.1", compress, limits, after: [trailing] })];
        const running = await serve(ourAdd(), {
          on,
          log: false,
          signals: false,
          timeoutMs: 60_000,
          report: (error) => failed.push(error),
        });
        try {
          said = (await calls(Number(new URL(running.addresses[0]!).port))) as Said;
        } finally {
          await running.stop();
        }
      });

      it("gets answers, all 64 bits of them", () => {
        expect(said.sum).toBe(String(2n ** 62n - 1n));
        expect(failed).toEqual([]);
      });

      it("gets metadata before and after the answer, binary too", () => {
        const { v, initial, trailing } = said.metadata;
        expect([v, initial["x-echo"], bytes(initial["x-echo-bin"])]).toEqual([3, "hello", [0, 1, 254]]);
        expect([trailing["x-trailing"], bytes(trailing["x-trailing-bin"])]).toEqual(["t", [0, 255]]);
      });

      it("gets an error with its code, message and details", () => {
        const { code, message, trailing } = said.error;
        expect([code, message]).toEqual(["FAILED_PRECONDITION", MESSAGE]);
        const status = fromBinary(StatusSchema, Buffer.from(trailing["grpc-status-details-bin"]!, "base64"));
        expect([status.code, status.message]).toEqual([9, MESSAGE]);
        expect(status.details.map(({ typeUrl }) => typeUrl.split("/")[1])).toEqual([
          "google.rpc.ErrorInfo",
          "google.rpc.RetryInfo",
          "google.protobuf.Value",
        ]);
      });

      it("is told of a method that is not there", () => {
        expect(said.unknown.code).toBe("UNIMPLEMENTED");
      });

      it("leaves at its deadline, which the server knows, and calls off what it has canceled", () => {
        expect([said.deadline.code, said.cancel]).toEqual(["DEADLINE_EXCEEDED", "CANCELLED"]);
        expect(said.deadlineMs).toBeLessThan(20_000);
        expect(said.remaining).toBeGreaterThan(30);
        expect(said.remaining).toBeLessThan(60.1);
        expect(said.canceled).toBe(2);
      });

      it("sends compressed messages, and large ones, up to a limit", () => {
        expect([said.gzip, said.tooLarge]).toEqual([600_000, "RESOURCE_EXHAUSTED"]);
      });

      it("has streams of each kind, leaves one early, and hears how one failed", () => {
        expect([said.count, said.many, said.first]).toEqual([[1, 2, 3, 4, 5], 2000, 1]);
        expect([said.total, said.running]).toEqual([5050, [1, 3, 6]]);
        expect([said.streamError.code, said.streamError.message]).toEqual(["NOT_FOUND", MESSAGE]);
      });
    });
  }
}

/** Our own server, as it comes. */
async function ourServer(): Promise<Peer> {
  const on = [grpcServer({ port: 0, host: "127.0.0.1", limits: { maxBodyBytes: 1_048_576 }, after: [trailing] })];
  const running = await serve(ourAdd(), { on, log: false, signals: false, timeoutMs: 60_000 });
  return { url: running.addresses[0]!, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

const servers: Readonly<Record<string, { readonly serve: () => Promise<Peer>; readonly skip?: string }>> = {
  "our own": { serve: ourServer },
  "grpc-js": { serve: grpcJsServer },
  "connect-node": { serve: connectServer },
  "python's grpcio": { serve: () => grpcPythonServer(pythonPath, file), ...(missing && { skip: missing }) },
};

for (const [name, { serve: serveTheirs, skip }] of Object.entries(servers)) {
  describe(`our client and a server of ${name}`, () => {
    beforeEach((test) => void (skip !== undefined && test.skip(skip)));
    let said: OurSaid;
    beforeAll(async () => {
      if (skip !== undefined) return;
      await using theirs = await serveTheirs();
      said = await ourCalls(Number(new URL(theirs.url).port));
    });

    it("gets answers, all 64 bits of them", () => {
      expect(said.sum).toBe(String(2n ** 62n - 1n));
    });

    it("gets metadata before and after the answer, binary too", () => {
      expect(said.metadata).toEqual({
        v: 3,
        initial: { "x-echo": "hello", "x-echo-bin": "AAH+" },
        trailing: { "x-trailing": "t", "x-trailing-bin": "AP8=" },
      });
    });

    it("gets an error with its code, message, reason and hint", () => {
      const { code, message, error } = said.error;
      expect([code, message]).toEqual(["FAILED_PRECONDITION", MESSAGE]);
      expect([error.reason, error.retryAfterMs]).toEqual(["too_wide", 2500]);
    });

    it("is told of a method that is not there", () => {
      expect(said.unknown.code).toBe("UNIMPLEMENTED");
    });

    it("leaves at its deadline, which the server knows, and calls off what it has canceled", () => {
      expect([said.deadline.code, said.cancel]).toEqual(["DEADLINE_EXCEEDED", "CANCELLED"]);
      expect(said.deadlineMs).toBeLessThan(20_000);
      expect(said.remaining).toBeGreaterThan(30);
      expect(said.remaining).toBeLessThan(60.1);
      expect(said.canceled).toBe(2);
    });

    it("sends compressed messages, reads them, and hears that one is too large", () => {
      expect([said.gzip, said.tooLarge]).toEqual([600_000, "RESOURCE_EXHAUSTED"]);
    });

    it("has streams of each kind, leaves one early, and hears how one failed", () => {
      expect([said.count, said.many, said.first]).toEqual([[1, 2, 3, 4, 5], 2000, 1]);
      expect([said.total, said.running]).toEqual([5050, [1, 3, 6]]);
      expect([said.streamError.code, said.streamError.message]).toEqual(["NOT_FOUND", MESSAGE]);
    });
  });
}

describe("our client and a server that is done", () => {
  const remoteTo = async (compress: boolean) => {
    const on = [grpcServer({ port: 0, host: "127.0.0.1", compress })];
    const running = await serve(ourAdd(), { on, log: false, signals: false, timeoutMs: 60_000 });
    const remote = client(proto(Add), grpcClient({ connectTimeoutMs: 60_000 }), {
      from: running.addresses[0]!,
      timeoutMs: 60_000,
    });
    const dispose = async (): Promise<void> => {
      await remote[Symbol.asyncDispose]();
      await running.stop();
    };
    return { remote, [Symbol.asyncDispose]: dispose };
  };

  it("have time: messages that are all here wait until they are asked for", async () => {
    await using both = await remoteTo(false);
    const got: number[] = [];
    for await (const { v } of both.remote.count({ a: 5n })) {
      got.push(Number(v));
      await passing(20);
    }
    expect(got).toEqual([1, 2, 3, 4, 5]);
  });

  it("agree on an answer that takes longer to unpack than its trailers to come", async () => {
    await using both = await remoteTo(true);
    const text = Array.from({ length: 20_000 }, (_, i) => i.toString(36)).join("");
    expect((await both.remote.concat({ a: text })).v).toBe(text);
  });
});
