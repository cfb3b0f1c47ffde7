/**
 * REST for the profile service, given to server and client alike, and Go kit's form of errors.
 *
 * @module
 */
import { httpClient, httpServer, routes, type HttpClientResponse, type ListenOptions } from "servicekit/transport/http";
import { exists, inconsistent, notFound, profiles } from "./service.ts";

/** The slashes at the end belong to the paths, as in Go kit. */
export const rest = routes(profiles, {
  postProfile: { path: "POST /profiles/", body: "profile" },
  // More than Go kit does: who has the profile already is told that it is still the same.
  getProfile: { path: "GET /profiles/{id}", etag: "body" },
  putProfile: { path: "PUT /profiles/{id}", body: "profile" },
  patchProfile: { path: "PATCH /profiles/{id}", body: "profile" },
  deleteProfile: "DELETE /profiles/{id}",
  getAddresses: { path: "GET /profiles/{id}/addresses/", etag: "body" },
  getAddress: { path: "GET /profiles/{id}/addresses/{addressID}", etag: "body" },
  postAddress: { path: "POST /profiles/{id}/addresses/", body: "address" },
  deleteAddress: "DELETE /profiles/{id}/addresses/{addressID}",
});

/** Errors are a message in JSON. */
export const restServer = (options: ListenOptions) =>
  httpServer({
    ...options,
    routes: [rest],
    errorEncoder({ message }, reply) {
      reply.header("content-type", "application/json; charset=utf-8");
      reply.body = `${JSON.stringify({ error: message })}\n`;
    },
  });

/** By message, which is all there is of an error on this wire. */
const known = new Map([notFound, exists, inconsistent].map((one) => [one().message, one]));

/** Go kit's client passes over the status, so that what is not found is an empty profile there. Here it is an error. */
export const restClient = () =>
  httpClient({
    routes: [rest],
    after: [
      function check(_context, response) {
        const declared = response.status < 400 ? undefined : known.get(messageOf(response));
        if (declared !== undefined) throw declared();
      },
    ],
  });

function messageOf(response: HttpClientResponse): string {
  const isJson = response.header("content-type")?.startsWith("application/json") === true;
  const { error } = (isJson ? response.json() : {}) as { readonly error?: unknown };
  return String(error);
}
