/**
 * Go kit's wire: any verb, any content type, a newline behind, an error inside a 200, and 500 for a body that cannot be
 * read.
 *
 * @module
 */
import { ServiceError } from "servicekit";
import { json } from "servicekit/transport";
import { httpServer, routes, type ListenOptions } from "servicekit/transport/http";
import { emptyString, strings } from "./service.ts";

const text = "text/plain; charset=utf-8";

export const goHttp = (options: ListenOptions) =>
  httpServer({
    ...options,
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

/** Throws the error that an answer of Go kit's holds as a text. */
export function thrown({ err = "" }: { readonly err?: string }): void {
  if (err === "") return;
  throw err === emptyString().message ? emptyString() : new ServiceError(err, { code: "unknown" });
}
