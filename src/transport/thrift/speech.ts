/**
 * What a connection speaks, as options of both sides say it.
 *
 * @module
 */
import { checkOneOf, shown } from "../../internal/check.ts";
import { PROTOCOLS, type ThriftProtocol } from "./protocol.ts";
import type { Framing } from "./splitter.ts";

/** What messages are and what stands around them. */
export interface SpeechOptions {
  /**
   * How messages are written: "binary", "compact" or "json". Default: a server takes each as it comes and answers in kind; a
   * client writes binary, which every peer reads.
   */
  readonly protocol?: ThriftProtocol | undefined;
  /**
   * Whether each message has its length before it. Default: a server takes both; a client frames. False for peers that have
   * no frames, as Go kit's example and whatever is made with a buffered transport; then there are no headers either.
   */
  readonly framed?: boolean | undefined;
  /**
   * Whether frames have headers (THeader), which carry metadata, the deadline, ids and the trace. Default: a server takes
   * both; a client sends them, since without them none of that crosses. False for peers that do not know them.
   */
  readonly headers?: boolean | undefined;
}

/** The names of these options. */
export const SPEECH: readonly string[] = ["protocol", "framed", "headers"];

/** Checked: the framings that are allowed, the one to be preferred first, and the protocol if there is only one. */
export interface Speech {
  readonly framings: readonly Framing[];
  readonly protocol: ThriftProtocol | undefined;
}

/** Checks what is spoken. */
export function speechOf({ protocol, framed, headers }: SpeechOptions): Speech {
  checkFlag("framed", framed);
  checkFlag("headers", headers);
  if (headers === true && framed === false)
    throw new RangeError("headers should be false where framed is: they stand in the frame, got true");
  const framings: Framing[] = [];
  if (headers !== false && framed !== false) framings.push("headers");
  if (headers !== true && framed !== false) framings.push("framed");
  if (headers !== true && framed !== true) framings.push("unframed");
  return { framings, protocol: protocol === undefined ? undefined : checkOneOf("protocol", protocol, PROTOCOLS) };
}

function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean")
    throw new TypeError(`${name} should be true or false, got ${shown(value)}`);
}
