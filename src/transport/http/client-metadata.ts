/**
 * What every request over HTTP carries beside its message.
 *
 * @module
 */
import type { ActiveCall } from "../../endpoint/index.ts";
import { addContext, addMetadata, type Owner } from "../outgoing.ts";
import { isOwnHeader } from "./client-draft.ts";

const HTTP: Owner = { name: "HTTP", isOwn: (name) => isOwnHeader(name) || name === "content-type" };

/** Adds the headers of a call to a request. */
export function addCallHeaders(headers: string[], call: ActiveCall, remainingMs: number): void {
  addContext(headers, call.context, remainingMs);
  addMetadata(headers, call, HTTP);
}
