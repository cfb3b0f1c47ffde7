/**
 * What a document says of itself: title, version, servers.
 *
 * @module
 */
import { checkString, shown } from "../internal/check.ts";

/** Where what is described is served. */
export interface DocumentServer {
  /** Absolute, or relative to the document. */
  readonly url: string;
  /** Default: none. */
  readonly description?: string | undefined;
}

/** What every document is told. */
export interface DocumentOptions {
  /** The name of what is described. */
  readonly title: string;
  /** The version of what is described, not of the document's format. */
  readonly version: string;
  /** What it is for, in CommonMark. Default: nothing. */
  readonly description?: string | undefined;
  /** Where it is served. Default: none, which means where the document comes from. */
  readonly servers?: readonly DocumentServer[] | undefined;
}

/** What a page is told of its document, the rest of which comes from the server. */
export interface PageOptions {
  /** The name of what is described. Default: the names of the services. */
  readonly title?: string | undefined;
  /** The version of what is described. Default: "0.0.0", which says that nobody counts. */
  readonly version?: string | undefined;
  /** What it is for, in CommonMark. Default: nothing. */
  readonly description?: string | undefined;
  /** Where it is served. Default: none, which means where the document comes from. */
  readonly servers?: readonly DocumentServer[] | undefined;
}

/** The names of the options above. */
export const INFO: readonly string[] = ["title", "version", "description", "servers"];

/** The checked options, without what was left out. */
export interface DocumentInfo {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly servers?: readonly DocumentServer[];
}

/** Checks what a document says of itself. */
export function documentInfo({ title, version, description, servers }: DocumentOptions): DocumentInfo {
  const info = { title: checkString("title", title), version: checkString("version", version) };
  const described =
    description === undefined ? info : { ...info, description: checkString("description", description) };
  if (servers === undefined) return { info: described };
  if (!Array.isArray(servers)) throw new TypeError(`servers should be a list of { url }, got ${shown(servers)}`);
  return { info: described, servers: servers.map(serverOf) };
}

/** Checks what a page says of its document, and fills in the version. */
export function pageInfo({ title, version = "0.0.0", description, servers }: PageOptions): PageOptions & {
  readonly version: string;
} {
  documentInfo({ title: title ?? "-", version, description, servers });
  return { title, version, description, servers };
}

function serverOf(one: DocumentServer | undefined): DocumentServer {
  const url = checkString("servers: url", one?.url);
  return one?.description === undefined ? { url } : { url, description: one.description };
}
