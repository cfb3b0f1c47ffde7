/**
 * etcd's own server: Debian's package or what is on the PATH, the one of a newer suite, or the one that the variable
 * SERVICEKIT_TEST_ETCD names (a URL).
 *
 * @module
 */
import { unpackedFrom } from "./debian-suite.ts";
import { freePort, got, installed, started, type Fetched, type Started } from "./fetched.ts";

/** What a member is started with, beside its data and addresses. */
export interface EtcdOptions {
  /** More of its own flags. */
  readonly more?: readonly string[];
  /** Files for `https://`, clients to be known by the authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

const VARIABLE = "SERVICEKIT_TEST_ETCD";

/** The URL of somebody's own server, when there is one. */
export const givenEtcd: string | undefined = process.env[VARIABLE];

/** The program on the PATH, or of Debian's stable suite. */
export function etcdProgram(): Fetched {
  return installed("etcd", ["etcd-server"]);
}

/** A program of a line later, from the package of a newer suite. */
export function newerEtcdProgram(): Fetched {
  const unpacked = unpackedFrom("trixie", "etcd-server");
  return "reason" in unpacked ? unpacked : { path: `${unpacked.path}/usr/bin/etcd` };
}

/** Runs one member by itself. Elections are quick, so that leases may be short: a second instead of two. */
export async function etcd(program: string, { more = [], tls }: EtcdOptions = {}): Promise<Started> {
  const peers = `http://127.0.0.1:${await freePort()}`;
  const scheme = tls === undefined ? "http" : "https";
  const files = tls && [
    "--cert-file",
    tls.cert,
    "--key-file",
    tls.key,
    "--trusted-ca-file",
    tls.ca,
    "--client-cert-auth",
  ];
  // Its metrics have a port of their own: with client certificates nobody else could ask whether it is ready.
  const healthPort = await freePort();
  const running = await started({
    line(port, data) {
      const clients = `${scheme}://127.0.0.1:${port}`;
      return [
        ...[program, "--data-dir", `${data}/etcd`, "--logger", "zap", "--log-level", "fatal"],
        ...["--listen-client-urls", clients, "--advertise-client-urls", clients],
        ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
        ...["--initial-cluster", `default=${peers}`, "--listen-metrics-urls", `http://127.0.0.1:${healthPort}`],
        ...["--heartbeat-interval", "20", "--election-timeout", "200", ...(files ?? []), ...more],
      ];
    },
    ready: () => isHealthy(`http://127.0.0.1:${healthPort}`),
    readyMs: 30_000,
  });
  return tls === undefined ? running : { ...running, url: running.url.replace("http:", "https:") };
}

/** Runs three members of one cluster. */
export async function etcdCluster(program: string): Promise<readonly Started[]> {
  const peers = [await freePort(), await freePort(), await freePort()];
  const name = (index: number): string => `m${index}`;
  const cluster = peers.map((port, index) => `${name(index)}=http://127.0.0.1:${port}`).join(",");
  const starting = peers.map((peer, index) =>
    started({
      line(port, data) {
        const clients = `http://127.0.0.1:${port}`;
        return [
          ...[program, "--name", name(index), "--data-dir", `${data}/etcd`, "--logger", "zap", "--log-level", "fatal"],
          ...["--listen-client-urls", clients, "--advertise-client-urls", clients],
          ...["--listen-peer-urls", `http://127.0.0.1:${peer}`],
          ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`, "--initial-cluster", cluster],
          ...["--heartbeat-interval", "50", "--election-timeout", "500"],
        ];
      },
      ready: (port) => isHealthy(`http://127.0.0.1:${port}`),
      readyMs: 30_000,
    }),
  );
  const ended = await Promise.allSettled(starting);
  const members = ended.filter((one) => one.status === "fulfilled").map(({ value }) => value);
  if (members.length === peers.length) return members;
  for (const member of members) await member[Symbol.asyncDispose]();
  throw new Error("the cluster did not start");
}

async function isHealthy(url: string): Promise<boolean> {
  return got(`${url}/health`).then(
    (body) => /"health":\s*"true"/.test(body),
    () => false,
  );
}
