/**
 * Where an instance is, as most registries keep it: host and port apart.
 *
 * @module
 */

/** Host and port. */
export interface Place {
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether the address is an `https` URL. */
  readonly isSecure: boolean;
}

/** Host and port of an address; throws a RangeError when it has none. */
export function placeOf(address: string): Place {
  const hasScheme = address.includes("://");
  const url = URL.canParse(hasScheme ? address : `tcp://${address}`)
    ? new URL(hasScheme ? address : `tcp://${address}`)
    : undefined;
  const known: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };
  const port = url === undefined ? 0 : url.port === "" ? (known[url.protocol] ?? 0) : Number(url.port);
  if (url === undefined || url.hostname === "" || port === 0) {
    throw new RangeError(`address should be host:port or a URL with a port, got ${JSON.stringify(address)}`);
  }
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port, isSecure: url.protocol === "https:" };
}

/** Both as one again. */
export function joined(host: string, port: number): string {
  return `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}
