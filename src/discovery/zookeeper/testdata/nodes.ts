/**
 * Nodes as tests put them there, by requests of their own and over a connection of their own each time.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { sleep } from "../../../time/index.ts";
import { placeOf } from "../options.ts";
import {
  ANY_VERSION,
  create,
  createPath,
  exists,
  getChildren,
  getData,
  remove,
  setData,
  type Asking,
} from "../operations.ts";

/** For tests that are not about time: a machine that stalls for seconds is no server that does not answer, and loses no session. */
export const patient: { readonly connectTimeoutMs: number; readonly sessionTimeoutMs: number } = {
  connectTimeoutMs: 60_000,
  sessionTimeoutMs: 60_000,
};

/** The same for a registrar: what was awaited is done. */
export const patientRegistrar: typeof patient & {
  readonly startMs: number;
  readonly required: boolean;
  readonly callMs: number;
  readonly closeMs: number;
} = { ...patient, startMs: 60_000, required: true, callMs: 60_000, closeMs: 60_000 };

const access = [{ permissions: 31, scheme: "world", id: "anyone" }];

/** Nodes of a server that may just have been started. */
export interface Nodes {
  put(path: string, data: string): Promise<void>;
  remove(path: string): Promise<void>;
  names(path: string): Promise<readonly string[]>;
  read(path: string): Promise<{ readonly data: string; readonly owner: bigint } | undefined>;
  /** Asks anything, and asks again while the server does not answer. */
  ask<T>(work: (asking: Asking) => Promise<T>): Promise<T>;
}

/** The nodes of the server that is there when they are asked for. */
export function nodes(servers: () => string): Nodes {
  async function ask<T>(work: (asking: Asking) => Promise<T>): Promise<T> {
    const { signal } = new AbortController();
    for (let tries = 0; ; tries++) {
      const { connection } = placeOf({ servers: servers(), ...patient });
      const release = connection.hold();
      try {
        return await work({ link: await connection.link(signal), signal });
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(50);
      } finally {
        release();
      }
    }
  }
  return {
    ask,
    put: (path, text) =>
      ask(async (asking) => {
        const data = Buffer.from(text);
        await createPath(asking, path.slice(0, path.lastIndexOf("/")), access);
        if ((await exists(asking, path)) === undefined) await create(asking, { path, data, access });
        else await setData(asking, path, { data, version: ANY_VERSION });
      }),
    remove: (path) => ask((asking) => remove(asking, path)),
    names: (path) => ask(async (asking) => (await getChildren(asking, path)) ?? []),
    read: (path) =>
      ask(async (asking) => {
        const found = await getData(asking, path);
        return found && { data: found.data.toString(), owner: found.stat.owner };
      }),
  };
}
