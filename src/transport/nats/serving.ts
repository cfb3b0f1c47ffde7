/**
 * The subscriptions of a server, and the calls that come over them.
 *
 * @module
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { policyError, type ServiceError } from "../../errors/index.ts";
import { systemRandom, type Clock } from "../../time/index.ts";
import type { BoundService } from "../bind.ts";
import type { App, Listening } from "../server.ts";
import { NatsCall, type NatsAnswering, type NatsIncoming } from "./call.ts";
import { announce, EndpointStats, type Announced, type ServiceInfo } from "./discovery.ts";
import { STREAM } from "./frame.ts";
import { checkSize, readHeaders, writeHeaders } from "./headers.ts";
import type { Link, LinkOwner } from "./link.ts";
import { plansOf, type NatsPlan, type PlanOptions } from "./plan.ts";
import { NatsStreamCall, type StreamHost } from "./stream-call.ts";
import { CANCEL } from "./subject.ts";

/** What a server holds to. */
export interface ServingSettings extends Omit<PlanOptions, "stats"> {
  /** The queue group; undefined: the service's name; false: none. */
  readonly queue: string | false | undefined;
  readonly maxInFlight: number;
  readonly heartbeatMs: number;
  readonly inboxPrefix: string;
  readonly info: ServiceInfo;
  /** Whether the services protocol is spoken. */
  readonly services: boolean;
}

const NOTHING = new Uint8Array(0);

/** Serves one app over one connection. */
export class NatsServing implements NatsAnswering, StreamHost, LinkOwner, Listening {
  readonly clock: Clock;
  readonly heartbeatMs: number;
  readonly #app: App;
  readonly #settings: ServingSettings;
  readonly #link: Link;
  #connection!: NatsConnection;
  #subscriptions: Subscription[] = [];
  /** What must be heard until the end: cancellations, streams. */
  #later: Subscription[] = [];
  #refused: Error | undefined = undefined;
  #draining: Promise<void> | undefined = undefined;
  readonly #calls = new Map<string, NatsCall>();
  readonly #streams = new Map<string, NatsStreamCall>();
  readonly #inbox: string;
  #lastKey = 0;
  #idle: (() => void)[] = [];

  constructor(app: App, settings: ServingSettings, linked: (owner: LinkOwner) => Link) {
    this.#app = app;
    this.#settings = settings;
    this.clock = app.clock;
    this.heartbeatMs = settings.heartbeatMs;
    this.#inbox = `${settings.inboxPrefix}.${systemRandom.hex(11)}.`;
    this.#link = linked(this);
  }

  get addresses(): readonly string[] {
    return [`nats://${this.#connection.getServer()}`];
  }

  /** Connects and subscribes; rejects when that is not possible. */
  async open(): Promise<void> {
    const plans = this.#app.services.map((service) => this.#plansOf(service));
    checkSubjects(plans.flat());
    try {
      this.#connection = await this.#link.ready();
    } catch (error) {
      const { cause } = error as ServiceError;
      const why = cause instanceof Error ? cause.message : String(cause ?? error);
      throw new Error(`NATS cannot be reached at ${this.#link.where}: ${why}`, { cause });
    }
    this.#app.services.forEach((service, i) => this.#subscribe(service, plans[i]!));
    if (plans.flat().some(({ bound }) => bound.info.kind !== "unary"))
      this.#later.push(this.#on(`${this.#inbox}*`, (msg) => this.#frame(msg)));
    // A subject that may not be listened to is told of before the answer to this.
    await this.#connection.flush();
    if (this.#refused === undefined) return;
    await this.close();
    throw this.#refused;
  }

  #plansOf(service: BoundService): readonly NatsPlan[] {
    const { services } = this.#settings;
    return plansOf(service, { ...this.#settings, stats: () => (services ? new EndpointStats() : undefined) });
  }

  #subscribe(service: BoundService, plans: readonly NatsPlan[]): void {
    const { queue: asked, subjects, services, info } = this.#settings;
    const queue = asked === false ? undefined : (asked ?? service.name);
    for (const plan of plans) {
      const isStream = plan.bound.info.kind !== "unary";
      this.#subscriptions.push(
        this.#on(plan.subject, (msg) => (isStream ? this.#stream(plan, msg) : this.#request(plan, msg)), queue),
      );
    }
    // Without a queue: nobody but the instance itself knows whether it has the request.
    this.#later.push(this.#on(subjects(service.name, CANCEL), (msg) => this.#takeBack(msg)));
    if (!services) return;
    const endpoints = plans.map(({ bound, subject, stats }): Announced => ({
      name: bound.info.name,
      subject,
      queue,
      stats: stats!,
    }));
    const startedMs = this.clock.date();
    const id = systemRandom.hex(11);
    const announcement = { service: service.name, id, info, startedMs, endpoints };
    let isTold = false;
    const refused = (error: Error): void => {
      if (!isTold) this.#report(new Error(`${service.name} is not seen in NATS' services protocol: ${error.message}`));
      isTold = true;
    };
    this.#subscriptions.push(...announce(this.#connection, announcement, refused));
  }

