/**
 * addsvc: Go kit's add service. Build the service from the inside out, then serve it on every transport.
 *
 * @module
 */
import { debugServer } from "servicekit/debug";
import { logger } from "servicekit/log";
import { registry } from "servicekit/metrics";
import { serve } from "servicekit/server";
import { tracer } from "servicekit/trace";
import type { ServerTransport } from "servicekit/transport";
import { announced, instances } from "../consul.ts";
import { address, flags } from "../flags.ts";
import { trimming, trims } from "../trimsvc/trimming.ts";
import { endpoints } from "./endpoints.ts";
import { basic, instrumenting, logging } from "./service.ts";
import { goGrpcServer, goHttp, goJsonrpc, goThriftServer } from "./transport.ts";

const options = flags("addsvc [flags]", {
  "debug.addr": [":8080", "Debug and metrics listen address"],
  "http-addr": [":8081", "HTTP listen address"],
  "grpc-addr": [":8082", "gRPC listen address"],
  "thrift-addr": [":8083", "Thrift listen address"],
  "jsonrpc-addr": [":8084", "JSON RPC listen address"],
  "nats-url": ["", "NATS to serve on, e.g. nats://127.0.0.1:4222"],
  "amqp-url": ["", "AMQP broker to serve on, e.g. amqp://127.0.0.1:5672"],
  "consul.addr": ["", "Consul's agent, to be known there as addsvc"],
  trim: ["", "Instances of trimsvc, which concat asks first: host:port,host:port, or consul"],
  strict: [false, "Drop business errors over JSON RPC, as Go kit does"],
});

const log = logger({ format: "logfmt" });
const metrics = registry();
const agent = options["consul.addr"];
await using trimsvc = options.trim === "" ? undefined : trims(instances("trimsvc", { list: options.trim, agent }));
const rules = trimsvc === undefined ? basic : trimming(basic, trimsvc);
const service = instrumenting(logging(rules), metrics);

const running = await serve(endpoints(service, metrics), {
  on: [
    debugServer(address(options["debug.addr"])),
    goHttp(address(options["http-addr"])),
    goGrpcServer(address(options["grpc-addr"])),
    goThriftServer(address(options["thrift-addr"])),
    goJsonrpc({ ...address(options["jsonrpc-addr"]), strict: options.strict }),
    ...(await brokers()),
  ],
  tasks: announced({ service: "addsvc", agent, server: 2, log }),
  log,
  metrics,
  trace: tracer({ service: "addsvc" }),
});

const [debug, http, grpc, thrift, jsonrpc] = running.addresses;
log.info("", { transport: "debug/HTTP", addr: options["debug.addr"] });
log.info("", { transport: "HTTP", addr: options["http-addr"] });
log.info("", { transport: "gRPC", addr: options["grpc-addr"] });
log.info("", { transport: "Thrift", addr: options["thrift-addr"] });
log.info("", { transport: "JSONRPC over HTTP", addr: options["jsonrpc-addr"] });
log.flush();
process.stdout.write(`
addsvc serves HTTP at ${http}, gRPC at ${grpc}, Thrift at ${thrift}, JSON-RPC at ${jsonrpc},
metrics and health at ${debug}. Try:

  curl -d '{"a":1,"b":2}' ${http}/sum
  curl -H 'content-type: application/json' -d '{"jsonrpc":"2.0","method":"concat","params":{"a":"foo","b":"bar"},"id":1}' ${jsonrpc}
  curl ${debug}/metrics

Ctrl-C drains and stops it.

`);
await running.done;

/** On a wire of our own nothing has to be said but that it is there. Their libraries are loaded when they are asked for. */
async function brokers(): Promise<ServerTransport[]> {
  const on: ServerTransport[] = [];
  const { "nats-url": nats, "amqp-url": amqp } = options;
  if (nats !== "") on.push((await import("servicekit/transport/nats")).natsServer({ servers: nats }));
  if (amqp !== "") on.push((await import("servicekit/transport/amqp")).amqpServer({ url: amqp }));
  return on;
}
