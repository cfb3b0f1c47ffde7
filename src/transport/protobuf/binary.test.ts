import { create, toBinary, type DescMessage } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { served, type Served } from "../../../test/served.ts";
import { client, close } from "../../client/index.ts";
import { method, type Implementation, type Shape } from "../../contract/index.ts";
import { backgroundContext } from "../../endpoint/index.ts";
import { json, type Codec } from "../codec.ts";
import { httpCall, httpClient, routes, type HttpClientResponse, type Routes } from "../http/index.ts";
import { limitsOf } from "../limits.ts";
import { proto, protobufBinary } from "./index.ts";
import { Add, SumReplySchema, SumRequestSchema } from "./testdata/gen/add_pb.ts";
import { Orders, OrderSchema, Status } from "./testdata/gen/order_pb.ts";

const add = proto(Add);
const orders = proto(Orders);
const { request, response } = orders.methods.echo;
const read = (shape: Shape, bytes: Uint8Array): unknown => protobufBinary.reader(shape, limitsOf())(bytes);
const write = (shape: Shape, value: unknown): Uint8Array =>
  protobufBinary.writer(shape, "message")(value) as Uint8Array;

describe("the binary codec", () => {
  it("writes init objects and messages, and reads what passes as it is", () => {
    const init = {
      id: "7",
      status: 99 as Status,
      payment: { case: "points", value: 2n ** 64n - 1n },
      note: "",
    } as const;
    const message = create(OrderSchema, init);
    for (const value of [init, message]) {
      const bytes = write(request, value);
      expect(bytes).toEqual(toBinary(OrderSchema, message));
      const wire = read(request, bytes);
      const { value: validated } = request.validate(wire) as { value: unknown };
      expect(validated).toEqual(message);
      expect(validated, "no copy is made of it").toBe(wire);
    }
  });

  it("reads no bytes as the message with no field set", () => {
    expect(request.validate(read(request, new Uint8Array()))).toEqual({ value: create(OrderSchema) });
  });

  it("trusts the message it has read last, once, and looks at any other", () => {
    const bytes = write(request, { id: "7" });
    const [first, second] = [read(request, bytes), read(request, bytes)];
    for (const wire of [first, second, second])
      expect(request.validate(wire)).toEqual({ value: create(OrderSchema, { id: "7" }) });
    Object.assign(second as object, { numbers: ["x"] });
    expect(request.validate(second)).toHaveProperty("issues");
  });

  it("neither reads nor writes a field that is not declared", () => {
    // Field 1000, which the message does not have, as a newer peer may send it.
    const bytes = new Uint8Array([...toBinary(OrderSchema, create(OrderSchema, { id: "7" })), 0xc2, 0x3e, 1, 65]);
    expect(write(response, read(response, bytes))).toEqual(write(response, { id: "7" }));
    const message = create(OrderSchema, { id: "7" });
    message.$unknown = [{ no: 1000, wireType: 2, data: new Uint8Array([1, 65]) }];
    expect(write(response, message)).toEqual(write(response, { id: "7" }));
    expect(write(response, { id: "7", password: "hunter2" })).toEqual(write(response, { id: "7" }));
  });

  it("refuses what is no such message, and says whose fault it is", () => {
    for (const wrong of [undefined, null, 5, { serial: -1n }, { numbers: ["x"] }]) {
      expect(() => write(request, wrong)).toThrow(expect.objectContaining({ reason: "invalid_request" }) as Error);
      expect(() => write(response, wrong)).toThrow(expect.objectContaining({ reason: "invalid_response" }) as Error);
    }
  });

  it.each([
    ["a length past the end", [0x0a, 0x7f, 65]],
    ["a length of 2^31-1", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07]],
    ["a negative length", [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["an endless varint", [0x10, ...new Uint8Array(11).fill(0xff)]],
    ["an end in the middle", [0x10]],
    ["field number 0", [0x00, 0x00]],
    ["a wire type that does not exist", [0x0f]],
    ["a text that is not UTF-8", [0x0a, 0x01, 0xff]],
    ["a group that never ends", [0x1b]],
  ])("refuses %s as malformed", (_, bytes) => {
    expect(() => read(request, new Uint8Array(bytes))).toThrow(
      expect.objectContaining({ reason: "malformed_message" }) as Error,
    );
  });

  it("refuses messages that nest deeper than the limit", () => {
    let part: object = {};
    for (let i = 0; i < 70; i++) part = { parts: [part] };
    const bytes = write(request, { items: [part] });
    expect(() => read(request, bytes)).toThrow(expect.objectContaining({ reason: "malformed_message" }) as Error);
    expect(protobufBinary.reader(request, limitsOf({ maxDepth: 100 }))(bytes)).toMatchObject({
      items: [{ parts: [{}] }],
    });
  });

  it("reads or refuses any bytes, and never throws anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let wire: unknown;
        try {
          wire = read(request, bytes);
        } catch (error) {
          expect(error).toMatchObject({ reason: "malformed_message" });
          return;
        }
        expect(request.validate(wire)).not.toHaveProperty("issues");
      }),
      { numRuns: 2000 },
    );
  });

  it("writes the JSON form of a whole message where a transport has made it already, and no part of one", () => {
    const derived = { ...request, toJson: (value: unknown) => value };
    expect(write(derived, { id: "7", points: "5" })).toEqual(
      write(request, { id: "7", payment: { case: "points", value: 5n } }),
    );
    const refused = expect.objectContaining({ reason: "invalid_request" }) as Error;
    expect(() => write(derived, { numbers: ["x"] })).toThrow(refused);
    expect(() => write({ ...derived, jsonSchema: () => ({ type: "string" }) }, "7")).toThrow(
      "should be a whole shop.v1.Order",
    );
  });

  it("refuses a message that is not protobuf's, naming it", () => {
    const plain = method({ request: z.object({}), response: z.object({}) });
    expect(() => protobufBinary.writer(plain.response, "plain.echo response")).toThrow(
      "plain.echo response: should be a message of a contract made by proto() to be written in binary",
    );
  });
});

