/**
 * Go kit's messages over gRPC and Thrift: integers of 64 bits, and a business error as a text inside the reply.
 *
 * @module
 */
import { ServiceError } from "servicekit";
import * as grpc from "servicekit/transport/grpc";
import * as thrift from "servicekit/transport/thrift";
import { Add } from "./gen/addsvc_pb.ts";
import { add, overflow, tooLong, twoZeroes } from "./service.ts";

const declared = [twoZeroes(), overflow(), tooLong()];

/** The error that a reply's text stands for: one of ours, or one that Go knows alone. */
function errorOf(text: string): ServiceError {
  return declared.find(({ message }) => message === text) ?? new ServiceError(text, { code: "unknown" });
}

export const goGrpc = grpc.foreign(add, Add, {
  sum: {
    name: "sum",
    readRequest: ({ a, b }) => ({ a: Number(a), b: Number(b) }),
    writeRequest: ({ a = 0, b = 0 }) => ({ a: BigInt(a), b: BigInt(b) }),
    readResponse: ({ v, err }) => (err === "" ? { v: Number(v) } : errorOf(err)),
    writeResponse: ({ v }) => ({ v: BigInt(v) }),
    writeError: ({ message }) => ({ err: message }),
  },
  concat: {
    name: "concat",
    readRequest: ({ a, b }) => ({ a, b }),
    writeRequest: ({ a = "", b = "" }) => ({ a, b }),
    readResponse: ({ v, err }) => (err === "" ? { v } : errorOf(err)),
    writeResponse: ({ v }) => ({ v }),
    writeError: ({ message }) => ({ err: message }),
  },
});

export const goThrift = thrift.foreign(add, {
  sum: thrift.foreignMethod({
    name: "Sum",
    args: { a: [1, "i64"], b: [2, "i64"] },
    result: thrift.struct({ value: [1, "i64"], err: [2, "string"] }),
    writeRequest: ({ a = 0, b = 0 }) => ({ a, b }),
    readResponse: ({ value, err }) => (err === "" ? { v: value } : errorOf(err)),
    writeResponse: ({ v }) => ({ value: v, err: "" }),
    writeError: ({ message }) => ({ value: 0, err: message }),
  }),
  concat: thrift.foreignMethod({
    name: "Concat",
    args: { a: [1, "string"], b: [2, "string"] },
    result: thrift.struct({ value: [1, "string"], err: [2, "string"] }),
    writeRequest: ({ a = "", b = "" }) => ({ a, b }),
    readResponse: ({ value, err }) => (err === "" ? { v: value } : errorOf(err)),
    writeResponse: ({ v }) => ({ value: v, err: "" }),
    writeError: ({ message }) => ({ value: "", err: message }),
  }),
});
