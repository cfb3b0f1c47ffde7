/**
 * google.rpc.Status and what stands in its details, as far as we write or read it. By hand: the messages are tiny, and
 * protobuf-es has no generated code of them.
 *
 * @module
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The domain of our reasons. */
export const DOMAIN = "servicekit";

/** Where a request is wrong, and how. */
export interface Violation {
  readonly path: readonly string[];
  readonly message: string;
}

/** A status with its details. */
export interface RpcStatus {
  readonly status: number;
  readonly message: string;
  /** google.rpc.ErrorInfo. */
  readonly info: { readonly reason: string; readonly domain: string } | undefined;
  /** google.rpc.RetryInfo. */
  readonly retryAfterMs: number | undefined;
  /** google.protobuf.Value in binary. */
  readonly value: Uint8Array | undefined;
  /** The field violations of google.rpc.BadRequest. */
  readonly violations: readonly Violation[] | undefined;
}

const TYPES = "type.googleapis.com/";
const INFO = "google.rpc.ErrorInfo";
const RETRY = "google.rpc.RetryInfo";
const BAD_REQUEST = "google.rpc.BadRequest";
const VALUE = "google.protobuf.Value";

/** The most details and violations that are read. */
const MAX_READ = 20;

/** Writes a status. */
export function writeStatus({ status, message, info, retryAfterMs, value }: RpcStatus): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(status);
  if (message !== "") writer.tag(2, WireType.LengthDelimited).string(message);
  if (info !== undefined) {
    const { reason, domain } = info;
    const inner = new BinaryWriter().tag(1, WireType.LengthDelimited).string(reason);
    addAny(writer, INFO, inner.tag(2, WireType.LengthDelimited).string(domain).finish());
  }
  if (retryAfterMs !== undefined) {
    const duration = new BinaryWriter().tag(1, WireType.Varint).int64(Math.floor(retryAfterMs / 1000));
    duration.tag(2, WireType.Varint).int32(Math.round((retryAfterMs % 1000) * 1_000_000));
    addAny(writer, RETRY, new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(duration.finish()).finish());
  }
  if (value !== undefined) addAny(writer, VALUE, value);
  return writer.finish();
}

function addAny(writer: BinaryWriter, type: string, value: Uint8Array): void {
  const any = new BinaryWriter().tag(1, WireType.LengthDelimited).string(TYPES + type);
  any.tag(2, WireType.LengthDelimited).bytes(value);
  writer.tag(3, WireType.LengthDelimited).bytes(any.finish());
}

/**
 * Reads a status; details it does not know are passed over.
 *
 * @throws {Error} when the bytes are no such message.
 */
export function readStatus(bytes: Uint8Array): RpcStatus {
  let status = 0;
  let message = "";
  let count = 0;
  const found: { -readonly [P in keyof RpcStatus]?: RpcStatus[P] } = {};
  eachField(bytes, (field, wire, reader) => {
    if (field === 1 && wire === WireType.Varint) status = reader.int32();
    else if (field === 2 && wire === WireType.LengthDelimited) message = reader.string();
    else if (field === 3 && wire === WireType.LengthDelimited && count++ < MAX_READ) readAny(reader.bytes(), found);
    else reader.skip(wire, field);
  });
  const { info, retryAfterMs, value, violations } = found;
  return { status, message, info, retryAfterMs, value, violations };
}

function readAny(bytes: Uint8Array, found: { -readonly [P in keyof RpcStatus]?: RpcStatus[P] }): void {
  let url = "";
  let value: Uint8Array = new Uint8Array(0);
  eachField(bytes, (field, wire, reader) => {
    if (field === 1 && wire === WireType.LengthDelimited) url = reader.string();
    else if (field === 2 && wire === WireType.LengthDelimited) value = reader.bytes();
    else reader.skip(wire, field);
  });
  const type = url.slice(url.lastIndexOf("/") + 1);
  if (type === INFO) {
    const [, reason = "", domain = ""] = stringsOf(value, 2);
    found.info ??= { reason, domain };
  } else if (type === RETRY) found.retryAfterMs ??= delayOf(value);
  else if (type === VALUE) found.value ??= value;
  else if (type === BAD_REQUEST) found.violations ??= violationsOf(value);
}

/** The strings in the first fields of a message, by number. */
function stringsOf(bytes: Uint8Array, last: number): readonly (string | undefined)[] {
  const strings: (string | undefined)[] = [];
  eachField(bytes, (field, wire, reader) => {
    if (field <= last && wire === WireType.LengthDelimited) strings[field] = reader.string();
    else reader.skip(wire, field);
  });
  return strings;
}

function delayOf(bytes: Uint8Array): number | undefined {
  let ms: number | undefined;
  eachField(bytes, (field, wire, reader) => {
    if (field !== 1 || wire !== WireType.LengthDelimited) return void reader.skip(wire, field);
    ms = 0;
    eachField(reader.bytes(), (part, partWire, inner) => {
      if (part === 1 && partWire === WireType.Varint) ms! += Number(inner.int64()) * 1000;
      else if (part === 2 && partWire === WireType.Varint) ms! += inner.int32() / 1_000_000;
      else inner.skip(partWire, part);
    });
  });
  return ms !== undefined && ms >= 0 && ms < 1e12 ? ms : undefined;
}

function violationsOf(bytes: Uint8Array): readonly Violation[] {
  const violations: Violation[] = [];
  eachField(bytes, (field, wire, reader) => {
    if (field !== 1 || wire !== WireType.LengthDelimited || violations.length === MAX_READ)
      return void reader.skip(wire, field);
    const [, path = "", message = ""] = stringsOf(reader.bytes(), 2);
    violations.push({ path: path === "" ? [] : path.split("."), message });
  });
  return violations;
}

function eachField(bytes: Uint8Array, take: (field: number, wire: WireType, reader: BinaryReader) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    take(field, wire, reader);
  }
}
