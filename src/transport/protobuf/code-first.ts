/**
 * The paths, messages and descriptors of a contract made in TypeScript.
 *
 * @module
 */
import type { AnyService, Shape } from "../../contract/index.ts";
import { policyError } from "../../errors/index.ts";
import { unfit, type WriteReason } from "../json/writer.ts";
import { messageTypesOf, type MessageType, type MethodMessages } from "../message-types.ts";
import { serviceDesc } from "./file-desc.ts";
import { messageReaders, type ReadMessage } from "./message-reader.ts";
import { messageWriters, Output, type WriteMessage } from "./message-writer.ts";
import type { MessageWire, Rpc, RpcService } from "./rpc.ts";
import { WireReader } from "./wire-reader.ts";

/** The largest buffer that is kept for the next message. */
const KEPT_BYTES = 65_536;

/** Whether a writer that is finished is empty: in older versions of protobuf-es it still holds what was written. */
function isReusable(): boolean {
  const to = new Output();
  to.uint32(1).finish();
  return to.finish().length === 0;
}

/** The same as `rpcsOf`, worked out of the methods' schemas. */
export function codeFirstRpcs(service: AnyService): RpcService {
  const messages = messageTypesOf(service);
  const desc = serviceDesc(service, messages);
  const readers = messageReaders();
  const writers = messageWriters();
  const keptBytes = isReusable() ? KEPT_BYTES : -1;
  const rpcs = desc.methods.map((method): [string, Rpc] => {
    const { name } = method;
    const { request, response } = messages.get(name) as MethodMessages;
    const shapes = service.methods[name]!;
    const wire = (type: MessageType, shape: Shape, reason: WriteReason): MessageWire =>
      wireOf(
        type,
        { read: readers(type), write: writers(type) },
        {
          where: `${service.name}.${name} ${reason === "invalid_request" ? "request" : "response"}`,
          toJson: shape.toJson,
          reason,
          keptBytes,
        },
      );
    return [
      name,
      {
        path: `/${service.name}/${name}`,
        request: wire(request, shapes.request, "invalid_request"),
        response: wire(response, shapes.response, "invalid_response"),
        desc: method,
      },
    ];
  });
  return { desc, rpcs: new Map(rpcs) };
}

interface Compiled {
  readonly read: ReadMessage;
  readonly write: WriteMessage;
}

interface Said {
  readonly where: string;
  readonly reason: WriteReason;
  /** The largest buffer that is kept for the next message; less than 0 for none. */
  readonly keptBytes: number;
  readonly toJson: ((value: unknown) => unknown) | undefined;
}

function wireOf(
  { name, isWrapped }: MessageType,
  { read, write }: Compiled,
  { where, reason, toJson, keptBytes }: Said,
): MessageWire {
  // One at a time: a getter of a value may itself write.
  let spare: Output | undefined;

  function readMessage(bytes: Uint8Array, maxDepth: number): unknown {
    try {
      const message = read(new WireReader(bytes, maxDepth), {});
      return isWrapped ? message["value"] : message;
    } catch (cause) {
      throw policyError("malformed_message", { message: `the body is no ${name}`, cause });
    }
  }

  function writeMessage(value: unknown): Uint8Array {
    const to = spare ?? new Output();
    spare = undefined;
    try {
      const form = toJson === undefined ? value : toJson(value);
      write(isWrapped ? { value: form } : form, to);
      const bytes = to.finish();
      if (bytes.length <= keptBytes) spare = to;
      return bytes;
    } catch (thrown) {
      throw unfit(thrown, where, reason);
    }
  }
  return { read: readMessage, write: writeMessage };
}
