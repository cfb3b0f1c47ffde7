/**
 * How much a call matters when some must be refused. It travels as metadata (`request-criticality`), set by whoever begins
 * the work, and every client hands it on to the services behind. (Google's SRE book, chapter 21, with a fifth for work that
 * nobody waits for.)
 *
 * @module
 */
import type { Context } from "../endpoint/index.ts";
import { checkOneOf } from "../internal/check.ts";

/** From what is kept longest to what is refused first. */
export type Criticality = "critical_plus" | "critical" | "default" | "sheddable" | "background";

/** All of them, the most important first: the place in this list is the priority. */
export const CRITICALITIES: readonly Criticality[] = [
  "critical_plus",
  "critical",
  "default",
  "sheddable",
  "background",
];

/** The metadata name, the same in every protocol. */
const NAME = "request-criticality";

const DEFAULT_LEVEL = CRITICALITIES.indexOf("default");

/**
 * How much a call matters, as its metadata says: what came with it on a server, what goes out with it on a client. Unknown
 * words and none at all are "default": a peer must not gain by inventing some.
 *
 * @example
 * ```ts
 * import { backgroundContext } from "servicekit";
 * import { criticalityOf } from "servicekit/resilience";
 *
 * criticalityOf(backgroundContext()); // => "default"
 * ```
 */
export function criticalityOf(context: Context): Criticality {
  return CRITICALITIES[levelOf(context)]!;
}

/** The same as a place in the list. */
export function levelOf(context: Context): number {
  const given = context.method.side === "client" ? context.reply.get(NAME) : context.metadata(NAME);
  if (given === undefined) return DEFAULT_LEVEL;
  const level = CRITICALITIES.indexOf(given as Criticality);
  return level < 0 ? DEFAULT_LEVEL : level;
}

/** The place of a criticality that was given as an option. */
export function checkLevel(given: Criticality | undefined): number {
  return given === undefined
    ? DEFAULT_LEVEL
    : CRITICALITIES.indexOf(checkOneOf("run: criticality", given, CRITICALITIES));
}
