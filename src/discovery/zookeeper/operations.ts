/**
 * What is asked of ZooKeeper, one function each.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { isRefusal, NO_NODE, NODE_EXISTS } from "./failure.ts";
import type { JuteReader, JuteWriter } from "./jute.ts";
import type { Link, Question } from "./link.ts";

/** What is known of a node. */
export interface Stat {
  /** The change that made it: higher is younger. */
  readonly czxid: bigint;
  readonly version: number;
  /** The session it is gone with; 0: none. */
  readonly owner: bigint;
}

/** A connection, and what gives up on it. */
export interface Asking {
  readonly link: Link;
  /** Default: nothing but the end of the connection. */
  readonly signal?: AbortSignal | undefined;
}

/** Who may do what with a node. */
export interface Access {
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}

/** A node to be made. */
export interface NewNode {
  readonly path: string;
  readonly data: Uint8Array;
  readonly access: readonly Access[];
  /** Whether it goes with the session. Default: false. */
  readonly ephemeral?: boolean;
  /** Whether the server adds a number to its name. Default: false. */
  readonly sequential?: boolean;
}

const [CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_CHILDREN, SYNC] = [1, 2, 3, 4, 5, 8, 9];
/** Whatever its version is. */
export const ANY_VERSION = -1;

/** Makes a node; resolves with its path. */
export async function create({ link, signal }: Asking, node: NewNode): Promise<string> {
  const { path, data, access } = node;
  const flags = (node.ephemeral === true ? 1 : 0) + (node.sequential === true ? 2 : 0);
  function write(to: JuteWriter): void {
    to.string(path).buffer(data).int(access.length);
    for (const { permissions, scheme, id } of access) to.int(permissions).string(scheme).string(id);
    to.int(flags);
  }
  return (await link.ask({ type: CREATE, name: `create ${path}`, write }, signal)).string();
}

/** Makes a node without data and all above it, those that are missing. */
export async function createPath(asking: Asking, path: string, access: readonly Access[]): Promise<void> {
  const parts = path.slice(1).split("/");
  for (let length = 1; length <= parts.length; length++) {
    const parent = `/${parts.slice(0, length).join("/")}`;
    // Asked first: who may not make a parent may often see that it is there.
    if ((await exists(asking, parent)) !== undefined) continue;
    await create(asking, { path: parent, data: new Uint8Array(), access }).catch((error: unknown) => {
      if (!isRefusal(error, NODE_EXISTS)) throw error;
    });
  }
}

/** Takes a node out; one that is not there is no error. */
export async function remove(asking: Asking, path: string): Promise<void> {
  const write = (to: JuteWriter): unknown => to.string(path).int(ANY_VERSION);
  await ofNode(asking, { type: DELETE, name: `delete ${path}`, write });
}

/** What is known of a node; undefined when there is none. */
export async function exists(asking: Asking, path: string, watch = false): Promise<Stat | undefined> {
  const write = (to: JuteWriter): unknown => to.string(path).bool(watch);
  const answer = await ofNode(asking, { type: EXISTS, name: `exists ${path}`, write });
  return answer && readStat(answer);
}

/** A node's data, and a watch on it; undefined when there is none. */
export async function getData(
  asking: Asking,
  path: string,
): Promise<{ readonly data: Buffer; readonly stat: Stat } | undefined> {
  const write = (to: JuteWriter): unknown => to.string(path).bool(true);
  const answer = await ofNode(asking, { type: GET_DATA, name: `read ${path}`, write });
  return answer && { data: answer.buffer(), stat: readStat(answer) };
}

/** The names of a node's children, with a watch by choice; undefined when there is no such node. */
export async function getChildren(asking: Asking, path: string, watch = false): Promise<string[] | undefined> {
  const write = (to: JuteWriter): unknown => to.string(path).bool(watch);
  return (await ofNode(asking, { type: GET_CHILDREN, name: `list ${path}`, write }))?.strings();
}

/** Changes a node's data, if its version is still this one. */
export async function setData(
  { link, signal }: Asking,
  path: string,
  { data, version }: { readonly data: Uint8Array; readonly version: number },
): Promise<void> {
  const write = (to: JuteWriter): unknown => to.string(path).buffer(data).int(version);
  await link.ask({ type: SET_DATA, name: `write ${path}`, write }, signal);
}

/** Waits until this server knows all that the leader does. */
export async function sync({ link, signal }: Asking, path: string): Promise<void> {
  await link.ask({ type: SYNC, name: `sync ${path}`, write: (to) => to.string(path) }, signal);
}

/** The answer to a question about a node; undefined when there is no such node. */
async function ofNode({ link, signal }: Asking, question: Question): Promise<JuteReader | undefined> {
  try {
    return await link.ask(question, signal);
  } catch (error) {
    if (isRefusal(error, NO_NODE)) return undefined;
    throw error;
  }
}

function readStat(from: JuteReader): Stat {
  const czxid = from.long();
  // Of when and in what change it was last written nothing is asked.
  from.long();
  from.long();
  from.long();
  const version = from.int();
  from.int();
  from.int();
  return { czxid, version, owner: from.long() };
}
