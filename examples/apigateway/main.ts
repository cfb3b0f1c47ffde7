/**
 * apigateway: the add service and the string service behind one address. Their instances are found in Consul, or listed.
 *
 * @module
 */
import { logger } from "servicekit/log";
import { serve } from "servicekit/server";
import { instances } from "../consul.ts";
import { address, flags, milliseconds } from "../flags.ts";
import { gateway } from "./gateway.ts";
import { gatewayHttp } from "./transport.ts";

const options = flags("apigateway [flags]", {
  "http.addr": [":8000", "HTTP listen address"],
  "consul.addr": ["", "Consul's agent; without it, the one at 127.0.0.1:8500"],
  "retry.max": ["3", "Attempts of a call, each at another instance"],
  "retry.timeout": ["500ms", "Time of a call, all attempts together"],
  addsvc: ["consul", "Instances of addsvc: host:port,host:port, or consul"],
  stringsvc: ["consul", "Instances of stringsvc: host:port,host:port, or consul"],
});

const agent = options["consul.addr"];
await using services = gateway({
  addsvc: instances("addsvc", { list: options.addsvc, agent }),
  stringsvc: instances("stringsvc", { list: options.stringsvc, agent }),
  tries: Number(options["retry.max"]),
  timeoutMs: milliseconds(options["retry.timeout"]),
});
const running = await serve(services.services, {
  on: [gatewayHttp(address(options["http.addr"]))],
  log: logger({ format: "logfmt" }),
});
await running.done;
