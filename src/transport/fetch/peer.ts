/**
 * Who is at the other end, as far as the platform says it beside the request.
 *
 * @module
 */

/** What Bun gives: its server. */
interface AddressSource {
  requestIP(request: Request): { readonly address: string } | null;
}

/** What Deno gives: the connection's address. */
interface ConnectionInfo {
  readonly remoteAddr: { readonly hostname?: string | undefined };
}

/** The peer's address, by the shape of what the platform gives; "" where it says nothing. */
export function peerOf(request: Request, info: unknown): string {
  if (typeof info !== "object" || info === null) return "";
  const { requestIP } = info as Partial<AddressSource>;
  if (typeof requestIP === "function") return (info as AddressSource).requestIP(request)?.address ?? "";
  const { remoteAddr } = info as Partial<ConnectionInfo>;
  return typeof remoteAddr?.hostname === "string" ? remoteAddr.hostname : "";
}
