/**
 * Lets what is written in one turn of the loop leave in one write. The library writes each message by itself, and a write is
 * the dearest thing a small message takes.
 *
 * @module
 */
import type { ChannelModel } from "amqplib";

/** What of a connection the library does not show; where it looks otherwise, messages leave one by one. */
interface Inside {
  readonly muxer?: { _readIncoming?: () => void };
  readonly stream?: { cork?(): void; uncork?(): void };
}

/** Batches the writes of a new connection. */
export function batchWrites(model: ChannelModel): void {
  const { muxer, stream } = model.connection as Inside;
  const write = muxer?._readIncoming;
  if (muxer === undefined || typeof write !== "function") return;
  if (typeof stream?.cork !== "function" || typeof stream.uncork !== "function") return;
  muxer._readIncoming = function batched(): void {
    stream.cork!();
    try {
      write.call(muxer);
    } finally {
      stream.uncork!();
    }
  };
}
