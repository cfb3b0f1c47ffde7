/**
 * Certificates for tests, made when they are asked for: an authority, and what it signs. Nothing of them is kept.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, as PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority that signs. */
export interface Authority extends Disposable {
  /** Its own certificate. */
  readonly ca: string;
  /** A folder for the test's files, gone at the end. */
  readonly folder: string;
  /** Signs a certificate for these names: `DNS:localhost`, `IP:127.0.0.1`, `URI:spiffe://…`. */
  issue(commonName: string, altNames: readonly string[]): Pair;
}

/** Whether certificates can be made here. */
export function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Makes an authority. */
export function authority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "servicekit-tls-"));
  const run = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  run("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority");
  let serial = 0;
  return {
    ca: read("ca.pem"),
    folder,
    issue(commonName, altNames) {
      const name = `c${++serial}`;
      writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${altNames.join(",")}\n`);
      run("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${commonName}`);
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", String(serial), "-days", "2"];
      run("x509", "-req", "-in", `${name}.csr`, ...signed, "-extfile", `${name}.ext`, "-out", `${name}.pem`);
      return { cert: read(`${name}.pem`), key: read(`${name}.key`) };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