  #on(subject: string, run: (msg: Msg) => void, queue?: string): Subscription {
    const callback = (error: Error | null, msg: Msg): void => {
      if (error !== null)
        return this.#complain(new Error(`NATS refuses the subscription of ${subject}: ${error.message}`));
      try {
        run(msg);
      } catch (thrown) {
        // Not into the package: it would stop to read.
        this.#complain(thrown);
      }
    };
    return this.#connection.subscribe(subject, queue === undefined ? { callback } : { callback, queue });
  }

  #complain(error: unknown): void {
    if (this.#refused === undefined && error instanceof Error) this.#refused = error;
    this.#report(error);
  }

  #report(error: unknown): void {
    const { around, info } = this.#app.other;
    try {
      around.report(error, info);
    } catch {
      // Nobody is left to be told.
    }
  }

  #request(plan: NatsPlan, msg: Msg): void {
    const from = this.#incoming(plan, msg);
    const call = new NatsCall(plan, from);
    call.run(this.#refusal(from));
    if (call.outcome === undefined && call.held === "") this.#hold(call, from.reply);
  }

  #stream(plan: NatsPlan, msg: Msg): void {
    const from = this.#incoming(plan, msg);
    const key = String(++this.#lastKey);
    const refusal = this.#refusal(from);
    const call = new NatsStreamCall(plan, from, { host: this, inbox: this.#inbox + key });
    this.#streams.set(key, call);
    void call.run(refusal);
  }

  #incoming({ subject, limits }: NatsPlan, msg: Msg): NatsIncoming {
    const reply = msg.reply ?? "";
    const headers = readHeaders(msg, subject.length + reply.length, limits);
    return { msg, reply, headers, server: this, startMs: this.clock.now() };
  }

  #refusal({ headers }: NatsIncoming): ServiceError | undefined {
    if (headers?.fault !== undefined) return headers.fault;
    const { maxInFlight } = this.#settings;
    return this.#calls.size + this.#streams.size >= maxInFlight ? policyError("overloaded") : undefined;
  }

  // Under its reply subject, by which the caller takes it back; a subject that is given twice names the first.
  #hold(call: NatsCall, reply: string): void {
    call.held = reply !== "" && !this.#calls.has(reply) ? reply : ` ${++this.#lastKey}`;
    this.#calls.set(call.held, call);
  }

  keep(call: NatsCall): void {
    if (call.held !== "") this.#calls.delete(call.held);
    this.#hold(call, "");
  }

  release(call: NatsCall): void {
    this.#calls.delete(call.held);
    this.#settle();
  }

  forget(call: NatsStreamCall): void {
    this.#streams.delete(call.inbox.slice(this.#inbox.length));
    this.#settle();
  }

  #settle(): void {
    if (this.#calls.size > 0 || this.#streams.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #takeBack(msg: Msg): void {
    if (msg.data.length > 255) return;
    const reply = Buffer.from(msg.data).toString("latin1");
    const call = this.#calls.get(reply);
    if (call !== undefined) return call.takeBack();
    for (const stream of this.#streams.values()) if (stream.reply === reply) return stream.takeBack();
  }

  #frame(msg: Msg): void {
    const reply = msg.reply ?? "";
    const headers = readHeaders(msg, msg.subject.length + reply.length, this.#settings.limits);
    const call = this.#streams.get(msg.subject.slice(this.#inbox.length));
    if (call !== undefined) return call.arrived(headers, msg.data);
    // A stream that this server has lost, or has ended, when that did not arrive.
    if (reply !== "" && headers?.get(STREAM) === "ping") this.publish(reply, NOTHING, [STREAM, "gone"]);
  }

  publish(subject: string, data: Uint8Array, headers: readonly string[] | undefined): void {
    if (headers === undefined) return this.#publish(subject, data, {});
    this.#publish(subject, data, { headers: writeHeaders(headers) });
  }

  send(
    reply: string,
    data: Uint8Array,
    message: { readonly headers: readonly string[]; readonly inbox: string },
  ): void {
    if (reply === "") return;
    this.#publish(reply, data, { headers: writeHeaders(message.headers), reply: message.inbox });
  }

  #publish(subject: string, data: Uint8Array, options: Parameters<NatsConnection["publish"]>[2]): void {
    checkSize(this.#connection, data, options?.headers);
    this.#connection.publish(subject, data, options);
  }

  async flushed(): Promise<void> {
    await this.#connection.flush();
  }

  connected(): void {
    // `open` waits for it.
  }

  lost(): void {
    // Calls go on: their answers may still find the way, by the time they are there.
  }

  back(): void {
    // What was on its way when the connection broke is missing at the other end.
    for (const stream of [...this.#streams.values()]) stream.lost(policyError("connection_lost"));
  }

  ended(error: Error | undefined): void {
    this.#complain(new Error(`the connection to NATS is over: ${error?.message ?? "closed"}`, { cause: error }));
  }

  /** Takes no more requests: those that are delivered are served, and waited for. */
  drain(): Promise<void> {
    return (this.#draining ??= this.#drain());
  }

  async #drain(): Promise<void> {
    await Promise.all(
      this.#subscriptions.filter((one) => !one.isClosed()).map((one) => one.drain().catch(() => undefined)),
    );
    if (this.#calls.size > 0 || this.#streams.size > 0)
      await new Promise<void>((resolve) => void this.#idle.push(resolve));
    await this.#link.flush(this.clock);
  }

  async close(): Promise<void> {
    for (const call of [...this.#calls.values(), ...this.#streams.values()]) call.abandon(policyError("draining"));
    for (const one of [...this.#subscriptions, ...this.#later]) if (!one.isClosed()) one.unsubscribe();
    await this.#link.close(this.clock);
  }
}

function checkSubjects(plans: readonly NatsPlan[]): void {
  const taken = new Map<string, string>();
  for (const { subject, bound } of plans) {
    const name = `${bound.info.service}.${bound.info.name}`;
    const other = taken.get(subject);
    if (other !== undefined)
      throw new RangeError(`${name} and ${other} should have different subjects, both have ${subject}`);
    taken.set(subject, name);
  }
}
