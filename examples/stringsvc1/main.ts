/**
 * stringsvc1: Go kit's first example, the least there can be of a service: a contract, its functions, a server.
 *
 * @module
 */
import { error, method, service } from "servicekit";
import { serve } from "servicekit/server";
import { json } from "servicekit/transport";
import { httpServer, routes } from "servicekit/transport/http";
import { z } from "zod";
import { address, flags } from "../flags.ts";

const { listen } = flags("stringsvc1 [flags]", { listen: [":8080", "HTTP listen address"] });

const emptyString = error("empty_string", { code: "invalid_argument", message: "empty string" });
const request = z.object({ s: z.string().default("") });

const strings = service("strings", {
  uppercase: method({ request, response: z.object({ v: z.string() }), errors: [emptyString], idempotent: true }),
  count: method({ request, response: z.object({ v: z.int() }), idempotent: true }),
});

const implementation = strings.implement({
  uppercase: ({ s }) => (s === "" ? emptyString() : { v: s.toUpperCase() }),
  count: ({ s }) => ({ v: Buffer.byteLength(s) }),
});

// What follows is Go kit's wire: any verb, any content type, a newline behind, an error inside a 200, and 500 for a body
// that cannot be read.
const text = "text/plain; charset=utf-8";
const http = httpServer({
  ...address(listen),
  routes: [routes(strings, { uppercase: "/uppercase", count: "/count" })],
  codecs: [{ ...json, mediaType: "*/*", contentType: text }],
  after: [(_context, reply) => void (reply.body += "\n")],
  errorEncoder(error, reply) {
    const isAnswer = emptyString.is(error);
    reply.status = isAnswer ? 200 : reply.status === 400 ? 500 : reply.status;
    reply.header("content-type", text);
    reply.body = isAnswer ? `${JSON.stringify({ v: "", err: error.message })}\n` : error.message;
  },
});

await serve(implementation, { on: [http] });
