/**
 * A simulated instance with a real server's stack before its work: gates, observers, middleware, policies, deadline.
 *
 * @module
 */
import type { Implementation } from "../contract/index.ts";
import type { Carrier, Context } from "../endpoint/index.ts";
import { bareError, policyError, type ServiceError } from "../errors/index.ts";
import type { Clock } from "../time/index.ts";
import { bind, ServerCall, type BoundMethod } from "../transport/index.ts";
import { simulatedService, type SimulatedRequest } from "./contract.ts";
import type { ServerData } from "./backend.ts";
import type { Carried, Site, Work } from "./site.ts";

/** Calls another service for a request, on the context of the call that is served. */
export type Downstream = (request: SimulatedRequest, context: Context) => Promise<unknown>;

/** What an instance serves with. */
export interface ServingOptions {
  readonly service: string;
  readonly site: Site;
  readonly data: ServerData;
  readonly downstream: readonly Downstream[];
  readonly clock: Clock;
}

/** How a call comes in. */
export interface Incoming {
  readonly request: SimulatedRequest;
  readonly timeoutMs: number;
  readonly attempt: number;
  readonly metadata: Carrier | undefined;
}

/** The server of one instance. */
export interface Serving {
  /** Takes a call; what it returns calls it off. */
  accept(method: string, incoming: Incoming, work: Work): (reason: ServiceError) => void;
}

/** Builds the server of an instance. */
export function serving(options: ServingOptions): Serving {
  const { clock, site } = options;
  // What a policy or middleware throws by mistake would be one more failure among the simulated ones.
  const failures = {
    report: warn,
    failed: ({ cause }: ServiceError) => (cause === undefined ? undefined : warn(cause)),
  };
  const bound = bind(implementation(options), {
    ...failures,
    clock,
    observers: [],
    gates: [],
    policy: {},
    values: undefined,
  });
  return {
    accept(method, incoming, work) {
      const call = new SimulatedCall(bound.methods.get(method)!, incoming, { work, site });
      call.run(incoming.request);
      return (reason) => call.abandon(reason);
    },
  };
}

function implementation({ service, site, data, downstream }: ServingOptions): Implementation {
  const { gates, observers, ...policy } = data;
  const own = (context: Context): Promise<null> =>
    new Promise((resolve, reject) => handled(site, context, { resolve, reject }));
  const read =
    downstream.length === 0
      ? (_request: SimulatedRequest, context: Context) => own(context)
      : async (request: SimulatedRequest, context: Context) => {
          await own(context);
          for (const call of downstream) await call(request, context);
          return null;
        };
  const methods = { read: policy, write: policy } as object;
  return simulatedService(service).implement({ read, write: read }, { gates, observers, methods });
}

interface Settling {
  resolve(value: null): void;
  reject(error: ServiceError): void;
}

function handled(site: Site, context: Context, { resolve, reject }: Settling): void {
  const drops = site.backend.dropsCanceled === true;
  site.accept({
    get isGone() {
      return drops && context.canceledBy !== undefined;
    },
    done: (error) => (error === undefined ? resolve(null) : reject(error)),
  });
}

class SimulatedCall extends ServerCall<undefined, undefined> implements Carried {
  readonly request: undefined = undefined;
  readonly #work: Work;
  readonly #attempt: number;
  readonly #leave: () => void;
  #isLost = false;

  constructor(
    bound: BoundMethod,
    { timeoutMs, attempt, metadata }: Incoming,
    { work, site }: { readonly work: Work; readonly site: Site },
  ) {
    const startMs = bound.around.clock.now();
    super(
      bound,
      { startMs, timeoutMs: Math.min(timeoutMs, bound.info.timeoutMs), transport: "simulated", incoming: metadata },
      {},
    );
    this.#work = work;
    this.#attempt = attempt;
    this.#leave = site.carry(this);
  }

  override get attempt(): number {
    return this.#attempt;
  }

  run(request: SimulatedRequest): void {
    this.begin();
    const admitted = this.admit();
    if (admitted === true) this.dispatch(request);
    else if (admitted !== false) void admitted.then((passes) => (passes ? this.dispatch(request) : undefined));
  }

  /** Its caller has lost the connection, whatever the handler still makes of it. */
  lost(): void {
    this.#isLost = true;
    this.abandon(policyError("connection_lost"));
  }

  protected succeed(): void {
    this.#leave();
    this.finish("ok");
    this.#work.done(undefined);
  }

  protected refuse(error: ServiceError): void {
    this.#leave();
    this.finish(error.code);
    if (this.#isLost) return this.#work.done(error);
    const { message, code, reason, details, retryAfterMs } = error;
    this.#work.done(bareError(message, { code, reason, details, retryAfterMs, origin: "peer" }));
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
