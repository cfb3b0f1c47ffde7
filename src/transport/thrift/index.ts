/**
 * Apache Thrift: servers and clients of any contract, and of services that the Apache compiler generated. Needs nothing but
 * Node; code that the compiler generated needs the package `thrift`, an optional peer of this one.
 *
 * @module
 */
export { thriftServer, type ThriftServerOptions, type ThriftTlsOptions } from "./server.ts";
export { thriftClient, type ThriftClientOptions, type ThriftClientTlsOptions } from "./client.ts";
export type { ThriftReply, ThriftRequest } from "./call.ts";
export type { ThriftClientRequest, ThriftClientResponse } from "./client-exchange.ts";
export { thriftService, typed, type ThriftServiceSpec } from "./generated.ts";
export type { GeneratedException, GeneratedService } from "./generated-wire.ts";
export { foreign, foreignMethod, type Foreign, type ForeignSpec, type ForeignThriftMethod } from "./foreign.ts";
export {
  list,
  map,
  optional,
  set,
  struct,
  type ThriftField,
  type ThriftFields,
  type ThriftScalars,
  type ThriftStruct,
  type ThriftType,
  type ThriftValue,
} from "./struct.ts";
export { thriftText } from "./text.ts";
export type { ThriftProtocol } from "./protocol.ts";
export type { Framing } from "./splitter.ts";
export type { SpeechOptions } from "./speech.ts";
