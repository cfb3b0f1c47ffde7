/**
 * A Kubernetes API server to test against: a fake one of our own, in a process of its own, or the real one that the variables
 * SERVICEKIT_TEST_KUBERNETES (a URL), SERVICEKIT_TEST_KUBERNETES_TOKEN and SERVICEKIT_TEST_KUBERNETES_NAMESPACE name; its
 * certificate is checked by NODE_EXTRA_CA_CERTS.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { accepts, started, type Started } from "./fetched.ts";

/** How a fake differs. */
export interface KubernetesFakeOptions {
  /** Who may read which namespaces, by token. The token `admin` may do everything. */
  readonly readers?: Readonly<Record<string, readonly string[]>>;
  readonly bookmarkMs?: number;
  /** Files, for https. */
  readonly cert?: string;
  readonly key?: string;
}

/** What a fake has seen. */
export interface KubernetesFakeCounts {
  readonly lists: number;
  readonly watches: number;
  readonly refused: number;
  /** Watches that are open. */
  readonly open: number;
}

/** A fake that runs. */
export interface KubernetesFake extends Started {
  /**
   * Makes trouble: `compact`, `set-back`, `expire-pages`, `gone-as/status`, `gone-as/event`, `mute/on`, `close-watches`, `repeat/3`, `error/410`,
   * `reject/TOKEN`, `reset` (of the counts); "" only counts.
   */
  trouble(what: string): Promise<KubernetesFakeCounts>;
}

/** The real API server that somebody names. */
export const givenKubernetes: { readonly url: string; readonly token: string; readonly namespace: string } | undefined =
  process.env["SERVICEKIT_TEST_KUBERNETES"] === undefined
    ? undefined
    : {
        url: process.env["SERVICEKIT_TEST_KUBERNETES"],
        token: process.env["SERVICEKIT_TEST_KUBERNETES_TOKEN"] ?? "",
        namespace: process.env["SERVICEKIT_TEST_KUBERNETES_NAMESPACE"] ?? "default",
      };

/** Runs a fake. */
export async function kubernetesFake(options: KubernetesFakeOptions = {}): Promise<KubernetesFake> {
  const program = fileURLToPath(new URL("./kubernetes-fake.mjs", import.meta.url));
  const running = await started({
    line: (port) => [process.execPath, program, String(port), JSON.stringify(options)],
    ready: accepts,
  });
  const url = options.cert === undefined ? running.url : running.url.replace("http:", "https:");
  return {
    ...running,
    url,
    trouble: async (what) => (await (await fetch(`${running.url}/-/${what}`)).json()) as KubernetesFakeCounts,
  };
}

/** One endpoint, as the API has it. */
export interface Endpoint {
  readonly addresses: readonly string[];
  readonly [field: string]: unknown;
}

/** Changes slices through the API. */
export interface SliceWriter {
  /** Creates or replaces one. */
  put(
    name: string,
    slice: { readonly service: string; readonly endpoints: readonly Endpoint[]; readonly [field: string]: unknown },
  ): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Writes slices as whoever has this token. */
export function sliceWriter(url: string, token: string, namespace: string = "default"): SliceWriter {
  const path = `${url}/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  async function send(method: string, to: string, body?: object): Promise<number> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(to, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await answer.text();
    if (!answer.ok && answer.status !== 404) throw new Error(`${method} ${to}: ${answer.status} ${text}`);
    return answer.status;
  }
  return {
    async put(name, { service, ...slice }) {
      const labels = { "kubernetes.io/service-name": service };
      const kind = { kind: "EndpointSlice", apiVersion: "discovery.k8s.io/v1", metadata: { name, namespace, labels } };
      const body = { ...kind, addressType: "IPv4", ports: [{ name: "http", port: 8081, protocol: "TCP" }], ...slice };
      if ((await send("PUT", `${path}/${name}`, body)) === 404) await send("POST", path, body);
    },
    async remove(name) {
      await send("DELETE", `${path}/${name}`);
    },
  };
}
