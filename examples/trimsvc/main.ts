/**
 * trimsvc: takes the spaces out of a text, over gRPC. Two of them are better than one.
 *
 * @module
 */
import { logger } from "servicekit/log";
import { serve } from "servicekit/server";
import { grpcServer } from "servicekit/transport/grpc";
import { announced } from "../consul.ts";
import { address, flags } from "../flags.ts";
import { basic, trim } from "./service.ts";

const options = flags("trimsvc [flags]", {
  "grpc-addr": [":8085", "gRPC listen address"],
  "consul.addr": ["", "Consul's agent, to be known there as trimsvc"],
});

const log = logger({ format: "logfmt" });
await serve(trim.implement(basic), {
  on: [grpcServer(address(options["grpc-addr"]))],
  tasks: announced({ service: "trimsvc", agent: options["consul.addr"], log }),
  log,
});
