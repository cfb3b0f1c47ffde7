/**
 * A service's instances as Kubernetes has them.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, checkString } from "../../internal/check.ts";
import { source } from "../make-source.ts";
import { sourceOptionNames, sourceOptions, type SourceOptions } from "../source-options.ts";
import type { Source } from "../source.ts";
import { sliceApiOf, type KubernetesConnection } from "./api.ts";
import type { AddressFamily } from "./slice.ts";
import { sliceWatch } from "./watch.ts";

/** Where the service is, how the API server is reached, and what every source may be told. */
export interface KubernetesOptions extends SourceOptions, KubernetesConnection {
  /** Default: with `server` `default`, else the pod's own. */
  readonly namespace?: string | undefined;
  /**
   * Which port: its name in the service, or the number on the pods (its `targetPort`). Default: the only TCP port; a service with
   * several needs it.
   */
  readonly port?: string | number | undefined;
  /** Takes addresses of one family only: `ipv4` or `ipv6`. Default: either, IPv4 where a pod has both. */
  readonly family?: AddressFamily | undefined;
}

const NAMES = ["server", "token", "tls", "credentials", "env", "timeoutMs", "namespace", "port", "family"];
const LABEL = {
  pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  says: "a name of lower-case letters, digits and hyphens",
};

/**
 * Makes a source of the pods behind a Kubernetes service: a list and a watch of its EndpointSlices (`discovery.k8s.io/v1`,
 * Kubernetes 1.21 and later). Ready pods are `up`, terminating ones that still serve `draining`, all others `down`. Nothing registers
 * itself: the kubelet and the control plane do that. (Go kit has none, #1087.)
 *
 * @param service the service's name in Kubernetes.
 * @throws {RangeError} when an option is wrong, or there is no `server` and this is not a pod.
 *
 * @example
 * ```ts
 * import { kubernetes } from "servicekit/discovery/kubernetes";
 *
 * const add = kubernetes("add", { server: "http://127.0.0.1:8001", port: "http" });
 * add.name; // => "kubernetes add"
 * ```
 */
export function kubernetes(service: string, options: KubernetesOptions = {}): Source {
  checkNames("kubernetes", options, [...NAMES, ...sourceOptionNames]);
  checkString("service", service, LABEL);
  const { namespace, port, family, silenceMs = 60_000, clock } = options;
  if (namespace !== undefined) checkString("namespace", namespace, LABEL);
  if (family !== undefined) checkOneOf("family", family, ["ipv4", "ipv6"]);
  if (typeof port === "number") checkNumber("port", port, { min: 1, max: 65_535, integer: true });
  else if (port !== undefined) checkString("port", port);
  // So that a watch over which nothing happens ends, which is a sign of life, before it counts as silent.
  const timeoutSeconds = Math.max(1, Math.min(300, Math.floor((silenceMs / 1000) * 0.75)));
  const open = sliceApiOf(options, { service, namespace, clock });
  const watch = sliceWatch(open, { wanted: { service, port, family }, timeoutSeconds });
  return source({ ...sourceOptions(options), name: `kubernetes ${service}`, service, watch });
}
