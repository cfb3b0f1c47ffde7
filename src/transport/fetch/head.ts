/**
 * What a web Request says before its body, in the form the HTTP room works with.
 *
 * @module
 */
import type { Head, HttpHeaders } from "../http/message.ts";

/** The head of a request, and how many headers it has. */
export interface FetchHead extends Head {
  readonly headerCount: number;
}

/** Reads the head; names come in lower case and repeated headers joined, as the platform's own type has them. */
export function headOf(request: Request): FetchHead {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  let headerCount = 0;
  request.headers.forEach((value, name) => {
    headers[name] = value;
    headerCount++;
  });
  return { verb: request.method, url: targetOf(request.url), headers: headers as HttpHeaders, headerCount };
}

/** The path and query of an absolute URL, as a request's first line has them. */
function targetOf(url: string): string {
  const slash = url.indexOf("/", url.indexOf("//") + 2);
  if (slash < 0) return "/";
  const hash = url.indexOf("#", slash);
  return hash < 0 ? url.slice(slash) : url.slice(slash, hash);
}
