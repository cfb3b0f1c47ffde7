/**
 * stringsvc2: the string service with a line and numbers per call.
 *
 * @module
 */
import { debugServer } from "servicekit/debug";
import { logger } from "servicekit/log";
import { registry } from "servicekit/metrics";
import { serve } from "servicekit/server";
import { address, flags } from "../flags.ts";
import { instrumenting, logging } from "./middleware.ts";
import { basic, strings } from "./service.ts";
import { goHttp } from "./transport.ts";

const options = flags("stringsvc2 [flags]", {
  listen: [":8080", "HTTP listen address"],
  // Go kit's serves its metrics to everybody, on the service's own port.
  debug: [":8090", "Debug and metrics listen address"],
});

const metrics = registry();
const use = [logging, instrumenting(metrics)];

await serve(strings.implement(basic, { methods: { uppercase: { use }, count: { use } } }), {
  on: [goHttp(address(options.listen)), debugServer(address(options.debug))],
  log: logger({ format: "logfmt" }),
  metrics,
});
