/**
 * Messages of a call in their frames, compressed where that is wanted.
 *
 * @module
 */
import { bareError, ServiceError } from "../../errors/index.ts";
import { deflate, deflateLater, deflatesAtOnce, inflate, inflateLater, inflatesAtOnce } from "./compression.ts";
import { invalidAnswer, unreadable } from "./client-errors.ts";
import type { MethodPlan } from "./client-exchange.ts";
import { frame, type Frame } from "./frame.ts";
import type { Fields } from "./metadata.ts";

/** A request's message in its frame, now or later. */
export function framed(message: Uint8Array, compressBytes: number | undefined): Buffer | Promise<Buffer> {
  if (compressBytes === undefined || message.length < compressBytes) return frame(message);
  if (deflatesAtOnce(message)) return frame(deflate(message), true);
  return deflateLater(message).then((packed) => frame(packed, true));
}

/**
 * The wire value of an answer's message, now or later.
 *
 * @throws {ServiceError} invalid_response when it cannot be read, too_large when it is, or the error it stands for.
 */
export function valueIn(plan: MethodPlan, { isCompressed, data }: Frame, headers: Fields): unknown {
  if (!isCompressed) return readOne(plan, data);
  if (headers["grpc-encoding"] !== "gzip") throw invalidAnswer("the answer's coding is not supported");
  const { maxBodyBytes } = plan.way.options.limits;
  try {
    if (inflatesAtOnce(data)) return readOne(plan, inflate(data, maxBodyBytes));
  } catch (error) {
    throw unreadable(error as ServiceError);
  }
  return inflateLater(data, maxBodyBytes).then(
    (plain) => readOne(plan, plain),
    (error: unknown) => {
      throw unreadable(error as ServiceError);
    },
  );
}

function readOne(plan: MethodPlan, data: Uint8Array): unknown {
  let wire: unknown;
  try {
    wire = plan.response.read(data, plan.way.options.limits.maxDepth);
  } catch (error) {
    throw ServiceError.is(error) ? unreadable(error) : invalidAnswer("the answer cannot be read", error);
  }
  if (ServiceError.is(wire)) throw asPeers(wire);
  return wire;
}

// A foreign wire's errors come in its answers: the peer said it, whoever made the object.
function asPeers({ message, code, reason, details, retryAfterMs }: ServiceError): ServiceError {
  return bareError(message, { code, reason, details, retryAfterMs, origin: "peer" });
}
