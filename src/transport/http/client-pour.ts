/**
 * Sends a request's body as it comes, as fast as the peer takes it.
 *
 * @module
 */
import type { ClientRequest } from "node:http";
import type { ByteStream } from "../codec.ts";

/** Sends all of it and ends the request; `failed` hears of what the stream threw. A request that is over stops it. */
export function pourOut(body: ByteStream, request: ClientRequest, failed: (error: unknown) => void): void {
  const pieces = body[Symbol.asyncIterator]();
  const stop = (): void => void pieces.return?.().then(undefined, () => undefined);
  request.once("close", stop);
  pour(pieces, request).then(
    () => {
      request.removeListener("close", stop);
      request.end();
    },
    (error: unknown) => {
      request.removeListener("close", stop);
      failed(error);
    },
  );
}

async function pour(pieces: AsyncIterator<Uint8Array>, request: ClientRequest): Promise<void> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done === true || request.destroyed) return;
    if (!(value instanceof Uint8Array)) throw new TypeError("a stream of bytes should give Uint8Arrays");
    if (!request.write(value)) await drained(request);
  }
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      request.removeListener("drain", settle);
      request.removeListener("close", settle);
      resolve();
    };
    request.on("drain", settle);
    request.on("close", settle);
    if (request.destroyed) settle();
  });
}
