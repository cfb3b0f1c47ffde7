/**
 * Access lines as JSON by concatenation: most of a line is made once for each method, the rest is numbers and texts that
 * need no escaping. An eighth of the time of the general way, for the same line (a test holds them equal).
 *
 * @module
 */
import { OTHER, type Call, type MethodInfo, type Observer } from "../endpoint/index.ts";
import { isSampled, levelOf, messageOf, microsOf, targetOf, type AccessRules } from "./access-rules.ts";
import { JSON_START, JsonFormat } from "./json.ts";
import { rankOf, type Level } from "./level.ts";
import type { Logger } from "./logger.ts";
import { quoteWithin, utf8Length } from "./quote.ts";
import { behind } from "./report.ts";
import { Stamp } from "./stamp.ts";
import { StructuredLogger, type Core } from "./structured.ts";

/** The names an access line uses. */
const NAMES =
  "service method transport code reason status ms in out peer request_id trace_id sampled slow attempts target error".split(
    " ",
  );

/** Room for everything in a line that differs from call to call, without the error. */
const CHANGING_BYTES = 3072;

/** Longer ids and addresses are cut. */
const MAX_ID_BYTES = 256;

/** Peers come again on every request of their connection; those that are remembered are forgotten all at once. */
const MAX_PEERS = 512;

/** Makes fast observers, when the logger is one of ours and nothing about it needs the general way. */
export function jsonAccess(
  logger: Logger,
  rules: AccessRules,
): ((method: MethodInfo) => Observer | undefined) | undefined {
  if (!(logger instanceof StructuredLogger)) return undefined;
  const { core, bound } = logger;
  const { format } = core;
  if (!(format instanceof JsonFormat) || bound.isComputed || bound.cut > 0) return undefined;
  if (NAMES.some((name) => format.redaction.isSecret(name))) return undefined;
  const own = new Set(NAMES.map((name) => format.label(name).text));
  const fixed = [...bound.fields].filter(([label]) => !own.has(label)).map(([, field]) => field as string);
  const shared = new Shared(core, format, rules);
  return function observe(method) {
    const names = `,"service":${quoteWithin(method.service, 512)},"method":${quoteWithin(method.name, 512)}`;
    const start = `,"msg":"${messageOf(method)}"${fixed.join("")}${names}`;
    return utf8Length(start) > core.maxLineBytes - CHANGING_BYTES ? undefined : new JsonAccess(shared, method, start);
  };
}

class Shared {
  readonly core: Core;
  readonly format: JsonFormat;
  readonly rules: AccessRules;
  readonly stamp: Stamp;
  readonly #peers = new Map<string, string>();
  #peer = "";
  #peerText = ',"request_id":"';

  constructor(core: Core, format: JsonFormat, rules: AccessRules) {
    this.core = core;
    this.format = format;
    this.rules = rules;
    this.stamp = new Stamp(core.clock, JSON_START, '"');
    for (let i = fractions.length; i < 1000; i++) fractions.push(`.${String(i).padStart(3, "0")}`);
  }

  /** `,"peer":"127.0.0.1:5000","request_id":"`. */
  peer(peer: string): string {
    if (peer === this.#peer) return this.#peerText;
    let text = this.#peers.get(peer);
    if (text === undefined) {
      text = flat(peer === "" ? "" : `,"peer":${quoteWithin(peer, MAX_ID_BYTES)}`, ',"request_id":"');
      if (this.#peers.size === MAX_PEERS) this.#peers.clear();
      this.#peers.set(peer, text);
    }
    this.#peer = peer;
    this.#peerText = text;
    return text;
  }
}

class JsonAccess implements Observer {
  readonly #shared: Shared;
  readonly #start: string;
  readonly #isOther: boolean;
  #transport = "";
  #status = -1;
  #ok = "";

  constructor(shared: Shared, method: MethodInfo, start: string) {
    this.#shared = shared;
    this.#isOther = method.service === OTHER;
    this.#start = start;
  }

  end(call: Call): void {
    const { core, rules, stamp } = this.#shared;
    const outcome = call.outcome ?? "unknown";
    const isSlow = call.durationMs > rules.slowMs;
    if (outcome !== "ok" || isSlow || call.attempts > 1 || this.#isOther)
      return this.#unusual(call, levelOf(outcome, isSlow), isSlow);
    if (core.rank > rankOf.info || !isSampled(rules)) return;
    // Nearly all calls of a method come through one transport and end with one status.
    if (call.status !== this.#status || call.transport !== this.#transport) this.#turn(call);
    core.batch.add(stamp.text() + this.#ok + this.#numbers(call) + this.#ids(call, "}\n"), false);
  }

  #turn(call: Call): void {
    this.#transport = call.transport;
    this.#status = call.status;
    this.#ok = this.#head(call, "info");
  }

  #unusual(call: Call, level: Level, isSlow: boolean): void {
    const { core, format, rules, stamp } = this.#shared;
    if (core.rank > rankOf[level] || (call.outcome === "ok" && !isSlow && !isSampled(rules))) return;
    let line = stamp.text() + this.#head(call, level) + this.#numbers(call) + this.#ids(call, "");
    if (isSlow) line += ',"slow":true';
    if (call.attempts > 1) line += `,"attempts":${call.attempts}`;
    const target = targetOf(call);
    if (target !== undefined) line += `,"target":${format.value(target, CHANGING_BYTES >> 1)}`;
    if (level === "error" && call.error !== undefined) {
      line += `,"error":${format.value(behind(call.error), core.maxLineBytes - utf8Length(line) - 384)}`;
    }
    core.batch.add(`${line}}\n`, level === "error");
  }

  #head({ transport, outcome = "unknown", error, status }: Call, level: Level): string {
    const by = transport === "" ? "" : `,"transport":${quoteWithin(transport, MAX_ID_BYTES)}`;
    const reason = error === undefined ? "" : `,"reason":${quoteWithin(error.reason, MAX_ID_BYTES)}`;
    const ended = `,"code":"${outcome}"${reason}${status === 0 ? "" : `,"status":${status}`}`;
    return flat(`,"level":"${level}"`, this.#start, by, ended, ',"ms":');
  }

  #numbers(call: Call): string {
    const micros = microsOf(call.durationMs);
    const ms = Math.floor(micros / 1000);
    return ms + fractions[micros - ms * 1000]! + inText(call.requestBytes) + call.responseBytes;
  }

  /** The ids; `end` is "" or the end of the line, in one piece with the last quote. */
  #ids(call: Call, end: "" | "}\n"): string {
    const { trace } = call;
    // Both are safe to print by their contract: checked where they came in, or made here.
    const ids = this.#shared.peer(call.peer) + call.context.requestId;
    const quoted = end === "" ? '"' : '"}\n';
    if (trace === undefined) return ids + quoted;
    return ids + '","trace_id":"' + trace.traceId + (trace.sampled ? '","sampled":true' + end : quoted);
  }
}

/** `.000` to `.999`. */
const fractions: string[] = [];

/** `,"in":0,"out":` and so on, for the sizes that come again and again. */
const sizes: string[] = [];

function inText(bytes: number): string {
  if (bytes < 1024 && bytes >>> 0 === bytes) return (sizes[bytes] ??= flat(',"in":', String(bytes), ',"out":'));
  return `,"in":${bytes},"out":`;
}

// A concatenation stays a tree until it is written, and each node of it costs 10 ns per line then; a join is one piece.
function flat(...parts: string[]): string {
  return parts.join("");
}
