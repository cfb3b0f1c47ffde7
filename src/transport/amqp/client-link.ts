/**
 * A client's connection to one broker, shared by all its services there: requests on their way, and those that wait for
 * room or for the connection.
 *
 * @module
 */
import type { Message } from "amqplib";
import { policyError, type ServiceError } from "../../errors/index.ts";
import type { Clock } from "../../time/index.ts";
import { Pending } from "../pending.ts";
import type { Exchange } from "./client-exchange.ts";
import { ClientSession, type SessionListener } from "./client-session.ts";
import type { ConnectSettings, Place } from "./connect.ts";
import { Link } from "./link.ts";

/** What a client's connection is made with. */
export interface ClientLinkOptions {
  readonly place: Place;
  readonly connect: ConnectSettings;
  readonly clock: Clock;
  readonly replies: "direct" | "exclusive";
  readonly whileDown: "fail" | "wait";
  readonly maxWaiting: number;
}

/** A number of ours as it comes back. */
const NUMBER = /^[1-9]\d{0,15}$/;

/** Sends requests and finds the calls that replies are for. */
export class ClientLink implements SessionListener {
  readonly #options: ClientLinkOptions;
  readonly #link: Link<ClientSession>;
  readonly #pending = new Pending<Exchange>();
  readonly #waiting = new Set<Exchange>();
  readonly #prefix: string;
  #settled: (() => void) | undefined = undefined;

  constructor(options: ClientLinkOptions) {
    this.#options = options;
    const { place, connect, clock, replies, whileDown } = options;
    this.#prefix = `${connect.random.hex(8)}-`;
    this.#link = new Link<ClientSession>({
      place,
      connect,
      clock,
      keepsAlive: false,
      prepare: (model, lost) => ClientSession.open(model, { replies, listener: this, lost }),
      up: () => this.ready(),
      down: (_session, cause) => {
        this.#pending.failAll(policyError("connection_lost", { cause }));
        if (whileDown === "fail") this.#turnAway(policyError("unreachable", { cause }));
      },
      failed: (error) => (whileDown === "fail" ? this.#turnAway(error) : undefined),
    });
  }

  /** Publishes a request, at once if it can be. */
  send(exchange: Exchange): void {
    const { session } = this.#link;
    // Nobody overtakes those that wait.
    if (session !== undefined && this.#waiting.size === 0 && session.hasRoom) this.#publish(session, exchange);
    else this.#wait(exchange, session !== undefined);
  }

  #wait(exchange: Exchange, isUp: boolean): void {
    const { whileDown, maxWaiting } = this.#options;
    const link = this.#link;
    const opens = !isUp && !link.isOpening && link.mayHurry;
    if (!isUp && !link.isOpening && !opens && whileDown === "fail") return exchange.reject(policyError("unreachable"));
    if (this.#waiting.size >= maxWaiting) {
      const message = `more than ${maxWaiting} calls wait for the broker`;
      return exchange.reject(policyError("overloaded", { message }));
    }
    this.#waiting.add(exchange);
    exchange.waits = exchange.call.onCancel((reason) => {
      this.#stop(exchange);
      exchange.reject(reason);
    });
    // What it fails with is told to all that wait.
    if (opens) link.open().catch(() => undefined);
  }

  #stop(exchange: Exchange): void {
    exchange.waits?.cancel();
    this.#waiting.delete(exchange);
    this.#leave();
  }

  #turnAway(error: ServiceError): void {
    for (const exchange of [...this.#waiting]) {
      this.#stop(exchange);
      exchange.reject(error);
    }
  }

  /** There is room: those that waited go first, in their order. */
  ready(): void {
    const { session } = this.#link;
    if (session === undefined) return;
    for (const exchange of this.#waiting) {
      if (!session.hasRoom) return;
      exchange.waits?.cancel();
      this.#waiting.delete(exchange);
      this.#publish(session, exchange);
    }
    this.#leave();
  }

  #publish(session: ClientSession, exchange: Exchange): void {
    const { clock } = this.#options;
    const pending = this.#pending.add(exchange);
    try {
      const outgoing = exchange.outgoing({
        id: pending.id,
        nowMs: clock.now(),
        dateMs: clock.date(),
        replyTo: session.replyTo,
        prefix: this.#prefix,
      });
      if (!exchange.plan.isOneWay) return session.ask(outgoing);
      session.tell(outgoing, (error) => {
        if (error === null) pending.resolve(undefined);
        else pending.reject(policyError("connection_lost", { message: "the broker did not confirm it", cause: error }));
      });
    } catch (error) {
      // What the library throws: the channel is closing.
      pending.reject(isClosing(error) ? policyError("unreachable", { cause: error }) : (error as ServiceError));
    }
  }

  replied(message: Message): void {
    const pending = this.#pendingOf((message.properties as { readonly correlationId?: unknown }).correlationId);
    // Late: nobody waits any more.
    if (pending === undefined) return;
    let wire: unknown;
    try {
      wire = pending.waiting.answerOf(message);
    } catch (error) {
      return pending.reject(error as ServiceError);
    }
    pending.resolve(wire);
  }

  returned({ properties }: Message): void {
    const { correlationId, messageId } = properties as {
      readonly correlationId?: unknown;
      readonly messageId?: unknown;
    };
    const told = typeof messageId === "string" && messageId.startsWith(this.#prefix);
    this.#pendingOf(told ? messageId.slice(this.#prefix.length) : correlationId)?.reject(
      policyError("unreachable", { message: "no queue takes the message" }),
    );
  }

  #pendingOf(number: unknown): ReturnType<Pending<Exchange>["get"]> {
    return typeof number === "string" && NUMBER.test(number) ? this.#pending.get(Number(number)) : undefined;
  }

  #leave(): void {
    if (this.#waiting.size === 0) this.#settled?.();
  }

  /** Lets calls in flight finish, then closes the connection. */
  async close(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#settled = resolve));
    await this.#pending.idle();
    await this.#link.close();
  }
}

function isClosing(error: unknown): boolean {
  return error instanceof Error && error.name === "IllegalOperationError";
}
