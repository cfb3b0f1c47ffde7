/**
 * Streams and consumers as a server wants them: options checked, and what is missing made.
 *
 * @module
 */
import { checkNames, checkNumber, checkOneOf, checkString, shown } from "../../internal/check.ts";
import type { Config, JetStreamApi } from "./jetstream-api.ts";

/** A stream and what is kept in it. Of a stream that is there already, only missing subjects are added. */
export interface JetStreamStream {
  /** Its name: letters, digits, `_` and `-`. Default: the service's, with `_` for dots. */
  readonly name?: string | undefined;
  /**
   * How long a message is kept that nobody has done with, a second to ten years. Default: 7 days: longer than a weekend's
   * outage, and still bounded.
   */
  readonly maxAgeMs?: number | undefined;
  /** The most bytes of all messages, from 1024. When it is full, publishers are refused. Default: 256 MiB. */
  readonly maxBytes?: number | undefined;
  /**
   * When a message goes: `workqueue` once it is done, with one consumer for each subject; `interest` once all consumers are
   * done with it, and nothing is kept while there is none; `limits` by age alone. Default: "workqueue".
   */
  readonly retention?: "workqueue" | "interest" | "limits" | undefined;
  /** Where it is: "file" survives a restart. Default: "file". */
  readonly storage?: "file" | "memory" | undefined;
  /** On how many servers of a cluster it is, 1 to 5. Default: 1, which is all that a single server can. */
  readonly replicas?: number | undefined;
  /** How long the ids of messages are remembered, so that one published again is stored once; 100 ms to a day. Default: 2 minutes. */
  readonly duplicateWindowMs?: number | undefined;
}

const DAY_MS = 86_400_000;

/** JetStream tells times in nanoseconds. */
const MS = 1_000_000;

/** How often a stream is looked at that others change at the same time. */
const MAX_LOOKS = 5;

const NAME = { pattern: /^[\w-]{1,200}$/, says: "letters, digits, _ and -" };

/** Checks a stream's or consumer's name. */
export function checkName(option: string, name: unknown): string {
  return checkString(option, name, NAME);
}

/** A service's name as streams and consumers may have it. */
export function plainName(service: string): string {
  return service.replaceAll(".", "_");
}

/** A stream's settings, checked; `name` is undefined where the service's is taken. */
export interface StreamSettings {
  readonly name: string | undefined;
  readonly config: Config;
}

/** Checks the option `stream`, and fills in the defaults. */
export function streamSettings(given: string | JetStreamStream = {}): StreamSettings {
  if (typeof given === "string") return streamSettings({ name: given });
  if (typeof given !== "object" || given === null)
    throw new TypeError(`stream should be a name or an object, got ${shown(given)}`);
  checkNames("stream", given, [
    ...["name", "maxAgeMs", "maxBytes", "retention", "storage", "replicas", "duplicateWindowMs"],
  ]);
  const { name, maxAgeMs = 7 * DAY_MS, maxBytes = 268_435_456, retention = "workqueue", storage = "file" } = given;
  checkNumber("stream.maxAgeMs", maxAgeMs, { min: 1000, max: 3650 * DAY_MS });
  const windowMs = given.duplicateWindowMs ?? Math.min(120_000, maxAgeMs);
  return {
    name: name === undefined ? undefined : checkName("stream.name", name),
    config: {
      max_age: Math.floor(maxAgeMs) * MS,
      max_bytes: checkNumber("stream.maxBytes", maxBytes, { min: 1024, integer: true }),
      retention: checkOneOf("stream.retention", retention, ["workqueue", "interest", "limits"]),
      storage: checkOneOf("stream.storage", storage, ["file", "memory"]),
      num_replicas: checkNumber("stream.replicas", given.replicas ?? 1, { min: 1, max: 5, integer: true }),
      duplicate_window:
        Math.floor(checkNumber("stream.duplicateWindowMs", windowMs, { min: 100, max: Math.min(DAY_MS, maxAgeMs) })) *
        MS,
      // Old messages must not go to make room for new ones: whoever publishes hears that there is none.
      discard: "new",
    },
  };
}

/** The stream of dead letters: like the one they come from, kept by age alone and longer. */
export function deadStream(name: string, subject: string, { config }: StreamSettings): Config {
  return { ...config, name, subjects: [subject], retention: "limits", max_age: 30 * DAY_MS * MS };
}

/** Sees to it that a stream is there and takes these subjects. */
export async function ensureStream(api: JetStreamApi, wanted: Config): Promise<void> {
  const subjects = wanted["subjects"] as readonly string[];
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const found = await api.stream(String(wanted["name"]));
    if (found === undefined) {
      try {
        await api.createStream(wanted);
      } catch (error) {
        // Another instance may have been quicker.
        if ((await api.stream(String(wanted["name"]))) === undefined) throw error;
      }
      continue;
    }
    const has = (found["subjects"] ?? []) as readonly string[];
    const missing = subjects.filter((subject) => !has.some((pattern) => matches(pattern, subject)));
    if (missing.length === 0) return;
    // Looked at again: two services that share a stream may add theirs at once.
    await api.updateStream({ ...found, subjects: [...has, ...missing] });
  }
}

/** Whether a pattern, with `*` and `>`, takes a subject. */
export function matches(pattern: string, subject: string): boolean {
  const [wanted, tokens] = [pattern.split("."), subject.split(".")];
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === ">") return tokens.length > i;
    if (i >= tokens.length || (wanted[i] !== "*" && wanted[i] !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

/**
 * One pattern for several subjects, since servers before 2.10 know no more than one: what they begin with, then `>`;
 * undefined when they have nothing in common.
 */
export function patternOf(subjects: readonly string[]): string | undefined {
  const [first = "", ...others] = subjects;
  if (others.length === 0) return first;
  const tokens = first.split(".");
  const common = tokens.findIndex((token, i) => others.some((other) => other.split(".")[i] !== token));
  // A subject that others go on from has no token of its own left.
  const shortest = Math.min(...subjects.map((subject) => subject.split(".").length)) - 1;
  const length = Math.min(common < 0 ? tokens.length : common, shortest);
  return length === 0 ? undefined : [...tokens.slice(0, length), ">"].join(".");
}
