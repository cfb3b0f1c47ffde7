/**
 * Makes an instance known as an ephemeral node: it is there as long as the session is.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { ServiceError } from "../../errors/index.ts";
import { LostRegistration, type Announcer, type Instance } from "../index.ts";
import type { Connection } from "./connection.ts";
import { isRefusal, NO_NODE } from "./failure.ts";
import { isNodeName } from "./servers.ts";
import {
  create,
  createPath,
  exists,
  getChildren,
  remove,
  setData,
  sync,
  type Access,
  type Asking,
  type Stat,
} from "./operations.ts";

/** What is announced, and over what. */
export interface NodeAnnouncement {
  readonly connection: Connection;
  /** For people. */
  readonly name: string;
  /** The node whose children are the instances of an instance's service. */
  readonly pathFor: (instance: Instance) => string;
  readonly access: readonly Access[];
  readonly encode: (instance: Instance) => Buffer;
  /** What a node's name begins with when the server numbers them; undefined: it is the instance's id. */
  readonly prefix: string | undefined;
}

interface Node {
  readonly path: string;
  readonly stat: Stat;
}

/** The announcer of one instance. */
export function announceNode(plan: NodeAnnouncement): Announcer {
  return new NodeAnnouncer(plan);
}

class NodeAnnouncer implements Announcer {
  readonly name: string;
  readonly renewMs: number;
  readonly #plan: NodeAnnouncement;
  /** Sessions of ours: what they own is ours, and goes when they are over. */
  readonly #sessions = new Set<bigint>();
  #release: (() => void) | undefined = undefined;

  constructor(plan: NodeAnnouncement) {
    this.#plan = plan;
    this.name = plan.name;
    this.renewMs = plan.connection.sessionTimeoutMs / 3;
  }

  async register(instance: Instance, signal: AbortSignal): Promise<void> {
    const asking = await this.#asking(signal);
    const data = this.#plan.encode(instance);
    const owned = await this.#present(asking, instance);
    if (owned !== undefined) return setData(asking, owned.path, { data, version: owned.stat.version });
    const { prefix, access } = this.#plan;
    const path = this.#plan.pathFor(instance);
    const node =
      prefix === undefined
        ? { path: this.#pathOf(instance), data, access, ephemeral: true }
        : { path: `${path}/${prefix}`, data, access, ephemeral: true, sequential: true };
    try {
      await create(asking, node);
    } catch (error) {
      if (!isRefusal(error, NO_NODE)) throw error;
      await createPath(asking, path, access);
      await create(asking, node);
    }
  }

  async renew(instance: Instance, signal: AbortSignal): Promise<void> {
    const asking = await this.#asking(signal);
    const nodes = await this.#nodes(asking, instance);
    const mine = this.#current;
    if (nodes.some(({ stat }) => stat.owner === mine)) return;
    const stranger = nodes.find(({ stat }) => !this.#sessions.has(stat.owner));
    // It would be taken back, and taken away again: two that have one name, for ever.
    if (stranger !== undefined && this.#plan.prefix === undefined)
      throw new ServiceError(
        `${stranger.path} belongs to another process now: two instances have the id ${instance.id}`,
        { code: "already_exists" },
      );
    throw new LostRegistration(`zookeeper has no node of instance ${instance.id} in this session`);
  }

  async deregister(instance: Instance, signal: AbortSignal): Promise<void> {
    const asking = await this.#asking(signal);
    for (const { path, stat } of await this.#nodes(asking, instance))
      if (this.#sessions.has(stat.owner)) await remove(asking, path);
  }

  close(): void {
    this.#release?.();
    this.#release = undefined;
  }

  get #current(): bigint {
    return this.#plan.connection.sessionId ?? 0n;
  }

  async #asking(signal: AbortSignal): Promise<Asking> {
    const { connection } = this.#plan;
    this.#release ??= connection.hold();
    const link = await connection.link(signal);
    this.#sessions.add(this.#current);
    return { link, signal };
  }

  /** The instance's node in this session, if there is one; all others of its are gone then. */
  async #present(asking: Asking, instance: Instance): Promise<Node | undefined> {
    let present: Node | undefined;
    for (const node of await this.#nodes(asking, instance)) {
      // One of an older session would go by itself, and take the instance out when it does.
      if (present === undefined && node.stat.owner === this.#current) present = node;
      else await remove(asking, node.path);
    }
    return present;
  }

  async #nodes(asking: Asking, instance: Instance): Promise<Node[]> {
    const paths = await this.#paths(asking, instance);
    const nodes: Node[] = [];
    for (const path of paths) {
      const stat = await exists(asking, path);
      if (stat !== undefined) nodes.push({ path, stat });
    }
    return nodes;
  }

  // The answer to a create may be lost, and another server not know yet that the node was made: so it is waited for.
  async #paths(asking: Asking, instance: Instance): Promise<string[]> {
    const { prefix } = this.#plan;
    const path = this.#plan.pathFor(instance);
    await sync(asking, path);
    if (prefix === undefined) return [this.#pathOf(instance)];
    const names = (await getChildren(asking, path)) ?? [];
    return names.filter((name) => name.startsWith(prefix)).map((name) => `${path}/${name}`);
  }

  #pathOf(instance: Instance): string {
    return `${this.#plan.pathFor(instance)}/${nodeName(instance.id)}`;
  }
}

/** A name that ZooKeeper takes, for any id: what it refuses is escaped as in URLs. */
export function nodeName(id: string): string {
  const name = id.replaceAll(/[%/]/g, encodeURIComponent);
  return isNodeName(name) ? name : encodeURIComponent(id).replace(/^\.{1,2}$/, (dots) => dots.replaceAll(".", "%2E"));
}
