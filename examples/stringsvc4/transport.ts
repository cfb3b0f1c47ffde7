/**
 * Go kit's wire: its subjects and its JSON over NATS, the same JSON over HTTP, and an error as a text inside the reply.
 *
 * @module
 */
import type { ServiceError } from "servicekit";
import { json } from "servicekit/transport";
import { httpServer, routes, type ListenOptions } from "servicekit/transport/http";
import { natsClient, natsServer } from "servicekit/transport/nats";
import { emptyString, strings } from "../stringsvc2/service.ts";
import { thrown } from "../stringsvc2/transport.ts";

const subjects = (_service: string, method: string): string => `stringsvc.${method}`;

const textOf = (error: ServiceError): string =>
  JSON.stringify(emptyString.is(error) ? { v: "", err: error.message } : { err: error.message });

export const goNats = (servers: string) =>
  natsServer({
    servers,
    queue: "stringsvc",
    subjects,
    errorEncoder(error, reply) {
      reply.data = textOf(error);
    },
  });

export const goNatsClient = () =>
  natsClient({
    subjects,
    after: [
      function check(_context, { data }) {
        thrown(JSON.parse(new TextDecoder().decode(data)) as { readonly err?: string });
      },
    ],
  });

export const goHttp = (options: ListenOptions) => {
  const contentType = "application/json; charset=utf-8";
  return httpServer({
    ...options,
    routes: [routes(strings, { uppercase: "/uppercase", count: "/count" })],
    codecs: [{ ...json, mediaType: "*/*", contentType }],
    after: [(_context, reply) => void (reply.body += "\n")],
    errorEncoder(error, reply) {
      const isAnswer = emptyString.is(error);
      reply.status = isAnswer ? 200 : reply.status === 400 ? 500 : reply.status;
      reply.header("content-type", isAnswer ? contentType : "text/plain; charset=utf-8");
      reply.body = isAnswer ? `${textOf(error)}\n` : error.message;
    },
  });
};
