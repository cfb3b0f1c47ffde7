/**
 * Go kit's wire from the caller's side: JSON that is called text, and an error as a text inside a 200.
 *
 * @module
 */
import { ServiceError } from "servicekit";
import { json } from "servicekit/transport";
import { httpClient, routes } from "servicekit/transport/http";
import { emptyString, strings } from "../stringsvc2/service.ts";

export const goHttpClient = () =>
  httpClient({
    routes: [routes(strings, { uppercase: "/uppercase", count: "/count" })],
    codec: { ...json, answers: { ...json, mediaType: "text/plain" } },
    after: [
      function check(_context, response) {
        if (response.status !== 200) return;
        const { err = "" } = response.json() as { readonly err?: string };
        if (err === "") return;
        throw err === emptyString().message ? emptyString() : new ServiceError(err, { code: "unknown" });
      },
    ],
  });
