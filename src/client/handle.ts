/**
 * What can be done with a whole client. Functions, not members: a client's members are its methods and nothing else.
 *
 * @module
 */
import type { MemberExplanation, MemberSnapshot } from "../balance/index.ts";
import { shown } from "../internal/check.ts";
import type { ClientChange } from "./adjust.ts";

/** An instance as a client sees it at one moment: whether it gets calls, why, and in numbers. */
export type InstanceState = MemberExplanation & Partial<MemberSnapshot>;

/** The inside of a client. */
export interface Handle {
  describe(): string;
  explain(): readonly InstanceState[];
  adjust(change: ClientChange): void;
  close(): Promise<void>;
}

const HANDLE: unique symbol = Symbol("client") as never;

/** Hides the inside of a client in it. */
export function hold(client: object, handle: Handle): void {
  Object.defineProperty(client, HANDLE, { value: handle });
  Object.defineProperty(client, Symbol.asyncDispose, { value: () => handle.close() });
}

function handleOf(client: object): Handle {
  const handle = (client as { [HANDLE]?: Handle } | null | undefined)?.[HANDLE];
  if (handle === undefined) throw new TypeError(`client should be what client() returned, got ${shown(client)}`);
  return handle;
}

/**
 * The stack of every method of a client as text, outermost layer first: the order in which a call passes.
 *
 * @throws {TypeError} when it is given anything but a client.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client, describe } from "servicekit/client";
 * import { httpClient } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const hello = service("hello", { say: method({ request: z.object({}), response: z.object({ v: z.string() }) }) });
 * const remote = client(hello, httpClient(), { from: "http://127.0.0.1:8081", breaker: false, retry: false });
 * describe(remote).split("\n")[2]; // => "  balancer    p2c over 1 instance"
 * ```
 */
export function describe(client: object): string {
  return handleOf(client).describe();
}

/**
 * For each instance a client knows of, whether it gets calls and why, how many it has had, how many failed, what a call to it costs
 * by what was learned.
 *
 * @throws {TypeError} when it is given anything but a client.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client, explain } from "servicekit/client";
 * import { httpClient } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const hello = service("hello", { say: method({ request: z.object({}), response: z.object({ v: z.string() }) }) });
 * const remote = client(hello, httpClient(), { from: ["10.0.0.1:8081", "10.0.0.2:8081"] });
 * explain(remote).map(({ instance, because }) => `${instance.address} ${because}`)[0]; // => "10.0.0.1:8081 well"
 * ```
 */
export function explain(client: object): readonly InstanceState[] {
  return handleOf(client).explain();
}

/**
 * Changes retries, hedges and the budget of a client while it runs: what is named, and the rest stays as it is. Calls that are under way
 * go on by the new values.
 *
 * @throws {RangeError} when a value is out of range, two do not fit together, or what should change is off; nothing has changed then.
 * @throws {TypeError} when it is given anything but a client.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { adjust, client, describe } from "servicekit/client";
 * import { httpClient } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const hello = service("hello", { say: method({ request: z.object({}), response: z.object({ v: z.string() }) }) });
 * const remote = client(hello, httpClient(), { from: "http://127.0.0.1:8081" });
 * adjust(remote, { retry: { tries: 2 } });
 * /retry +(retry \d tries)/.exec(describe(remote))![1]; // => "retry 2 tries"
 * ```
 */
export function adjust(client: object, change: ClientChange): void {
  handleOf(client).adjust(change);
}

/**
 * Lets the calls in flight finish, refuses new ones (`no_instances`), and frees the connections. Calling it again waits
 * for the same end. A client that is never closed keeps no process alive.
 *
 * @throws {TypeError} when it is given anything but a client.
 *
 * @example
 * ```ts
 * import { method, service } from "servicekit";
 * import { client, close } from "servicekit/client";
 * import { httpClient } from "servicekit/transport/http";
 * import { z } from "zod";
 *
 * const hello = service("hello", { say: method({ request: z.object({}), response: z.object({ v: z.string() }) }) });
 * const remote = client(hello, httpClient(), { from: "http://127.0.0.1:8081" });
 * await close(remote);
 * await remote.say({}); // throws the client is closed
 * ```
 */
export async function close(client: object): Promise<void> {
  await handleOf(client).close();
}
