/**
 * The gateway's own wire: both services under one roof, in Go kit's JSON.
 *
 * @module
 */
import { httpServer, routes, type ListenOptions } from "servicekit/transport/http";
import { add } from "../addsvc/service.ts";
import { goError, goJson } from "../addsvc/transport.ts";
import { emptyString, strings } from "../stringsvc2/service.ts";

/** Business errors are 400, where Go kit's gateway says 500; the string service has its own inside a 200. */
export const gatewayHttp = (options: ListenOptions) =>
  httpServer({
    ...options,
    routes: [
      routes(add, { sum: "/addsvc/sum", concat: "/addsvc/concat" }),
      routes(strings, { uppercase: "/stringsvc/uppercase", count: "/stringsvc/count" }),
    ],
    codecs: [goJson],
    errorEncoder(error, reply) {
      goError(error, reply);
      if (!emptyString.is(error)) return;
      reply.status = 200;
      reply.body = `${JSON.stringify({ v: "", err: error.message })}\n`;
    },
  });
