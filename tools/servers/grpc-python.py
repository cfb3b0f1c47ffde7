"""The service pb.Add over grpcio, as a server and as a caller that tells as JSON what it saw.

grpc-python.py serve PORT FILE    serves at 127.0.0.1:PORT until it is killed
grpc-python.py call PORT FILE     calls what is served there

FILE holds the FileDescriptorProto of add.proto.
"""

import base64
import json
import sys
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

port, path = sys.argv[2], sys.argv[3]
with open(path, "rb") as file:
    described = descriptor_pb2.FileDescriptorProto.FromString(file.read())
pool = descriptor_pool.DescriptorPool()
pool.Add(described)


def message(name):
    found = pool.FindMessageTypeByName("pb." + name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(found)
    return message_factory.MessageFactory(pool).GetPrototype(found)


SumRequest, SumReply = message("SumRequest"), message("SumReply")
ConcatRequest, ConcatReply = message("ConcatRequest"), message("ConcatReply")
# As much as ours takes.
LIMITS = [("grpc.max_receive_message_length", 1 << 20)]


def serve():
    canceled = [0]

    def around(context):
        """What metadata ask for, whatever the method."""
        sent = dict(context.invocation_metadata())
        if "x-wait-ms" in sent:
            gone = threading.Event()
            if not context.add_callback(gone.set) or gone.wait(int(sent["x-wait-ms"]) / 1000):
                canceled[0] += 1
        initial = [(name, sent[name]) for name in ("x-echo", "x-echo-bin") if name in sent]
        context.send_initial_metadata(initial)
        trailing = [("x-trailing", "t"), ("x-trailing-bin", b"\x00\xff")]
        if "x-fail" in sent:
            if "x-details-bin" in sent:
                trailing.append(("grpc-status-details-bin", sent["x-details-bin"]))
            context.set_trailing_metadata(trailing)
            code = next(one for one in grpc.StatusCode if one.value[0] == int(sent["x-fail"]))
            context.abort(code, "zu weit: ä → ☃ 100%")
        context.set_trailing_metadata(trailing)

    def sum_(request, context):
        around(context)
        return SumReply(v=request.a + request.b)

    def concat(request, context):
        around(context)
        if request.a == "canceled?":
            return ConcatReply(v=str(canceled[0]))
        if request.a == "remaining?":
            return ConcatReply(v=str(context.time_remaining() or 0))
        return ConcatReply(v=request.a + request.b)

    def count(request, context):
        around(context)
        for number in range(1, request.a + 1):
            yield SumReply(v=number)

    def total(requests, context):
        around(context)
        return SumReply(v=sum(one.a for one in requests))

    def running(requests, context):
        around(context)
        so_far = 0
        for one in requests:
            so_far += one.a
            yield SumReply(v=so_far)

    def of(make, run, request, reply):
        return make(run, request_deserializer=request.FromString, response_serializer=reply.SerializeToString)

    handlers = {
        "Sum": of(grpc.unary_unary_rpc_method_handler, sum_, SumRequest, SumReply),
        "Concat": of(grpc.unary_unary_rpc_method_handler, concat, ConcatRequest, ConcatReply),
        "Count": of(grpc.unary_stream_rpc_method_handler, count, SumRequest, SumReply),
        "Total": of(grpc.stream_unary_rpc_method_handler, total, SumRequest, SumReply),
        "Running": of(grpc.stream_stream_rpc_method_handler, running, SumRequest, SumReply),
    }
    server = grpc.server(futures.ThreadPoolExecutor(8), options=LIMITS, compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("pb.Add", handlers)])
    if server.add_insecure_port("127.0.0.1:" + port) == 0:
        raise SystemExit("the port is taken")
    server.start()
    server.wait_for_termination()


def call():
    channel = grpc.insecure_channel("127.0.0.1:" + port)

    def of(make, name, request, reply):
        return make("/pb.Add/" + name, request_serializer=request.SerializeToString, response_deserializer=reply.FromString)

    sum_ = of(channel.unary_unary, "Sum", SumRequest, SumReply)
    concat = of(channel.unary_unary, "Concat", ConcatRequest, ConcatReply)
    count = of(channel.unary_stream, "Count", SumRequest, SumReply)
    total = of(channel.stream_unary, "Total", SumRequest, SumReply)
    running = of(channel.stream_stream, "Running", SumRequest, SumReply)

    def plain(metadata):
        def text(value):
            return base64.b64encode(value).decode() if isinstance(value, bytes) else value

        return {name: text(value) for name, value in metadata or ()}

    def failure(run):
        try:
            run()
        except grpc.RpcError as error:
            return {"code": error.code().name, "message": error.details(), "trailing": plain(error.trailing_metadata())}
        return None

    def numbers(*values):
        return (SumRequest(a=value) for value in values)

    said = {}
    said["sum"] = str(sum_(SumRequest(a=2**62, b=-1), timeout=60).v)
    metadata = (("x-echo", "hello"), ("x-echo-bin", b"\x00\x01\xfe"))
    reply, seen = sum_.with_call(SumRequest(a=1, b=2), metadata=metadata, timeout=60)
    said["metadata"] = {"v": reply.v, "initial": plain(seen.initial_metadata()), "trailing": plain(seen.trailing_metadata())}
    said["error"] = failure(lambda: sum_(SumRequest(a=1), metadata=(("x-fail", "9"),), timeout=60))
    said["unknown"] = failure(lambda: of(channel.unary_unary, "Nothing", SumRequest, SumReply)(SumRequest(), timeout=60))
    begin = time.monotonic()
    late = (("x-wait-ms", "30000"),)
    said["deadline"] = failure(lambda: sum_(SumRequest(a=1), metadata=late, timeout=1))
    said["deadlineMs"] = (time.monotonic() - begin) * 1000
    future = sum_.future(SumRequest(a=1), metadata=late, timeout=60)
    threading.Timer(1, future.cancel).start()
    try:
        future.result()
    except grpc.FutureCancelledError:
        said["cancel"] = future.code().name
    said["remaining"] = float(concat(ConcatRequest(a="remaining?"), timeout=60).v)
    text = "x" * 300_000
    said["gzip"] = len(concat(ConcatRequest(a=text, b=text), compression=grpc.Compression.Gzip, timeout=60).v)
    said["tooLarge"] = failure(lambda: concat(ConcatRequest(a="y" * (2 << 20)), timeout=60))["code"]
    said["count"] = [one.v for one in count(SumRequest(a=5), timeout=60)]
    said["many"] = sum(1 for _ in count(SumRequest(a=2000), timeout=60))
    stream = count(SumRequest(a=1_000_000), timeout=60)
    said["first"] = next(stream).v
    stream.cancel()
    said["total"] = total(numbers(*range(1, 101)), timeout=60).v
    said["running"] = [one.v for one in running(numbers(1, 2, 3), timeout=60)]
    said["streamError"] = failure(lambda: list(count(SumRequest(a=3), metadata=(("x-fail", "5"),), timeout=60)))
    said["canceled"] = int(concat(ConcatRequest(a="canceled?"), timeout=60).v)
    print(json.dumps(said))


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]]()
