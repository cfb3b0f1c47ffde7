/**
 * The way to one instance over gRPC: one sender for each method, prepared once.
 *
 * @module
 */
import type { AnyService } from "../../contract/index.ts";
import { policyError } from "../../errors/index.ts";
import type { Channel, StreamSender, UnarySender } from "../client.ts";
import type { ClientHooks } from "../client-hooks.ts";
import type { RpcService } from "../protobuf/rpc.ts";
import type { GrpcClientRequest, GrpcClientResponse } from "./client-answer.ts";
import type { Headers } from "./client-draft.ts";
import type { MethodPlan } from "./client-exchange.ts";
import { AnswerStream } from "./client-stream.ts";
import { CollectExchange, UnaryExchange } from "./client-unary.ts";
import type { Way } from "./client-way.ts";

/** What all methods of a client share. */
export interface ChannelOptions {
  readonly service: AnyService;
  readonly wires: RpcService;
  readonly metadata: Headers | undefined;
  readonly compressBytes: number | undefined;
  readonly hooks: ClientHooks<GrpcClientRequest, GrpcClientResponse>;
}

/** Makes the channel to one instance. */
export function grpcChannel(way: Way, options: ChannelOptions): Channel {
  function planOf(name: string): MethodPlan | undefined {
    const { service, wires, metadata, compressBytes, hooks } = options;
    const rpc = wires.rpcs.get(name);
    if (rpc === undefined) return undefined;
    const { secure, authority } = way.options.place;
    return {
      way,
      head: {
        scheme: secure ? "https" : "http",
        authority,
        path: rpc.path,
        encoding: compressBytes === undefined ? undefined : "gzip",
        metadata,
      },
      request: rpc.request,
      response: rpc.response,
      compressBytes,
      idempotent: service.methods[name]!.idempotent,
      hooks,
    };
  }
  return {
    unary(name): UnarySender {
      const plan = planOf(name);
      // A foreign mapping left it out.
      if (plan === undefined) return () => Promise.reject(policyError("unknown_method"));
      const Kind = options.service.methods[name]!.kind === "client" ? CollectExchange : UnaryExchange;
      return function send(request, call) {
        return new Promise((resolve, reject) => new Kind(plan, { request, call, resolve, reject }).start());
      };
    },
    stream(name): StreamSender {
      const plan = planOf(name);
      return function send(request, call) {
        if (plan === undefined) throw policyError("unknown_method");
        return new AnswerStream(plan, request, call);
      };
    },
    close: () => way.close(),
  };
}
