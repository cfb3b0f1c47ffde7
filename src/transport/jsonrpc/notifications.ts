/**
 * A service as notifications: its methods without their answers (JSON-RPC 2.0 §4.1).
 *
 * @module
 */
import {
  nothing,
  service,
  type Method,
  type Methods,
  type Service,
  type Types,
  type TypesIn,
} from "../../contract/index.ts";

/** The types of a method as a notification. */
export interface Notification<X extends Types> extends Types {
  reqIn: X["reqIn"];
  reqOut: X["reqOut"];
  resIn: void;
  resOut: void;
  failIn: never;
  failOut: never;
  kind: "unary";
}

/** The methods of a contract as notifications; those that stream have none. */
export type Notifications<M extends Methods> = {
  readonly [P in keyof M as TypesIn<M[P]>["kind"] extends "unary" ? P : never]: Method<Notification<TypesIn<M[P]>>>;
};

/**
 * The same service, to be told rather than asked: each unary method as `oneWay` declares one, for services that were not
 * declared so. A client of it over `jsonrpcClient` sends notifications. A call resolves
 * when the server has taken the message, which says nothing of what became of it: errors of the method are not answered.
 * It rejects when the message was not taken. Deadlines, breakers, hooks and observers are those of any client; the
 * deadline is for the taking and is not sent along, since nobody waits for the work. Over another transport the calls
 * wait for the answer and drop it.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client } from "servicekit/client";
 * import { serve } from "servicekit/server";
 * import { jsonrpcClient, jsonrpcServer, notifications } from "servicekit/transport/jsonrpc";
 * import { z } from "zod";
 *
 * const audit = service("audit", { note: method({ request: z.object({ text: z.string() }), response: z.object({}) }) });
 * const notes: string[] = [];
 * const running = await serve(audit.implement({ note: ({ text }) => (notes.push(text), {}) }), { on: [jsonrpcServer({ port: 0 })], log: false, signals: false });
 * await using tell = client(notifications(audit), jsonrpcClient(), { from: running.addresses });
 * await tell.note({ text: "hello" });
 * await running.stop();
 * notes; // => ["hello"]
 * ```
 */
export function notifications<M extends Methods>(of: Service<M>): Service<Notifications<M>> {
  const told = Object.entries(of.methods)
    .filter(([, { kind }]) => kind === "unary")
    .map(([name, method]) => [name, { ...method, response: nothing, errors: [], oneWay: true }]);
  return service(of.name, Object.fromEntries(told) as Notifications<M>) as Service<Notifications<M>>;
}
