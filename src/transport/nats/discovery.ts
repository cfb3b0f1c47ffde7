/**
 * The services protocol of NATS (ADR-32, "micro"): who is there, what it serves, how it fares, for the `nats` command and
 * dashboards.
 *
 * @module
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { ServiceError } from "../../errors/index.ts";

/** What a service says of itself. */
export interface ServiceInfo {
  /** Three numbers and what semver allows beside. Default: "0.0.0". */
  readonly version?: string | undefined;
  /** For people. Default: "". */
  readonly description?: string | undefined;
  /** Whatever dashboards should know. Default: none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** How many characters of an error are told. */
const MAX_ERROR = 512;

/** How the calls of one method went. */
export class EndpointStats {
  #requests = 0;
  #errors = 0;
  #lastError = "";
  #timeMs = 0;

  /** Counts a call. Declared errors are answers. */
  count(durationMs: number, error: ServiceError | undefined): void {
    this.#requests++;
    this.#timeMs += durationMs;
    if (error === undefined || error.origin === "declared") return;
    this.#errors++;
    this.#lastError = `${error.code}: ${error.message.slice(0, MAX_ERROR)}`;
  }

  /** Times are in nanoseconds there. */
  toJSON(): object {
    const nanos = Math.round(this.#timeMs * 1e6);
    return {
      num_requests: this.#requests,
      num_errors: this.#errors,
      last_error: this.#lastError,
      processing_time: nanos,
      average_processing_time: this.#requests === 0 ? 0 : Math.round(nanos / this.#requests),
    };
  }
}

/** One method as it is announced. */
export interface Announced {
  readonly name: string;
  readonly subject: string;
  /** Undefined when each instance gets each message. */
  readonly queue: string | undefined;
  readonly stats: EndpointStats;
}

/** A service as it is announced. */
export interface Announcement {
  readonly service: string;
  readonly id: string;
  readonly info: ServiceInfo;
  /** When it began, in milliseconds since 1970. */
  readonly startedMs: number;
  readonly endpoints: readonly Announced[];
}

/** The name of a service in that protocol, which knows no dots: `shop.orders` is `shop_orders`. */
function announcedName(service: string): string {
  return service.replaceAll(".", "_");
}

/**
 * Answers `$SRV.PING`, `INFO` and `STATS`, each to all, to one name, and to one instance. Whoever may not listen there is not
 * seen, which `refused` is told, and serves all the same.
 */
export function announce(
  connection: NatsConnection,
  announcement: Announcement,
  refused: (error: Error) => void,
): readonly Subscription[] {
  const { service, id, info, startedMs, endpoints } = announcement;
  const name = announcedName(service);
  const { version = "0.0.0", description = "", metadata = {} } = info;
  const identity = { name, id, version, metadata };
  const ping = JSON.stringify({ type: "io.nats.micro.v1.ping_response", ...identity });
  const about = JSON.stringify({
    type: "io.nats.micro.v1.info_response",
    ...identity,
    description,
    endpoints: endpoints.map((one) => ({
      name: one.name,
      subject: one.subject,
      queue_group: one.queue ?? "",
      metadata: {},
    })),
  });
  const started = new Date(startedMs).toISOString();
  const statsText = (): string =>
    JSON.stringify({
      type: "io.nats.micro.v1.stats_response",
      ...identity,
      started,
      endpoints: endpoints.map((one) => ({
        name: one.name,
        subject: one.subject,
        queue_group: one.queue ?? "",
        ...one.stats.toJSON(),
      })),
    });
  const texts = { PING: () => ping, INFO: () => about, STATS: statsText };
  return Object.entries(texts).flatMap(([verb, text]) => {
    function answer(error: Error | null, msg: Msg): void {
      if (error !== null) return refused(error);
      try {
        if (msg.reply) connection.publish(msg.reply, text());
      } catch (thrown) {
        // Not into the package: it would stop to read.
        refused(thrown as Error);
      }
    }
    return [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`].map((subject) =>
      connection.subscribe(subject, { callback: answer }),
    );
  });
}
