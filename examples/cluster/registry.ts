/**
 * A registry in one file, made of what a service is made of: announcing is a method, watching a stream. What has not been heard of
 * for two seconds is gone.
 *
 * @module
 */
import { method, service, type Implementation } from "servicekit";
import { client } from "servicekit/client";
import { LostRegistration, source, type Announcer, type Source } from "servicekit/discovery";
import { httpClient } from "servicekit/transport/http";
import { z } from "zod";

const TTL_MS = 2000;

const entry = z.object({ id: z.string(), address: z.string(), service: z.string() });
const registry = service("registry", {
  put: method({ request: entry, response: z.object({ isNew: z.boolean() }), idempotent: true }),
  remove: method({ request: entry, response: z.object({}), idempotent: true }),
  watch: method({
    request: z.object({ service: z.string() }),
    response: z.object({ instances: z.array(entry) }),
    stream: "server",
    timeoutMs: 60_000,
  }),
});

type Entry = z.output<typeof entry>;

/** The registry itself, to be served. */
export function embeddedRegistry(): Implementation {
  const entries = new Map<string, { readonly entry: Entry; readonly untilMs: number }>();
  const known = (name: string): Entry[] => {
    for (const [id, { untilMs }] of entries) if (untilMs < performance.now()) entries.delete(id);
    return [...entries.values()].map(({ entry }) => entry).filter((one) => one.service === name);
  };
  return registry.implement({
    put(given) {
      const isNew = !entries.has(given.id);
      entries.set(given.id, { entry: given, untilMs: performance.now() + TTL_MS });
      return { isNew };
    },
    remove: ({ id }) => (entries.delete(id), {}),
    async *watch({ service: name }, context) {
      while (context.canceledBy === undefined) {
        yield { instances: known(name) };
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  });
}

const asking = (url: string) => client(registry, httpClient(), { from: url });

/** The instances of a service, as this registry knows them. */
export function registered(name: string, url: string): Source {
  return source({
    name: `registry ${name}`,
    async watch({ list, signal }) {
      await using remote = asking(url);
      for await (const { instances } of remote.watch({ service: name }, { signal })) list(instances);
    },
  });
}

/** The way of one instance into this registry. */
export function announcer(url: string): Announcer {
  const remote = asking(url);
  return {
    name: "registry",
    renewMs: TTL_MS / 3,
    register: async ({ id, address, service }, signal) => void (await remote.put({ id, address, service }, { signal })),
    async renew({ id, address, service }, signal) {
      const { isNew } = await remote.put({ id, address, service }, { signal });
      if (isNew) throw new LostRegistration("the registry did not know it any more");
    },
    deregister: async ({ id, address, service }, signal) =>
      void (await remote.remove({ id, address, service }, { signal })),
    close: () => remote[Symbol.asyncDispose](),
  };
}
