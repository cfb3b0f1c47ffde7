/**
 * Instances from Kubernetes: the pods behind a service, by its EndpointSlices. There is no registrar: the kubelet and the
 * control plane register pods.
 *
 * @module
 */
export { kubernetes, type KubernetesOptions } from "./kubernetes.ts";
export type { KubernetesConnection } from "./api.ts";
export type { AddressFamily } from "./slice.ts";
