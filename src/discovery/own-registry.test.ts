// The registry of one's own of docs/discovery.md, against a server that forgets, is killed and freezes.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";
import { asEveryRegistry } from "../../test/as-every-registry.ts";
import { systemClock } from "../time/index.ts";
import { LostRegistration, polled, source, type Announcer, type Source, type SourceOptions } from "./index.ts";

async function ask(url: string, signal: AbortSignal, method = "GET"): Promise<Response> {
  // oxlint-disable-next-line no-restricted-globals -- as one would write it
  const answer = await fetch(url, { method, signal });
  if (answer.status === 404) throw new LostRegistration(`${url} is not known`);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer;
}

function mine(url: string, service: string, options: SourceOptions): Source {
  const watch = polled({
    intervalMs: 100,
    look: async ({ signal }) => (await ask(`${url}/${service}`, signal)).json() as Promise<string[]>,
  });
  return source({ ...options, name: `mine ${service}`, service, watch });
}

function mineAnnouncer(url: string, service: string): Announcer {
  return {
    name: `mine ${service}`,
    renewMs: 300,
    register: async ({ address }, signal) => void (await ask(`${url}/${service}/${address}`, signal, "PUT")),
    renew: async ({ address }, signal) => void (await ask(`${url}/${service}/${address}`, signal, "POST")),
    deregister: async ({ address }, signal) => void (await ask(`${url}/${service}/${address}`, signal, "DELETE")),
  };
}

const TTL_MS = 1000;

class OwnServer {
  readonly #there = new Map<string, Map<string, number>>();
  readonly #server = createServer(({ method = "", url = "" }, response) => {
    const answer = (): void => this.#answer(method, url, response);
    if (this.#held === undefined) answer();
    else this.#held.push(answer);
  });
  #isDown = false;
  #held: (() => void)[] | undefined;

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  start(): Promise<void> {
    this.#server.on("connection", (socket) => void (this.#isDown && socket.destroy()));
    return new Promise((resolve) => void this.#server.listen(0, "127.0.0.1", resolve));
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** It keeps its port, which somebody else could take meanwhile, and hangs up on everybody. */
  kill(): Promise<void> {
    this.#isDown = true;
    this.#held = undefined;
    this.#server.closeAllConnections();
    return Promise.resolve();
  }

  restart(): Promise<void> {
    this.#isDown = false;
    return Promise.resolve();
  }

  freeze(): void {
    this.#held = [];
  }

  thaw(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  set(service: string, address: string, untilMs: number): void {
    this.at(service).set(address, untilMs);
  }

  at(service: string): Map<string, number> {
    const found = this.#there.get(service) ?? new Map<string, number>();
    this.#there.set(service, found);
    for (const [address, untilMs] of found) if (untilMs < systemClock.now()) found.delete(address);
    return found;
  }

  #answer(method: string, url: string, response: ServerResponse): void {
    const [, service = "", address = ""] = url.split("/");
    const own = this.at(service);
    if (method === "POST" && !own.has(address)) response.statusCode = 404;
    else if (method === "PUT" || (method === "POST" && own.get(address) !== Infinity))
      own.set(address, systemClock.now() + TTL_MS);
    if (method === "DELETE") own.delete(address);
    response.end(JSON.stringify([...own.keys()]));
  }
}

const server = new OwnServer();
beforeAll(() => server.start());
afterAll(() => server.close());

asEveryRegistry({
  name: "mine",
  carries: [],
  ttlMs: TTL_MS,
  source: (service, options) => mine(server.url, service, options),
  announcer: (service) => mineAnnouncer(server.url, service),
  put: (service, { address }) => Promise.resolve(server.set(service, address, Infinity)),
  remove: (service, { address }) => Promise.resolve(void server.at(service).delete(address)),
  forget: (service, { address }) => Promise.resolve(void server.at(service).delete(address)),
  server,
});
