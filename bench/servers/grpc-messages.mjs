// The add service for libraries that take a protobuf-es descriptor, and for those that take functions.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { fileDesc, messageDesc, serviceDesc } from "@bufbuild/protobuf/codegenv2";

// service Add { rpc Sum(SumRequest) returns (SumReply); } of package pb, integers of 64 bits.
const file = fileDesc(
  "CglhZGQucHJvdG8SAnBiIiIKClN1bVJlcXVlc3QSCQoBYRgBIAEoAxIJCgFiGAIgASgDIhUKCFN1bVJlcGx5EgkKAXYYASABKAMyLgoDQWRkEicKA1N1bRIOLnBiLlN1bVJlcXVlc3QaDC5wYi5TdW1SZXBseSIAYgZwcm90bzM",
);
const SumRequest = messageDesc(file, 0);
const SumReply = messageDesc(file, 1);
export const Add = serviceDesc(file, 0);

const coded = (schema) => ({
  write: (value) => Buffer.from(toBinary(schema, create(schema, value))),
  read: (bytes) => fromBinary(schema, bytes),
});
const [request, reply] = [coded(SumRequest), coded(SumReply)];

const about = (stream) => ({
  requestStream: false,
  responseStream: stream,
  requestSerialize: request.write,
  requestDeserialize: request.read,
  responseSerialize: reply.write,
  responseDeserialize: reply.read,
});

/** As grpc-js and nice-grpc describe a service. */
export const definition = {
  sum: { path: "/pb.Add/Sum", ...about(false) },
  count: { path: "/pb.Add/Count", ...about(true) },
  wait: { path: "/pb.Add/Wait", ...about(true) },
};
