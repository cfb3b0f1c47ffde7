/**
 * How an instance is made known in etcd: a lease, one key under it, and a sign of life that also sees whether the key is
 * still there.
 *
 * @module
 */
import type { Instance } from "../instance.ts";
import { LostRegistration, type Announcer } from "../watch.ts";
import { fromBase64, isLeaseGone, toBase64, type Gateway, type RangeAnswer } from "./gateway.ts";
import type { Layout } from "./layout.ts";

/** What instances are made known by. */
export interface AnnouncerSettings {
  readonly name: string;
  readonly ttlMs: number;
  /** Where the instances of a service stand. */
  readonly layoutOf: (service: string) => Layout;
}

/** Makes one instance known in etcd. */
export function etcdAnnouncer(gateway: Gateway, settings: AnnouncerSettings): Announcer {
  return new EtcdAnnouncer(gateway, settings);
}

interface KeptAlive {
  /** Without a time to live when etcd has no such lease. */
  readonly result?: { readonly TTL?: string };
}

class EtcdAnnouncer implements Announcer {
  readonly name: string;
  readonly renewMs: number;
  readonly #gateway: Gateway;
  readonly #layoutOf: (service: string) => Layout;
  readonly #ttl: string;
  #lease: string | undefined = undefined;
  /** What is written, or was about to be. */
  #key = "";

  constructor(gateway: Gateway, { name, ttlMs, layoutOf }: AnnouncerSettings) {
    this.name = name;
    this.renewMs = ttlMs / 3;
    this.#gateway = gateway;
    this.#layoutOf = layoutOf;
    this.#ttl = String(Math.ceil(ttlMs / 1000));
  }

  async register(instance: Instance, signal: AbortSignal): Promise<void> {
    const had = this.#lease;
    try {
      await this.#write(instance, (this.#lease ??= await this.#grant(signal)), signal);
    } catch (error) {
      if (!isLeaseGone(error)) throw error;
      this.#lease = undefined;
      // A lease that was just granted and is gone again is the registrar's to try later.
      if (had === undefined) throw error;
      await this.#write(instance, (this.#lease = await this.#grant(signal)), signal);
    }
  }

  async renew(instance: Instance, signal: AbortSignal): Promise<void> {
    if (this.#lease === undefined) throw new LostRegistration("it has no lease");
    const more = { signal, keepsAlive: false };
    const alive = await this.#gateway.ask<KeptAlive>("/v3/lease/keepalive", { ID: this.#lease }, more);
    if (Number(alive.result?.TTL ?? 0) <= 0) {
      this.#lease = undefined;
      throw new LostRegistration("its lease is over");
    }
    const layout = this.#layoutOf(instance.service);
    if (layout.value(instance) === undefined) return;
    const key = layout.key(instance);
    const { kvs } = await this.#gateway.ask<RangeAnswer>("/v3/kv/range", { key: toBase64(key) }, more);
    const kv = kvs?.[0];
    if (kv === undefined) throw new LostRegistration(`${key} was deleted`);
    // Taking it back would only make the two take turns.
    if (kv.lease !== this.#lease) throw new Error(`${key} belongs to another: ${fromBase64(kv.value).slice(0, 200)}`);
  }

  async deregister(instance: Instance, signal: AbortSignal): Promise<void> {
    if (this.#lease === undefined || this.#key !== this.#layoutOf(instance.service).key(instance)) return;
    try {
      await this.#ask("/v3/lease/revoke", { ID: this.#lease }, signal);
    } catch (error) {
      if (!isLeaseGone(error)) throw error;
    }
    this.#lease = undefined;
  }

  close(): void {
    this.#gateway.close();
  }

  async #grant(signal: AbortSignal): Promise<string> {
    const { ID: id } = await this.#ask<{ readonly ID?: string }>("/v3/lease/grant", { TTL: this.#ttl }, signal);
    if (id === undefined) throw new Error("etcd granted no lease");
    return id;
  }

  async #write(instance: Instance, lease: string, signal: AbortSignal): Promise<void> {
    const layout = this.#layoutOf(instance.service);
    this.#key = layout.key(instance);
    const key = toBase64(this.#key);
    const value = layout.value(instance);
    if (value === undefined) await this.#ask("/v3/kv/deleterange", { key }, signal);
    else await this.#ask("/v3/kv/put", { key, value: toBase64(value), lease }, signal);
  }

  #ask<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
    return this.#gateway.ask<T>(path, body, { signal });
  }
}
