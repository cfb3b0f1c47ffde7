// The behaviour of every registry, on our fake API server or on the real one that SERVICEKIT_TEST_KUBERNETES names.
import { afterAll, beforeAll } from "vitest";
import { asEveryRegistry, lazily } from "../../../test/as-every-registry.ts";
import {
  givenKubernetes,
  kubernetesFake,
  sliceWriter,
  type KubernetesFake,
} from "../../../tools/servers/kubernetes-fake.ts";
import type { Instance, InstanceHealth } from "../index.ts";
import { kubernetes } from "./index.ts";

let fake: KubernetesFake | undefined;
const server = (): string => givenKubernetes?.url ?? fake!.url;
const token = givenKubernetes?.token ?? "admin";
const namespace = givenKubernetes?.namespace ?? "default";

beforeAll(async () => {
  if (givenKubernetes === undefined) fake = await kubernetesFake({ readers: { reader: ["default"] } });
});
afterAll(() => fake?.[Symbol.asyncDispose]());

const CONDITIONS: Readonly<Record<InstanceHealth, object>> = {
  up: { ready: true, serving: true, terminating: false },
  down: { ready: false, serving: false, terminating: false },
  draining: { ready: false, serving: true, terminating: true },
};

asEveryRegistry({
  name: givenKubernetes === undefined ? "a fake Kubernetes" : "Kubernetes",
  carries: ["id", "zone", "health"],
  // Nobody in it falls silent: the kubelet speaks for all.
  ttlMs: 1000,
  source: (service, options) =>
    kubernetes(service, {
      server: server(),
      token: givenKubernetes?.token ?? "reader",
      namespace,
      timeoutMs: 2000,
      ...options,
    }),
  async put(service, { id, address, zone, health }: Instance) {
    const [host = "", port] = address.split(":");
    const endpoint = {
      addresses: [host],
      conditions: CONDITIONS[health],
      ...(zone === undefined ? {} : { zone }),
      targetRef: { kind: "Pod", namespace, name: id },
    };
    const ports = [{ name: "http", protocol: "TCP", port: Number(port) }];
    await sliceWriter(server(), token, namespace).put(id, { service, endpoints: [endpoint], ports });
  },
  remove: (_, { id }) => sliceWriter(server(), token, namespace).remove(id),
  server: givenKubernetes === undefined ? lazily(() => fake!) : undefined,
});
