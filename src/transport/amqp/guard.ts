/**
 * Keeps one message from ending a connection. The library reads headers by recursion, and takes a table that is nested too
 * deeply, or holds a type it does not know, for a broken connection: the broker then delivers the same message again, for
 * ever. Here such a message comes without its headers instead, and is refused like any other with too many.
 *
 * @module
 */
import type { ChannelModel } from "amqplib";
import { UNREADABLE } from "./wire.ts";

/** AMQP 0-9-1 §2.3.5: type, channel and size of a frame, then its payload, then one byte. */
const HEAD_BYTES = 7;

/** The type of a frame that holds the properties of a message (§4.2.6): class, weight, size of the body, properties. */
const HEADER_FRAME = 2;

/** What of a connection the library does not show; where it looks otherwise, nothing is guarded. */
interface Inside {
  recvFrame?: (this: Inside) => unknown;
  /** What was read and not looked at yet. */
  rest?: Buffer;
}

/** Guards a new connection. */
export function guardHeaders(model: ChannelModel): void {
  const inside = model.connection as Inside;
  const receive = inside.recvFrame;
  if (typeof receive !== "function" || !Buffer.isBuffer(inside.rest)) return;
  inside.recvFrame = function guarded(this: Inside): unknown {
    const frames = this.rest!;
    try {
      return receive.call(this);
    } catch (error) {
      const frame = headerOf(frames);
      // What was not taken off is no frame, and then the connection is broken.
      if (frame === undefined || this.rest === frames) throw error;
      return frame;
    }
  };
}

/** The first frame as the library would give it, its properties unread. */
function headerOf(frames: Buffer): object | undefined {
  if (frames.length < HEAD_BYTES || frames[0] !== HEADER_FRAME) return undefined;
  if (frames.length <= HEAD_BYTES + frames.readUInt32BE(3)) return undefined;
  return {
    id: frames.readUInt16BE(HEAD_BYTES),
    channel: frames.readUInt16BE(1),
    size: Number(frames.readBigUInt64BE(HEAD_BYTES + 4)),
    fields: { headers: UNREADABLE },
  };
}
