/**
 * Dead letters: messages put aside with what was wrong, stored by JetStream before the original is let go.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { ServiceError } from "../../errors/index.ts";
import { headerText, writeHeaders } from "./headers.ts";
import { DELIVERIES, type Delivery } from "./jetstream-delivery.ts";

/** How long storing one may take. */
const TIMEOUT_MS = 5000;

/** A message and why it is put aside. */
export interface DeadLetter {
  readonly delivery: Delivery;
  readonly error: ServiceError;
  /** Where to. */
  readonly subject: string;
  /** When, in milliseconds since 1970. */
  readonly dateMs: number;
}

/** The headers that say why. */
function reasonOf({ delivery, error, dateMs }: DeadLetter): string[] {
  const { stream, sequence, stored, deliveries, msg } = delivery;
  return [
    ...["x-error-code", error.code, "x-error-reason", headerText(error.reason)],
    ...["x-error-message", headerText(error.message), DELIVERIES, String(deliveries)],
    ...["x-failed-in", stream, "x-failed-subject", headerText(msg.subject), "x-failed-sequence", String(sequence)],
    ...["x-failed-at", new Date(dateMs).toISOString()],
    // When letting go of the original is lost, it is put aside again: stored once.
    ...["Nats-Msg-Id", `${stream}.${sequence}.${stored}`],
  ];
}

/** The headers of a dead letter: its own, but for those that tell JetStream what to do, and ours. */
function deadHeaders(letter: DeadLetter): string[] {
  const reason = reasonOf(letter);
  const { headers, msg } = letter.delivery;
  // What cannot be read is not passed on.
  if (headers === undefined || headers.fault !== undefined) return reason;
  const taken = new Set(reason.filter((_text, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  const kept: string[] = [];
  for (const [name, values] of msg.headers ?? []) {
    const lower = name.toLowerCase();
    if (lower.startsWith("nats-") || taken.has(lower)) continue;
    for (const value of values) kept.push(name, headerLine(value));
  }
  return [...kept, ...reason];
}

// What came on one line goes on one line, whatever else its sender wrote.
function headerLine(value: string): string {
  return value.replace(/[\r\n]+/g, " ");
}

/**
 * Stores a dead letter; resolves when JetStream has it.
 *
 * @throws {Error} when it has not.
 */
export async function putAside(connection: NatsConnection, letter: DeadLetter): Promise<void> {
  const { msg } = letter.delivery;
  const max = connection.info?.max_payload ?? Infinity;
  let block = writeHeaders(deadHeaders(letter));
  // Its headers and ours may be more than NATS takes: then the message goes without its own.
  if (bytesOf(block) + msg.data.length > max) block = writeHeaders(reasonOf(letter));
  const answer = await connection.request(letter.subject, msg.data, { headers: block, timeout: TIMEOUT_MS });
  const said = answer.json<{ readonly stream?: string; readonly error?: { readonly description?: string } }>();
  if (said.stream === undefined) throw new Error(said.error?.description ?? "no stream takes it");
}

function bytesOf(block: unknown): number {
  return (block as { encode(): Uint8Array }).encode().length;
}
