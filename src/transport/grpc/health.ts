/**
 * The health service of gRPC, over what the app says of its readiness: for balancers and probes that speak gRPC alone.
 *
 * @module
 */
import type { Implementation } from "../../contract/index.ts";
import type { Context } from "../../endpoint/index.ts";
import { ServiceError } from "../../errors/index.ts";
import { proto } from "../protobuf/index.ts";
import type { App } from "../server.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "./gen/grpc/health/v1/health_pb.ts";
import { Readiness } from "./health-readiness.ts";

/** A day: who watches does so for as long as it lives, and watches again. */
const WATCH_MS = 86_400_000;

/** The health service of a server. */
export interface HealthService {
  readonly implementation: Implementation;
  /** Tells all who watch that the server serves no more, and ends their streams. Check says the same from now on. */
  drain(): void;
}

/**
 * Answers for each of `services`, by their names on the wire, and for `""`, the server as a whole: all share the app's
 * readiness. (GRPC Health Checking Protocol.) Check and List ask the app; those who watch share one look a second.
 */
export function health(app: App, services: readonly string[]): HealthService {
  const readiness = new Readiness(app);
  const names = new Set(["", ...services]);
  const statusOf = (ok: boolean): Status => (ok ? Status.SERVING : Status.NOT_SERVING);

  async function check({ service }: { readonly service: string }): Promise<{ status: Status }> {
    if (!names.has(service)) throw new ServiceError("there is no such service", { code: "not_found" });
    return { status: statusOf(await readiness.look()) };
  }

  async function list(): Promise<{ statuses: Record<string, { status: Status }> }> {
    const status = statusOf(await readiness.look());
    return { statuses: Object.fromEntries([...names].map((name) => [name, { status }])) };
  }

  async function* watch({ service }: { readonly service: string }, context: Context) {
    const isKnown = names.has(service);
    let told: Status | undefined;
    for (let ok = await readiness.look(); context.canceledBy === undefined; ok = readiness.ok) {
      const status: Status = isKnown || readiness.isOver ? statusOf(ok) : Status.SERVICE_UNKNOWN;
      if (status !== told) yield { status: (told = status) };
      if (readiness.isOver) return;
      await readiness.next(context);
    }
  }

  const contract = proto(Health, { methods: { watch: { timeoutMs: WATCH_MS } } });
  return { implementation: contract.implement({ check, list, watch }), drain: () => readiness.end() };
}
