/**
 * stringsvc4: the string service over NATS, and HTTP in front of it: what comes over HTTP is asked over NATS, of whichever
 * instance is free.
 *
 * @module
 */
import { client } from "servicekit/client";
import { logger } from "servicekit/log";
import { serve } from "servicekit/server";
import { address, flags } from "../flags.ts";
import { basic, strings } from "../stringsvc2/service.ts";
import { goHttp, goNats, goNatsClient } from "./transport.ts";

const options = flags("stringsvc4 [flags]", {
  listen: [":8080", "HTTP listen address"],
  "nats-url": ["nats://127.0.0.1:4222", "URL of NATS"],
});

const log = logger({ format: "logfmt" });
const behind = await serve(strings.implement(basic), { on: [goNats(options["nats-url"])], log, signals: false });

// A client of a contract is an implementation of it.
const remote = client(strings, goNatsClient(), { from: options["nats-url"] });
const front = await serve(strings.implement(remote), { on: [goHttp(address(options.listen))], log });

await front.done;
await remote[Symbol.asyncDispose]();
await behind.stop();
