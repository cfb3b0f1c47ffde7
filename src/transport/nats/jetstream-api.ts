/**
 * JetStream's API as far as servers use it: a stream and a consumer looked up, made, changed. Each is one request with JSON
 * in it and one answer, so that no package but the one of the connection is needed. Not for managing streams at large.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";

/** How long an answer may take. */
const TIMEOUT_MS = 5000;

/** A configuration as the server has it: what is not ours is passed on as it is. */
export type Config = Readonly<Record<string, unknown>>;

/** What JetStream refused, with its own number for it. */
class JetStreamRefusal extends Error {
  override readonly name: string = "JetStreamRefusal";
  readonly number: number;

  constructor(message: string, number: number) {
    super(message);
    this.number = number;
  }
}

/** Its numbers: https://github.com/nats-io/nats-server/blob/main/server/errors.json. */
const STREAM_NOT_FOUND = 10_059;
const CONSUMER_NOT_FOUND = 10_014;

/** JetStream behind one connection. */
export class JetStreamApi {
  readonly #connection: NatsConnection;
  /** What its subjects begin with. */
  readonly prefix: string;

  constructor(connection: NatsConnection, domain: string | undefined) {
    this.#connection = connection;
    this.prefix = domain === undefined ? "$JS.API" : `$JS.${domain}.API`;
  }

  /** The configuration of a stream; undefined when there is none. */
  stream(name: string): Promise<Config | undefined> {
    return this.#found(`STREAM.INFO.${name}`, STREAM_NOT_FOUND);
  }

  async createStream(config: Config): Promise<void> {
    await this.#ask(`STREAM.CREATE.${String(config["name"])}`, config);
  }

  async updateStream(config: Config): Promise<void> {
    await this.#ask(`STREAM.UPDATE.${String(config["name"])}`, config);
  }

  /** The configuration of a consumer; undefined when there is none. */
  consumer(stream: string, name: string): Promise<Config | undefined> {
    return this.#found(`CONSUMER.INFO.${stream}.${name}`, CONSUMER_NOT_FOUND);
  }

  /** Makes a consumer, or changes one. */
  async setConsumer(stream: string, config: Config): Promise<void> {
    const name = String(config["durable_name"]);
    await this.#ask(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, { stream_name: stream, config });
  }

  async #found(subject: string, missing: number): Promise<Config | undefined> {
    try {
      return (await this.#ask(subject, undefined))["config"] as Config;
    } catch (error) {
      if (error instanceof JetStreamRefusal && error.number === missing) return undefined;
      throw error;
    }
  }

  async #ask(subject: string, body: object | undefined): Promise<Config> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const answer = await this.#connection.request(`${this.prefix}.${subject}`, text, { timeout: TIMEOUT_MS });
    const said = answer.json<Config>();
    const error = said["error"] as { readonly description?: string; readonly err_code?: number } | undefined;
    if (error !== undefined) throw new JetStreamRefusal(error.description ?? "unknown error", error.err_code ?? 0);
    return said;
  }
}