describe("binary over HTTP", () => {
  const open: (() => PromiseLike<unknown>)[] = [];
  afterEach(async () => {
    for (const end of open.splice(0).toReversed()) await end();
  });

  const sums = add.implement({
    sum: ({ a, b }) => ({ v: a + b }),
    concat: ({ a, b }) => ({ v: a + b }),
    count: () => each(),
    total: () => ({}),
    running: () => each(),
  });
  const echo = orders.implement({
    echo: (order) => order,
    find: ({ id, after }) => ({ id, stock: { after } }),
    ping: () => ({}),
  });

  async function* each(): AsyncGenerator<{ v: bigint }> {}

  async function serving(what: Implementation, bindings: readonly Routes[] = []): Promise<Served> {
    const standard: Codec = {
      ...protobufBinary,
      mediaType: "application/protobuf",
      contentType: "application/protobuf",
    };
    const server = await served(what, { routes: bindings, codecs: [json, protobufBinary, standard] });
    open.push(() => server[Symbol.asyncDispose]());
    return server;
  }

  function bytesOf<D extends DescMessage>(desc: D, init: Parameters<typeof create<D>>[1]): Uint8Array {
    return toBinary(desc, create(desc, init));
  }

  it("is spoken to those who speak it, beside JSON, under either name", async () => {
    const { address } = await serving(sums);
    const ask = (headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<HttpClientResponse> =>
      httpCall<Uint8Array, HttpClientResponse>({
        verb: "POST",
        url: `${address}/pb.Add/sum`,
        headers,
        encode: (bytes, http) => (http.body = bytes),
        decode: (response) => response,
        accepts: () => true,
      })(body, backgroundContext()) as Promise<HttpClientResponse>;
    const body = bytesOf(SumRequestSchema, { a: 2n ** 60n, b: 1n });
    for (const type of ["application/x-protobuf", "application/protobuf"]) {
      const answer = await ask({ "content-type": type }, body);
      expect(answer.header("content-type")).toBe(type);
      expect(new Uint8Array(answer.body!)).toEqual(bytesOf(SumReplySchema, { v: 2n ** 60n + 1n }));
    }
    const headers = { "content-type": "application/x-protobuf", accept: "application/json" };
    expect((await ask(headers, body)).json()).toEqual({ v: String(2n ** 60n + 1n) });
    const broken = await ask(headers, new Uint8Array([8]));
    expect(broken.status).toBe(400);
    expect(broken.json()).toMatchObject({ reason: "malformed_message", detail: "the body is no pb.SumRequest" });
  });

  it("carries messages both ways, empty ones too", async () => {
    const remote = client(orders, httpClient({ codec: protobufBinary }), {
      from: (await serving(echo)).address,
      log: false,
    });
    open.push(() => close(remote));
    const init = { status: Status.SENT, byShelf: { 3: { name: "n" } }, seal: new Uint8Array([0, 255]), note: "" };
    expect(await remote.echo(init)).toEqual(create(OrderSchema, init));
    expect(await remote.echo({})).toEqual(create(OrderSchema));
  });

  it("goes with a route that takes some fields from elsewhere, on both sides", async () => {
    const found = routes(orders, { find: { path: "POST /orders/{id}", body: "*" } });
    const { address } = await serving(echo, [found]);
    const remote = client(orders, httpClient({ codec: protobufBinary, routes: [found] }), {
      from: address,
      log: false,
    });
    open.push(() => close(remote));
    expect(await remote.find({ id: "7", after: 2n ** 60n })).toMatchObject({ id: "7", stock: { after: 2n ** 60n } });
  });

  it("refuses a route whose body is one field", () => {
    const mode = routes(orders, { echo: { path: "POST /echo/{id}", body: "items" } });
    const transport = httpClient({ codec: protobufBinary, routes: [mode] });
    expect(() => client(orders, transport, { from: "http://127.0.0.1:1", log: false })).toThrow(
      "should be a whole shop.v1.Order to be written in binary",
    );
  });
});
