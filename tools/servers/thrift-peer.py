#!/usr/bin/python3
"""Apache's own Thrift library for Python as a peer, over code that its compiler made from an IDL.

    thrift-peer.py serve GENERATED PROTOCOL TRANSPORT        prints its port, serves the service `peer` until stdin ends
    thrift-peer.py call GENERATED PROTOCOL TRANSPORT PORT    calls each method of a server, prints what came as JSON lines

PROTOCOL is binary, compact, json or header; TRANSPORT is framed, buffered or header.
"""
import json
import os
import sys
import threading

mode, generated, protocol, transport = sys.argv[1:5]
sys.path.insert(0, generated)

from thrift.protocol import TBinaryProtocol, TCompactProtocol, THeaderProtocol, TJSONProtocol  # noqa: E402
from thrift.server import TServer  # noqa: E402
from thrift.Thrift import TApplicationException  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402

from idl import peer  # noqa: E402
from idl.ttypes import EchoRequest, EchoResponse, Failure, NoteRequest, SumRequest, SumResponse  # noqa: E402

PROTOCOLS = {
    "binary": TBinaryProtocol.TBinaryProtocolFactory(),
    "compact": TCompactProtocol.TCompactProtocolFactory(),
    "json": TJSONProtocol.TJSONProtocolFactory(),
    "header": THeaderProtocol.THeaderProtocolFactory(),
}


class Handler:
    notes = []

    def sum(self, request):
        if request.a == 0 and request.b == 0:
            raise Failure(code="invalid_argument", reason="two_zeroes", message="two zeroes", details='{"n":7}')
        if request.a == -1:
            raise RuntimeError("hunter2")
        return SumResponse(v=request.a + request.b)

    def echo(self, request):
        return EchoResponse(**request.__dict__)

    def note(self, request):
        self.notes.append(request.text)

    def noted(self, request):
        from idl.ttypes import NotedResponse
        return NotedResponse(texts=list(self.notes))


def serve():
    socket = TSocket.TServerSocket(host="127.0.0.1", port=0)
    socket.listen()
    port = socket.handle.getsockname()[1]

    class Listening:
        """The socket as it is: the server would open it again, on another port."""

        def listen(self):
            pass

        def accept(self):
            return socket.accept()

        def close(self):
            socket.close()

    factory = TTransport.TFramedTransportFactory() if transport == "framed" else TTransport.TBufferedTransportFactory()
    if transport == "header":
        factory = TTransport.TTransportFactoryBase()
    server = TServer.TThreadedServer(
        peer.Processor(Handler()), Listening(), factory, PROTOCOLS[protocol], daemon=True
    )
    threading.Thread(target=server.serve, daemon=True).start()
    print(port, flush=True)
    sys.stdin.read()
    os._exit(0)


def call():
    socket = TSocket.TSocket("127.0.0.1", int(sys.argv[5]))
    socket.setTimeout(5000)
    wrapped = socket
    if transport == "framed":
        wrapped = TTransport.TFramedTransport(socket)
    elif transport == "buffered":
        wrapped = TTransport.TBufferedTransport(socket)
    made = PROTOCOLS[protocol].getProtocol(wrapped)
    client = peer.Client(made)
    (made.trans if transport == "header" else wrapped).open()

    def say(value):
        print(json.dumps(value), flush=True)

    say(client.sum(SumRequest(a=2**53 - 2, b=1)).v)
    say(client.sum(SumRequest(a=-5, b=2)).v)
    try:
        client.sum(SumRequest(a=0, b=0))
    except Failure as failure:
        say([failure.code, failure.reason, failure.message, failure.details])
    try:
        client.sum(SumRequest(a=-1, b=2))
    except TApplicationException as failure:
        say([failure.type, failure.message])
    from idl.ttypes import EchoRequestInner
    request = EchoRequest(
        text="ä漢😀\n\x00\"", yes=True, no=False, number=-0.5, bools=[True, False, True], counts={"a": 1, "b": -2},
        inner=EchoRequestInner(n=300), any='{"x":[1,null]}', many=list(range(-20, 20)),
    )
    back = client.echo(request)
    say({key: (value.n if hasattr(value, "n") else value) for key, value in sorted(back.__dict__.items())})
    client.note(NoteRequest(text="told"))
    from idl.ttypes import NotedRequest
    say(client.noted(NotedRequest()).texts)
    try:
        client._iprot, unknown = client._iprot, client._oprot
        unknown.writeMessageBegin("nothing", 1, 9)
        unknown.writeStructBegin("args")
        unknown.writeFieldStop()
        unknown.writeStructEnd()
        unknown.writeMessageEnd()
        unknown.trans.flush()
        client.recv_sum()
    except TApplicationException as failure:
        say([failure.type, failure.message])


if mode == "serve":
    serve()
else:
    call()
