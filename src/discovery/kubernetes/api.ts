/**
 * What of the Kubernetes API is used: listing EndpointSlices page by page, and watching them. The credentials of a pod are
 * read again whenever they are used, since they rotate.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { checkString } from "../../internal/check.ts";
import type { Clock } from "../../time/index.ts";
import { registryHttp, type RegistryHttp, type RegistryTls } from "../http/index.ts";
import { joined } from "../place.ts";

/** How the API server is reached. Default: as pods reach it. */
export interface KubernetesConnection {
  /** URLs of the API server. Default: what `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` say, over https. */
  readonly server?: string | readonly string[] | undefined;
  /**
   * The bearer token; a function is asked before each request. Default: the file `token` of `credentials`,
   * read before each request, since it is replaced every hour.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Authorities and a client certificate. Default: `ca.crt` of `credentials`; without that folder the platform's authorities. */
  readonly tls?: RegistryTls | undefined;
  /**
   * The folder of the pod's service account: `token`, `ca.crt` and `namespace`. Default: with `server` none, else
   * `/var/run/secrets/kubernetes.io/serviceaccount`, where the kubelet puts it.
   */
  readonly credentials?: string | undefined;
  /** Where the two variables are. Default: the environment of the process, read at construction. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** How long one request may take, 1 ms to an hour. Default: 5 s. */
  readonly timeoutMs?: number | undefined;
}

/** One page of a list. */
export interface SliceList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly unknown[];
}

/** One event of a watch. */
export interface SliceEvent {
  readonly type?: string;
  readonly object?: unknown;
}

const FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Slices a page: at 100 endpoints each some 5 MB. */
const PAGE = 100;

/** What of the API is asked. */
export interface SliceApiSettings {
  readonly service: string;
  readonly namespace: string | undefined;
  readonly clock: Clock | undefined;
}

/** Checks the options, and makes what opens connections by them: each run of a watch has its own. */
export function sliceApiOf(options: KubernetesConnection, settings: SliceApiSettings): () => Promise<SliceApi> {
  const { server, token, tls, timeoutMs, env = process.env } = options;
  const { service, clock } = settings;
  const account = options.credentials ?? (server === undefined ? FOLDER : undefined);
  const folder = account === undefined ? undefined : checkString("credentials", account);
  const servers = server ?? inCluster(env);
  const readToken = tokenOf(token, folder);
  const make = (given: RegistryTls | undefined): RegistryHttp => {
    const headers = async (): Promise<Readonly<Record<string, string>>> => {
      const now = await readToken();
      return now === undefined ? {} : { authorization: `Bearer ${now}` };
    };
    return registryHttp({ servers, tls: given, headers, timeoutMs, clock, maxBytes: 2 ** 26 });
  };
  // Once for its checks.
  make(tls).close();
  const read = async (name: string): Promise<string> => (await readFile(`${folder}/${name}`, "utf8")).trim();
  return async () => {
    const namespace = settings.namespace ?? (folder === undefined ? "default" : await read("namespace"));
    // The authority may have been replaced since the last time.
    const given = tls ?? (folder === undefined ? undefined : { ca: await read("ca.crt") });
    const path = `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices`;
    return new SliceApi(make(given), path, `kubernetes.io/service-name=${service}`);
  };
}

/** The EndpointSlices of one service. */
export class SliceApi {
  readonly #http: RegistryHttp;
  readonly #path: string;
  readonly #selector: string;

  constructor(http: RegistryHttp, path: string, selector: string) {
    this.#http = http;
    this.#path = path;
    this.#selector = selector;
  }

  /** All slices as they are now, and the version of that. */
  async list(signal: AbortSignal, give: (slice: unknown) => void): Promise<string> {
    const path = this.#path;
    let next: string | undefined;
    for (;;) {
      const query = { labelSelector: this.#selector, limit: PAGE, continue: next };
      const page = (await this.#http.request({ path, query, signal })).json() as SliceList;
      for (const slice of page.items ?? []) give(slice);
      next = page.metadata?.continue;
      if (next === undefined || next === "") return page.metadata?.resourceVersion ?? "";
    }
  }

  /** The events after a version, until the server ends the watch, which it does after `timeoutSeconds`. */
  async *watch(
    from: { readonly version: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
    onOpen: () => void,
  ): AsyncGenerator<SliceEvent, void, undefined> {
    const query = {
      labelSelector: this.#selector,
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: from.version,
      timeoutSeconds: from.timeoutSeconds,
    };
    const request = { path: this.#path, query, signal, onOpen };
    for await (const event of this.#http.stream(request)) yield (event ?? {}) as SliceEvent;
  }

  close(): void {
    this.#http.close();
  }
}

function tokenOf(given: KubernetesConnection["token"], folder: string | undefined): () => Promise<string | undefined> {
  let last: string | undefined;
  if (given !== undefined) return async () => (typeof given === "function" ? given() : given);
  return async function readToken() {
    if (folder === undefined) return undefined;
    try {
      last = (await readFile(`${folder}/token`, "utf8")).trim();
    } catch (error) {
      // It is replaced now and then; the last one is good for a while.
      if (last === undefined) throw error;
    }
    return last;
  };
}

function inCluster(env: Readonly<Record<string, string | undefined>>): string {
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host === undefined || host === "") {
    throw new RangeError(
      "server should be given outside of a cluster, where KUBERNETES_SERVICE_HOST is not set, got undefined",
    );
  }
  return `https://${joined(host, Number(env["KUBERNETES_SERVICE_PORT"] || 443))}`;
}
