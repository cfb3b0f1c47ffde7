import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { served } from "../../../test/served.ts";
import { client, close } from "../../client/index.ts";
import { error, type ServiceError } from "../../errors/index.ts";
import { httpClient, routes, type HttpServerOptions } from "../http/index.ts";
import { proto, protobufBinary } from "./index.ts";
import { Add, SumReplySchema, SumRequestSchema } from "./testdata/gen/add_pb.ts";

// What Go kit's transport/http/proto puts on the wire: any verb and path, `application/x-protobuf` both ways, no length, no
// Accept, and whatever the error encoder says in the end.

const twoZeroes = error("two_zeroes", { code: "invalid_argument", message: "can't sum two zeroes" });
const add = proto(Add, { methods: { sum: { errors: [twoZeroes] } } });
const table = routes(add, { sum: { path: "POST /sum", codec: protobufBinary } });
function uncalled(): never {
  throw new TypeError("this test does not call it");
}
const summing = add.implement({
  sum: ({ a, b }) => (a === 0n && b === 0n ? twoZeroes() : { v: a + b }),
  concat: uncalled,
  count: uncalled,
  total: uncalled,
  running: uncalled,
});
const serving = (options: Partial<HttpServerOptions> = {}) => served(summing, { routes: [table], ...options });

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** As Go's client does it: chunked. */
function post(address: string, body: Uint8Array, more: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-protobuf", "transfer-encoding": "chunked", ...more };
    const request = httpRequest(`${address}/sum`, { method: "POST", headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) }),
      );
    });
    request.on("error", reject).write(body);
    request.end();
  });
}

describe("a client of Go kit's kind", () => {
  it("is answered in binary, without having said what it accepts", async () => {
    await using server = await serving();
    const bytes = toBinary(SumRequestSchema, create(SumRequestSchema, { a: 2n ** 62n, b: -1n }));
    const { status, headers, body } = await post(server.address, bytes);
    expect([status, headers["content-type"]]).toEqual([200, "application/x-protobuf"]);
    expect(fromBinary(SumReplySchema, body).v).toBe(2n ** 62n - 1n);
  });

  it("hears of errors as a problem, or in the form that Go kit's own encoder has", async () => {
    const zeroes = toBinary(SumRequestSchema, create(SumRequestSchema));
    await using server = await serving();
    const problem = await post(server.address, new Uint8Array([8, 0]));
    expect([problem.status, problem.headers["content-type"], JSON.parse(problem.body.toString())]).toMatchObject([
      400,
      "application/problem+json",
      { reason: "two_zeroes", detail: "can't sum two zeroes" },
    ]);
    expect(
      (JSON.parse((await post(server.address, new Uint8Array([255]))).body.toString()) as ServiceError).reason,
    ).toBe("malformed_message");
    await using plain = await serving({
      errorEncoder(failure, reply) {
        reply.status = 500;
        reply.header("content-type", "text/plain; charset=utf-8");
        reply.body = failure.message;
      },
    });
    const { status, headers, body } = await post(plain.address, Buffer.concat([zeroes, new Uint8Array([8, 0])]));
    expect([status, headers["content-type"], body.toString()]).toEqual([
      500,
      "text/plain; charset=utf-8",
      "can't sum two zeroes",
    ]);
  });

  it("may ask for gzip", async () => {
    await using server = await serving({ compress: { minBytes: 1 } });
    const bytes = toBinary(SumRequestSchema, create(SumRequestSchema, { a: 1n, b: 2n }));
    const { headers, body } = await post(server.address, bytes, { "accept-encoding": "gzip;q=1, identity;q=0" });
    expect([headers["content-encoding"], fromBinary(SumReplySchema, gunzipSync(body)).v]).toEqual(["gzip", 3n]);
  });
});

describe("a server of Go kit's kind", () => {
  it("is called in binary, and its errors are read by their status", async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const { a, b } = fromBinary(SumRequestSchema, Buffer.concat(pieces));
        seen.push([request.method, request.url, request.headers["content-type"]]);
        if (a === 0n) response.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end("boom");
        else
          response
            .writeHead(200, { "content-type": "application/x-protobuf" })
            .end(toBinary(SumReplySchema, create(SumReplySchema, { v: a + b })));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const remote = client(add, httpClient({ routes: [table] }), { from: `http://127.0.0.1:${port}` });
    expect((await remote.sum({ a: 40n, b: 2n })).v).toBe(42n);
    await expect(remote.sum({ a: 0n, b: 2n })).rejects.toMatchObject({ code: "internal", origin: "peer" });
    expect(seen[0]).toEqual(["POST", "/sum", "application/x-protobuf"]);
    await close(remote);
    server.close();
    server.closeAllConnections();
  });
});
