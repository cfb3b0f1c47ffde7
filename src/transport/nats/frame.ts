/**
 * What the ends of a stream say to each other: one header, `stream`, with a word and where it needs one a number.
 *
 * @module
 */
import type { NatsHeaders } from "./headers.ts";

/** The header. */
export const STREAM = "stream";

/**
 * The words: a message and its number from 1; no more messages, and the number one more would have; leave to send so many
 * more; an error, after so many messages; taken back; a sign of life; "there is no such stream".
 */
export type Word = "message" | "end" | "credit" | "error" | "cancel" | "ping" | "gone";

/** What a message of a stream says. */
export interface Frame {
  readonly word: Word;
  /** 0 where the word needs none. */
  readonly number: number;
}

/** Whether a header is NATS' own, or ours on top of it: metadata may not have its name. */
export function isOwnHeader(name: string): boolean {
  return name === STREAM || name.startsWith("nats-");
}

const FORM = /^(?:(message|end|credit|error) (\d{1,15})|(cancel|ping|gone))$/;

/** The value of the header. */
export function writeFrame({ word, number }: Frame): string {
  return number > 0 ? `${word} ${number}` : word;
}

/** Reads what a message says of a stream; undefined when it is not part of one. */
export function readFrame(headers: NatsHeaders | undefined): Frame | undefined {
  const found = FORM.exec(headers?.get(STREAM) ?? "");
  if (found === null) return undefined;
  return { word: (found[1] ?? found[3]) as Word, number: Number(found[2] ?? 0) };
}
