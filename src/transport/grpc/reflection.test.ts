import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { client } from "../../client/index.ts";
import { serve } from "../../server/index.ts";
import { local } from "../local/index.ts";
import { proto } from "../protobuf/index.ts";
import { Add } from "../protobuf/testdata/gen/add_pb.ts";
import { Orders } from "../protobuf/testdata/gen/order_pb.ts";
import { ServerReflection } from "./gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { grpcClient, grpcServer } from "./index.ts";
import { reflection } from "./reflection.ts";
import { ourAdd } from "./testdata/interop.ts";
import { Things } from "./testdata/gen/extended_pb.ts";

const [v1, v1alpha] = reflection([Add, Orders, Things]).implementations;
const asked = client(proto(ServerReflection), local(v1!));
const alpha = client(proto(ServerReflectionAlpha), local(v1alpha!));

type Question = Parameters<typeof asked.serverReflectionInfo>[0] extends AsyncIterable<infer T> ? T : never;

async function* all<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** The answers to these questions, in order. */
async function answers(...questions: readonly Question["messageRequest"][]) {
  const found = [];
  const requests = all(...questions.map((messageRequest) => ({ host: "h", messageRequest }) as Question));
  for await (const one of asked.serverReflectionInfo(requests)) found.push(one.messageResponse);
  return found;
}

