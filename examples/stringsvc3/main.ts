/**
 * stringsvc3: the string service, where other instances may do the upper case. They are listed, or found in Consul.
 *
 * @module
 */
import { logger } from "servicekit/log";
import { registry } from "servicekit/metrics";
import { serve } from "servicekit/server";
import { announced, instances } from "../consul.ts";
import { address, flags, milliseconds } from "../flags.ts";
import { instrumenting, logging } from "../stringsvc2/middleware.ts";
import { basic, strings } from "../stringsvc2/service.ts";
import { goHttp } from "../stringsvc2/transport.ts";
import { proxy } from "./proxy.ts";

const options = flags("stringsvc3 [flags]", {
  listen: [":8080", "HTTP listen address"],
  proxy: ["", "Instances that uppercase is proxied to: url,url, or consul"],
  "proxy.timeout": ["250ms", "Time of a proxied call, all attempts together"],
  "consul.addr": ["", "Consul's agent, to be known there as stringsvc"],
});

// Whoever proxies asks those that work themselves: two who proxy would else ask each other.
const WORKS = ["works"];

const agent = options["consul.addr"];
const isProxy = options.proxy !== "";
const log = logger({ format: "logfmt" });
log.info("", { proxy_to: isProxy ? `[${options.proxy.split(",").join(" ")}]` : "none" });

const metrics = registry();
const use = [logging, instrumenting(metrics)];
const methods = { uppercase: { use }, count: { use } };

const workers = () => instances("stringsvc", { list: options.proxy, agent, tags: WORKS });
await using remote = isProxy ? proxy(workers(), milliseconds(options["proxy.timeout"])) : undefined;
const handlers = remote === undefined ? basic : { ...basic, uppercase: remote.uppercase };

const running = await serve(strings.implement(handlers, { methods }), {
  on: [goHttp(address(options.listen))],
  tasks: announced({ service: "stringsvc", agent, tags: isProxy ? [] : WORKS, log }),
  log,
  metrics,
});
await running.done;
