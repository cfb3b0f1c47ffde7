/**
 * How one method is served: all that can be built before the first call is.
 *
 * @module
 */
import type { OutgoingHttpHeaders } from "node:http2";
import type { BoundMethod } from "../bind.ts";
import type { Hooks } from "../hooks.ts";
import type { Limits } from "../limits.ts";
import type { MessageWire, Rpc } from "../protobuf/rpc.ts";
import { CODINGS } from "./compression.ts";
import type { GrpcReply, GrpcRequest } from "./server-message.ts";

/** What the methods of one server share. */
export interface PlanSettings {
  readonly limits: Limits;
  readonly compress: boolean;
  readonly hooks: Hooks<GrpcRequest, GrpcReply>;
}

/** One method's way of being served. */
export interface GrpcPlan extends PlanSettings {
  readonly bound: BoundMethod;
  readonly request: MessageWire;
  readonly response: MessageWire;
  readonly writeError: Rpc["writeError"];
  readonly takesMany: boolean;
  readonly answersMany: boolean;
}

/** The content type of answers: gRPC's own, whichever of its names the caller used. */
const CONTENT_TYPE = "application/grpc";

/** The head of an answer without metadata. */
export const HEAD: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": CONTENT_TYPE,
  "grpc-accept-encoding": CODINGS,
};

/** The same of one whose messages may be compressed. */
export const PACKED_HEAD: OutgoingHttpHeaders = { ...HEAD, "grpc-encoding": "gzip" };

/** The trailers of an answer that went well. */
export const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": "0" };

/** The plan of a method. */
export function planOf(bound: BoundMethod, rpc: Rpc, settings: PlanSettings): GrpcPlan {
  const { kind } = bound.info;
  return {
    ...settings,
    bound,
    request: rpc.request,
    response: rpc.response,
    writeError: rpc.writeError,
    takesMany: kind === "client" || kind === "bidi",
    answersMany: kind === "server" || kind === "bidi",
  };
}

const nothing: MessageWire = {
  read: () => undefined,
  write: () => new Uint8Array(0),
};

/** The plan of calls that fit no method. */
export function otherPlan(bound: BoundMethod, settings: PlanSettings): GrpcPlan {
  return {
    ...settings,
    bound,
    request: nothing,
    response: nothing,
    writeError: undefined,
    takesMany: false,
    answersMany: false,
  };
}
