/**
 * Where the servers of an ensemble are, as ZooKeeper's own connect strings say it: `a:2181,b:2181,c:2181/chroot`.
 *
 * @module
 */
import { checkString, shown } from "../../internal/check.ts";
import type { Random } from "../../time/index.ts";

/** One server. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

/** An ensemble, and the node below which everything is. */
export interface Ensemble {
  readonly servers: readonly Server[];
  /** "" or "/a/b". */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;

/** Reads the option `servers`; throws a RangeError that says how it should look. */
export function ensembleOf(given: string | readonly string[]): Ensemble {
  const text = typeof given === "string" ? given : [...given].join(",");
  checkString("servers", text);
  const slash = text.indexOf("/");
  const chroot = slash < 0 ? "" : text.slice(slash).replace(/\/$/, "");
  if (chroot !== "") checkPath("servers: the chroot", chroot);
  const names = (slash < 0 ? text : text.slice(0, slash)).split(",");
  return { servers: names.map((name) => serverOf(name.trim())), chroot };
}

/** The path of a node, checked: "/a/b", with no empty, relative or reserved part. */
export function checkPath(name: string, path: unknown): string {
  const parts = typeof path === "string" && path.startsWith("/") ? path.slice(1).split("/") : [""];
  if (parts.every(isNodeName) && parts[0] !== "zookeeper") return path as string;
  throw new RangeError(`${name} should be a path like "/services", got ${shown(path)}`);
}

/** Whether ZooKeeper takes this as a node's name (PathUtils.validatePath). */
export function isNodeName(name: string): boolean {
  return (
    name !== "" &&
    name !== "." &&
    name !== ".." &&
    !/[/\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/.test(name)
  );
}

/** The servers in an order of chance, so that not all clients go to the first. */
export function shuffled(servers: readonly Server[], random: Random): Server[] {
  const order = [...servers];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.fraction() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function serverOf(name: string): Server {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(name) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (host !== undefined && number >= 1 && number <= 65_535) return { host, port: number };
  throw new RangeError(`servers should be like "a:2181,b:2181/chroot", got ${shown(name)}`);
}
