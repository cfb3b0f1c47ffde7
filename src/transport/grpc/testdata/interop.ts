/**
 * The service pb.Add as every peer of the interop tests serves and calls it: metadata say what a call should meet.
 *
 * x-echo, x-echo-bin: come back before the answer. x-wait-ms: the answer takes that long, unless the call is called off,
 * which is counted. x-fail: the call fails with this status; x-details-bin: its google.rpc.Status. `concat` of "canceled?"
 * gives the count, of "remaining?" the seconds until the deadline. Trailers hold x-trailing and x-trailing-bin.
 *
 * @module
 */
import { anyPack } from "@bufbuild/protobuf/wkt";
import { create, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { ServiceError } from "../../../errors/index.ts";
import type { Context } from "../../../endpoint/index.ts";
import type { Implementation } from "../../../contract/index.ts";
import { proto } from "../../protobuf/index.ts";
import { Add } from "../../protobuf/testdata/gen/add_pb.ts";
import { codeOf } from "../status.ts";
import type { GrpcReply } from "../server-message.ts";
import { ErrorInfoSchema, RetryInfoSchema, StatusSchema } from "./gen/status_pb.ts";

/** The message of every failure: what percent-encoding has to carry. */
export const MESSAGE = "zu weit: ä → ☃ 100%";

/** What a caller saw of a failure; the names of the codes as gRPC has them. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly trailing: Readonly<Record<string, string>>;
}

/** What a caller saw of the service. */
export interface Said {
  /** 2⁶²−1. */
  readonly sum: string;
  readonly metadata: {
    readonly v: number;
    readonly initial: Readonly<Record<string, string>>;
    readonly trailing: Readonly<Record<string, string>>;
  };
  readonly error: Failure;
  readonly unknown: Failure;
  readonly deadline: Failure;
  readonly deadlineMs: number;
  readonly cancel: string;
  /** Seconds, of five. */
  readonly remaining: number;
  /** Characters, of a compressed request. */
  readonly gzip: number;
  /** The code of a request of 2 MiB. */
  readonly tooLarge: string;
  readonly count: readonly number[];
  /** How many of 2000. */
  readonly many: number;
  /** The first of a million, before the caller left. */
  readonly first: number;
  /** 1 to 100. */
  readonly total: number;
  readonly running: readonly number[];
  readonly streamError: Failure;
  /** How many calls were called off: the deadline, the cancellation. */
  readonly canceled: number;
}

/** A server of another implementation. */
export interface Peer extends AsyncDisposable {
  readonly url: string;
}

/** A google.rpc.Status as other libraries write it. */
export function statusBytes(code: number): Uint8Array {
  const details = [
    anyPack(ErrorInfoSchema, make(ErrorInfoSchema, { reason: "TOO_WIDE", domain: "example.org" })),
    anyPack(RetryInfoSchema, make(RetryInfoSchema, { retryDelay: { seconds: 2n, nanos: 500_000_000 } })),
  ];
  return toBinary(StatusSchema, create(StatusSchema, { code, message: MESSAGE, details }));
}

function make<D extends DescMessage>(desc: D, init: MessageInitShape<D>) {
  return create(desc, init);
}

/** Our own implementation of it. */
export function ourAdd(): Implementation {
  let canceled = 0;
  async function around(context: Context): Promise<void> {
    const wait = context.metadata("x-wait-ms");
    if (wait !== undefined) {
      // Nothing ends it but its caller.
      await new Promise<void>((resolve) =>
        context.onCancel(() => {
          canceled++;
          resolve();
        }),
      );
    }
    for (const name of ["x-echo", "x-echo-bin"]) {
      const value = context.metadata(name);
      if (value !== undefined) context.reply.set(name, value);
    }
    const status = context.metadata("x-fail");
    if (status !== undefined) {
      const code = codeOf(Number(status));
      throw new ServiceError(MESSAGE, { code, reason: "too_wide", retryAfterMs: 2500, details: { limit: 3 } });
    }
  }
  return proto(Add).implement({
    async sum({ a, b }, context) {
      await around(context);
      return { v: a + b };
    },
    async concat({ a, b }, context) {
      await around(context);
      if (a === "canceled?") return { v: String(canceled) };
      if (a === "remaining?") return { v: String((context.deadlineMs - context.startMs) / 1000) };
      return { v: a + b };
    },
    async *count({ a }, context) {
      await around(context);
      for (let v = 1n; v <= a; v++) yield { v };
    },
    async total(requests, context) {
      await around(context);
      let v = 0n;
      for await (const { a } of requests) v += a;
      return { v };
    },
    async *running(requests, context) {
      await around(context);
      let v = 0n;
      for await (const { a } of requests) yield { v: (v += a) };
    },
  });
}

/** Sets the trailers of our own answers: an after hook. */
export function trailing(_: Context, reply: GrpcReply): void {
  reply.trailers.set("x-trailing", "t");
  reply.trailers.set("x-trailing-bin", "AP8=");
}
