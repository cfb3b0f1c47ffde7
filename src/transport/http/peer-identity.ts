/**
 * Who a caller is by the certificate it showed (mutual TLS): for gates that decide by names rather than by networks.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { key, type Key } from "../../endpoint/index.ts";

/** What a verified certificate says of its holder. */
export interface PeerIdentity {
  /** The common name of the subject; "" when it has none. */
  readonly commonName: string;
  /** The names it is valid for, with their kind: `DNS:orders.internal`, `URI:spiffe://shop/orders`, `IP Address:10.0.0.1`. */
  readonly altNames: readonly string[];
  /** The SPIFFE id among the names, when there is exactly one. */
  readonly spiffeId: string | undefined;
  /** SHA-256 of the certificate, as colon-separated hex. */
  readonly fingerprint: string;
  /** When the certificate ends, in milliseconds since 1970. */
  readonly validToMs: number;
}

/**
 * The caller's identity in the context of a call that came over mutual TLS. There only when its certificate was verified.
 *
 * @example
 * ```ts
 * import { ServiceError } from "servicekit";
 * import { backgroundContext, type Gate } from "servicekit/endpoint";
 * import { peerIdentity } from "servicekit/transport/http";
 *
 * const refusal = new ServiceError("only for orders", { code: "permission_denied" });
 * const onlyOrders: Gate = (context) =>
 *   context.get(peerIdentity)?.spiffeId === "spiffe://shop/orders" ? context : refusal;
 * onlyOrders(backgroundContext(), backgroundContext().method) === refusal; // => true
 * ```
 */
export const peerIdentity: Key<PeerIdentity> = key<PeerIdentity>("peerIdentity");

/** Who is at the other end of a socket, when it has shown a certificate that was verified. */
export function identityOf(socket: Socket | undefined): PeerIdentity | undefined {
  const secure = socket as Partial<TLSSocket> | undefined;
  if (secure?.encrypted !== true || secure.authorized !== true) return undefined;
  const certificate = secure.getPeerCertificate!(true);
  // Node gives an empty object where there is none.
  return certificate?.fingerprint256 === undefined ? undefined : describe(certificate);
}

function describe(certificate: DetailedPeerCertificate): PeerIdentity {
  const altNames = splitAltNames(certificate.subjectaltname);
  const ids = altNames.filter((name) => name.startsWith("URI:spiffe://"));
  return {
    commonName: [certificate.subject?.CN ?? ""].flat()[0] ?? "",
    altNames,
    spiffeId: ids.length === 1 ? ids[0]!.slice(4) : undefined,
    fingerprint: certificate.fingerprint256,
    validToMs: Date.parse(certificate.valid_to),
  };
}

// Node quotes a name that holds a comma as a JSON text (CVE-2021-44532), so that none can be smuggled in.
function splitAltNames(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  return [...text.matchAll(/(?:^|, )([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(([, kind, value]) => {
    return `${kind}:${unquoted(value!)}`;
  });
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return value;
  }
}
