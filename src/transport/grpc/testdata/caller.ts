/**
 * A caller that is not ours: grpc-js, with messages by protobuf-es.
 *
 * @module
 */
import { create, fromBinary, toBinary, type DescMethod } from "@bufbuild/protobuf";
import {
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type ServiceError as GrpcError,
  type StatusObject,
} from "@grpc/grpc-js";
import { Add } from "../../protobuf/testdata/gen/add_pb.ts";

/** A message as a test writes it, and as it comes. */
export type Message = Record<string, unknown>;

/** How an answer ended. */
export interface Told {
  readonly value: Message | undefined;
  readonly error: GrpcError | undefined;
  readonly headers: Metadata | undefined;
  readonly status: StatusObject;
}

/** How a call is made. */
export interface Asking {
  readonly metadata?: Record<string, string> | undefined;
  readonly options?: CallOptions | undefined;
  /** Is given the call when it is under way. */
  readonly started?: ((call: { cancel(): void }) => void) | undefined;
}

type Name = "sum" | "concat" | "count" | "total" | "running";

/** Calls `pb.Add`. */
export class Caller implements Disposable {
  readonly client: Client;

  constructor(
    address: string,
    given: { readonly credentials?: ChannelCredentials; readonly options?: ChannelOptions } = {},
  ) {
    this.client = new Client(new URL(address).host, given.credentials ?? credentials.createInsecure(), given.options);
  }

  /** Resolves however the call ends. */
  unary(name: Name, request: Message, { metadata, options = {}, started }: Asking = {}): Promise<Told> {
    const { path, write, read } = wire(name);
    return new Promise((resolve) => {
      let headers: Metadata | undefined;
      let ended: [GrpcError | null, Message | undefined] | undefined;
      let status: StatusObject | undefined;
      const settle = (): void => {
        if (ended === undefined || status === undefined) return;
        resolve({ value: ended[1], error: ended[0] ?? undefined, headers, status });
      };
      const call: ClientUnaryCall = this.client.makeUnaryRequest(
        path,
        write,
        read,
        request,
        metadataOf(metadata),
        options,
        (error, value) => {
          ended = [error, value];
          settle();
        },
      );
      call.on("metadata", (came) => (headers = came));
      call.on("status", (came) => {
        status = came;
        settle();
      });
      started?.(call);
    });
  }

  server(name: Name, request: Message, { metadata, options = {} }: Asking = {}): ClientReadableStream<Message> {
    const { path, write, read } = wire(name);
    return this.client.makeServerStreamRequest(path, write, read, request, metadataOf(metadata), options);
  }

  upload(name: Name, done: (error: GrpcError | null, value?: Message) => void): ClientWritableStream<Message> {
    const { path, write, read } = wire(name);
    return this.client.makeClientStreamRequest(path, write, read, done);
  }

  both(name: Name): ClientDuplexStream<Message, Message> {
    const { path, write, read } = wire(name);
    return this.client.makeBidiStreamRequest(path, write, read);
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

function metadataOf(given: Record<string, string> = {}): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(given))
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  return metadata;
}

interface Wire {
  readonly path: string;
  write(message: Message): Buffer;
  read(bytes: Buffer): Message;
}

function wire(name: Name): Wire {
  const { input, output, name: rpc }: DescMethod = Add.method[name];
  return {
    path: `/pb.Add/${rpc}`,
    write: (message) => Buffer.from(toBinary(input, create(input, message as never))),
    read: (bytes) => fromBinary(output, bytes) as unknown as Message,
  };
}
