/**
 * TLS for servers: the options, and certificates that are read again when their files change, without dropping a
 * connection.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { TlsOptions as NodeTlsOptions } from "node:tls";
import { checkNames, checkNumber, checkOneOf, shown } from "../../internal/check.ts";
import type { Clock, Timer } from "../../time/index.ts";

/** A certificate, key or list of authorities: PEM, or a file that holds it. */
export type Pem = string | Uint8Array | { readonly file: string };

/** How a server speaks TLS. */
export interface ServerTlsOptions {
  /** The server's certificate with the ones between it and its authority, as PEM or a file. */
  readonly cert: Pem;
  /** The certificate's private key. */
  readonly key: Pem;
  /** What unlocks the key. Default: it is not locked. */
  readonly passphrase?: string | undefined;
  /**
   * Whether callers show a certificate (mutual TLS): "required" refuses those without a good one, "asked" lets them in
   * without an identity. Who they are is under `peerIdentity` in the context. Default: "none".
   */
  readonly clients?: "none" | "asked" | "required" | undefined;
  /** The authorities that callers' certificates come from; needed with `clients`. Default: none. */
  readonly ca?: Pem | undefined;
  /** The oldest version spoken. Default: TLSv1.2, which every client of the last ten years has. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
  /**
   * How often files are looked at, in milliseconds from 100 to a day. Default: 10 s: certificates are renewed days before
   * they end. Connections that stand go on with the old one; what cannot be read or does not fit is reported, and the old
   * one stays.
   */
  readonly reloadMs?: number | undefined;
}

/** Options with every default filled in. */
export interface ServerTlsSettings {
  readonly cert: Pem;
  readonly key: Pem;
  readonly passphrase: string | undefined;
  readonly clients: "none" | "asked" | "required";
  readonly ca: Pem | undefined;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly reloadMs: number;
}

/** Checks how a server speaks TLS, and fills in the defaults. */
export function serverTlsSettings(options: ServerTlsOptions): ServerTlsSettings {
  checkNames("tls", options, ["cert", "key", "passphrase", "clients", "ca", "minVersion", "reloadMs"]);
  const { passphrase, clients = "none", ca, minVersion = "TLSv1.2" } = options;
  if (ca === undefined && clients !== "none")
    throw new RangeError(
      `tls.ca should name the authorities of callers' certificates when tls.clients is "${clients}"`,
    );
  return {
    cert: checkPem("tls.cert", options.cert),
    key: checkPem("tls.key", options.key),
    passphrase,
    clients: checkOneOf("tls.clients", clients, ["none", "asked", "required"]),
    ca: ca === undefined ? undefined : checkPem("tls.ca", ca),
    minVersion: checkOneOf("tls.minVersion", minVersion, ["TLSv1.2", "TLSv1.3"]),
    reloadMs: checkNumber("tls.reloadMs", options.reloadMs ?? 10_000, { min: 100, max: 86_400_000, integer: true }),
  };
}

function checkPem(name: string, pem: unknown): Pem {
  if (typeof pem === "string" && !pem.includes("-----BEGIN "))
    throw new TypeError(
      `${name} should be PEM text, bytes, or { file }, got a text that is no PEM: a path goes into { file }`,
    );
  if (typeof pem === "string" || pem instanceof Uint8Array) return pem;
  const { file } = (pem ?? {}) as { readonly file?: unknown };
  if (typeof file === "string" && file !== "") return { file };
  // What was given may be half a key: it is not shown.
  throw new TypeError(
    `${name} should be PEM text, bytes, or { file }, got ${pem === undefined ? "nothing" : `one of type ${typeof pem}`}`,
  );
}

/** Something that speaks TLS with a certificate that can be exchanged. */
export interface SecureServer {
  setSecureContext(options: NodeTlsOptions): void;
}

/** The certificate of a server, and its files. */
export class Credentials {
  readonly #settings: ServerTlsSettings;
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  #last: readonly Buffer[] = [];
  #timer: Timer | undefined = undefined;
  #isClosed = false;

  constructor(settings: ServerTlsSettings, clock: Clock, report: (error: unknown) => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#report = report;
  }

  /**
   * Reads certificate, key and authorities.
   *
   * @throws {Error} naming the option, when a file cannot be read.
   */
  async load(): Promise<NodeTlsOptions> {
    const { ca, passphrase, clients, minVersion } = this.#settings;
    this.#last = await this.#read();
    const [certPem, keyPem, caPem] = this.#last;
    return {
      cert: certPem,
      key: keyPem,
      ...(ca === undefined ? {} : { ca: caPem }),
      ...(passphrase === undefined ? {} : { passphrase }),
      minVersion,
      requestCert: clients !== "none",
      rejectUnauthorized: clients === "required",
    };
  }

  /** Looks at the files from time to time, and gives `server` what has changed. */
  watch(server: SecureServer): void {
    const { cert, key, ca, reloadMs } = this.#settings;
    if (![cert, key, ca].some((pem) => typeof pem === "object" && "file" in pem)) return;
    this.#timer = this.#clock.expire(reloadMs, { expire: () => void this.#look(server) });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #look(server: SecureServer): Promise<void> {
    const before = this.#last;
    try {
      const now = await this.#read();
      if (now.some((pem, i) => !pem.equals(before[i]!))) {
        // A certificate is often written before its key: until both fit, the old pair stays.
        server.setSecureContext(await this.load());
      }
    } catch (error) {
      this.#last = before;
      this.#report(error);
    }
    if (!this.#isClosed) this.watch(server);
  }

  // One after the other: of several that cannot be read it is always the first that is named.
  async #read(): Promise<readonly Buffer[]> {
    const { cert, key, ca } = this.#settings;
    const pems: [string, Pem][] = [
      ["tls.cert", cert],
      ["tls.key", key],
    ];
    if (ca !== undefined) pems.push(["tls.ca", ca]);
    const read: Buffer[] = [];
    for (const [name, pem] of pems) read.push(await bytesOf(name, pem));
    return read;
  }
}

async function bytesOf(name: string, pem: Pem): Promise<Buffer> {
  if (typeof pem === "string") return Buffer.from(pem);
  if (pem instanceof Uint8Array) return Buffer.from(pem);
  try {
    return await readFile(pem.file);
  } catch (cause) {
    throw new Error(`${name} should be a file that can be read, got ${shown(pem.file)}`, { cause });
  }
}