/** The files of the answer to one question, by name; an error as its code. */
async function files(question: Question["messageRequest"]): Promise<readonly string[] | number> {
  const [answer] = await answers(question);
  if (answer?.case === "errorResponse") return answer.value.errorCode;
  if (answer?.case !== "fileDescriptorResponse") throw new Error(`unexpected: ${answer?.case}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

const symbol = (value: string) => files({ case: "fileContainingSymbol", value });

describe("server reflection", () => {
  it("lists the services, its own included, whatever the text that asks", async () => {
    for (const value of ["", "*"]) {
      const [answer] = await answers({ case: "listServices", value });
      expect(answer?.case === "listServicesResponse" && answer.value.service.map(({ name }) => name)).toEqual([
        "extended.Things",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "pb.Add",
        "shop.v1.Orders",
      ]);
    }
  });

  it("gives a file with all it imports, itself first, from which the descriptors can be made again", async () => {
    const [answer] = await answers({ case: "fileByFilename", value: "extended.proto" });
    const bytes = answer?.case === "fileDescriptorResponse" ? answer.value.fileDescriptorProto : [];
    const file = bytes.map((one) => fromBinary(FileDescriptorProtoSchema, one));
    expect(file.map(({ name }) => name)).toEqual(["extended.proto", "base.proto", "google/protobuf/timestamp.proto"]);
    const made = createFileRegistry(create(FileDescriptorSetSchema, { file: file.toReversed() }));
    expect(made.getService("extended.Things")?.method["get"]?.output.typeName).toBe("base.Thing");
  });

  it("finds the file that declares a name of any kind", async () => {
    const extended = ["extended.proto", "base.proto", "google/protobuf/timestamp.proto"];
    for (const name of [
      "extended.Things",
      "extended.Things.Get",
      "extended.More",
      "extended.More.left",
      "extended.More.choice",
      "extended.More.Size",
      "extended.More.SMALL",
      "extended.More.Inner",
      "extended.More.Inner.inner_field",
      "extended.More.more",
      "extended.color",
    ])
      expect([name, await symbol(name)]).toEqual([name, extended]);
    expect(await symbol("base.Thing")).toEqual(extended.slice(1));
    expect(await symbol("base.KIND_NONE")).toEqual(extended.slice(1));
    expect(await symbol("google.protobuf.Timestamp.seconds")).toEqual(extended.slice(2));
    expect(await symbol("pb.Add.Sum")).toEqual(["add.proto"]);
    // What tools need to show our errors.
    expect(await symbol("google.rpc.ErrorInfo")).toContain("google/rpc/error_details.proto");
    expect(await symbol("grpc.reflection.v1.ErrorResponse")).toEqual(["grpc/reflection/v1/reflection.proto"]);
  });

  it("answers what it does not know with an error in its place", async () => {
    for (const name of ["nobody", "pb", "pb.Add.sum", "pb.", "", "__proto__", "constructor", ".pb.Add"])
      expect([name, await symbol(name)]).toEqual([name, 5]);
    expect(await files({ case: "fileByFilename", value: "../etc/passwd" })).toBe(5);
    expect(await files({ case: undefined })).toBe(3);
    const [no] = await answers({ case: "fileContainingSymbol", value: "pb.Nothing" });
    expect(no?.value).toMatchObject({ errorCode: 5, errorMessage: "no symbol pb.Nothing" });
  });

  it("knows extensions by the message and the number, and all numbers of a message in order", async () => {
    const extension = (containingType: string, extensionNumber: number) =>
      files({ case: "fileContainingExtension", value: { containingType, extensionNumber } } as never);
    expect(await extension("base.Thing", 101)).toContain("extended.proto");
    expect(await extension("base.Thing", 102)).toBe(5);
    expect(await extension("base.Nothing", 101)).toBe(5);
    const numbers = async (value: string) => (await answers({ case: "allExtensionNumbersOfType", value }))[0]?.value;
    expect(await numbers("base.Thing")).toMatchObject({ baseTypeName: "base.Thing", extensionNumber: [101, 120] });
    expect(await numbers("extended.More")).toMatchObject({ baseTypeName: "extended.More", extensionNumber: [] });
    expect(await numbers("base.Nothing")).toMatchObject({ errorCode: 5 });
  });

  it("answers in the order asked, each with its question, on one stream", async () => {
    const questions = ["pb.Add", "nobody", "base.Thing"].map((value) => ({
      host: "h",
      messageRequest: { case: "fileContainingSymbol" as const, value },
    }));
    const got = [];
    for await (const one of asked.serverReflectionInfo(all(...questions)))
      got.push([one.validHost, one.originalRequest?.messageRequest.value, one.messageResponse.case]);
    expect(got).toEqual([
      ["h", "pb.Add", "fileDescriptorResponse"],
      ["h", "nobody", "errorResponse"],
      ["h", "base.Thing", "fileDescriptorResponse"],
    ]);
  });

  it("ends its streams when the server drains, and begins none", async () => {
    const own = reflection([Add]);
    const remote = client(proto(ServerReflection), local(own.implementations[0]!));
    const question = { messageRequest: { case: "listServices" as const, value: "" } };
    async function* askOnce() {
      yield question;
      await new Promise(() => undefined);
    }
    const open = remote.serverReflectionInfo(askOnce())[Symbol.asyncIterator]();
    expect((await open.next()).done).toBe(false);
    const last = open.next();
    own.drain();
    expect(await last).toMatchObject({ done: true });
    for await (const { $typeName } of remote.serverReflectionInfo(all(question))) expect.unreachable($typeName);
  });

  it("lists a service once, though somebody serves it himself", async () => {
    const own = client(proto(ServerReflection), local(reflection([Add, Add, ServerReflection]).implementations[0]!));
    const question = { messageRequest: { case: "listServices" as const, value: "" } };
    for await (const { messageResponse } of own.serverReflectionInfo(all(question)))
      expect(messageResponse.case === "listServicesResponse" && messageResponse.value.service.length).toBe(3);
  });

  it("says the same under its older name", async () => {
    const messageRequest = {
      case: "fileContainingExtension" as const,
      value: { containingType: "base.Thing", extensionNumber: 120 },
    };
    for await (const { $typeName, originalRequest, messageResponse } of alpha.serverReflectionInfo(
      all({ messageRequest }),
    )) {
      expect($typeName).toBe("grpc.reflection.v1alpha.ServerReflectionResponse");
      expect(originalRequest?.messageRequest).toMatchObject(messageRequest);
      expect(messageResponse.case).toBe("fileDescriptorResponse");
    }
    expect.assertions(3);
  });

  it("does not hold up a server that stops", async () => {
    const on = [grpcServer({ port: 0, host: "127.0.0.1" })];
    const running = await serve(ourAdd(), { on, log: false, signals: false, drainMs: 60_000 });
    await using remote = client(proto(ServerReflection), grpcClient({ connectTimeoutMs: 60_000 }), {
      from: running.addresses[0]!,
      timeoutMs: 60_000,
    });
    const question = { messageRequest: { case: "listServices" as const, value: "" } };
    async function* askOnce() {
      yield question;
      await new Promise(() => undefined);
    }
    const open = remote.serverReflectionInfo(askOnce())[Symbol.asyncIterator]();
    expect((await open.next()).done).toBe(false);
    const last = open.next();
    expect(await running.stop()).toBe(0);
    expect(await last).toMatchObject({ done: true });
  });
});
