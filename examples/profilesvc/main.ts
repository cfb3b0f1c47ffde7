/**
 * profilesvc: profiles in memory, over REST.
 *
 * @module
 */
import { logger } from "servicekit/log";
import { serve } from "servicekit/server";
import { address, flags } from "../flags.ts";
import { logging } from "./middleware.ts";
import { inMemory, profiles } from "./service.ts";
import { restServer } from "./transport.ts";

const options = flags("profilesvc [flags]", {
  "http.addr": [":8080", "HTTP listen address"],
});

const methods = Object.fromEntries(Object.keys(profiles.methods).map((name) => [name, { use: [logging] }]));

await serve(profiles.implement(inMemory(), { methods }), {
  on: [restServer(address(options["http.addr"]))],
  log: logger({ format: "logfmt" }),
});
