/**
 * Go kit's wire from the caller's side: JSON that is called text, and an error as a text inside a 200.
 *
 * @module
 */
import { json } from "servicekit/transport";
import { httpClient, routes } from "servicekit/transport/http";
import { strings } from "../stringsvc2/service.ts";
import { thrown } from "../stringsvc2/transport.ts";

export const goHttpClient = () =>
  httpClient({
    routes: [routes(strings, { uppercase: "/uppercase", count: "/count" })],
    codec: { ...json, answers: { ...json, mediaType: "text/plain" } },
    after: [
      function check(_context, response) {
        if (response.status === 200) thrown(response.json() as { readonly err?: string });
      },
    ],
  });
