/**
 * A collector that decodes with a library which knows nothing of our writer, and refuses what a real one refuses.
 *
 * @module
 */
import { fromBinary, toJson, type DescMessage, type Message as ProtoMessage } from "@bufbuild/protobuf";
import { collector, type FakeCollector, type Received, type Reply } from "../../../test/collector.ts";
import { LogsSchema, MetricsSchema, TracesSchema } from "./gen/otlp_pb.ts";

const schemas: Readonly<Record<string, DescMessage>> = {
  "/v1/traces": TracesSchema,
  "/v1/metrics": MetricsSchema,
  "/v1/logs": LogsSchema,
};

/** Decoded OTLP in its JSON form: identifiers in hex, defaults left out. */
export interface Decoded {
  readonly [name: string]: any; // oxlint-disable-line typescript/no-explicit-any -- a tree that tests walk as they please
}

/** A collector that keeps what it could decode. */
export interface StrictCollector extends FakeCollector {
  readonly decoded: readonly Decoded[];
}

/** Starts one; `reply` is asked once a request was found good. */
export async function strictCollector(
  reply: (index: number) => Reply = () => ({ status: 200 }),
): Promise<StrictCollector> {
  const decoded: Decoded[] = [];
  const fake = await collector((request, index) => {
    const isProto = request.headers["content-type"] === "application/x-protobuf";
    if (!isProto && request.headers["content-type"] !== "application/json") return { status: 415 };
    decoded.push(isProto ? decodeProtobuf(request) : (JSON.parse(request.body.toString()) as Decoded));
    return reply(index);
  });
  return {
    url: fake.url,
    received: fake.received,
    decoded,
    get mostAtOnce() {
      return fake.mostAtOnce;
    },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

function decodeProtobuf({ path, body }: Received): Decoded {
  const schema = schemas[path];
  if (schema === undefined) throw new Error(`nothing is at ${path}`);
  return decode(schema, body);
}

/** @throws {Error} when it is no such message, holds a field that is unknown, or an identifier of a wrong length. */
export function decode(schema: DescMessage, bytes: Uint8Array): Decoded {
  const message = fromBinary(schema, bytes);
  refuseUnknown(message);
  return hexed(toJson(schema, message)) as Decoded;
}

function refuseUnknown(value: unknown): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  const unknown = (value as ProtoMessage).$unknown ?? [];
  if (unknown.length > 0) throw new Error(`unknown field ${unknown[0]!.no}`);
  for (const one of Object.values(value)) refuseUnknown(one);
}

const BYTES: Readonly<Record<string, number>> = { traceId: 16, spanId: 8, parentSpanId: 8 };

function hexed(value: unknown, name = ""): unknown {
  if (typeof value === "string" && BYTES[name] !== undefined) {
    const bytes = Buffer.from(value, "base64");
    if (bytes.length !== BYTES[name]) throw new Error(`${name} has ${bytes.length} bytes`);
    return bytes.toString("hex");
  }
  if (Array.isArray(value)) return value.map((one) => hexed(one, name));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, hexed(one, key)]));
}
