"""gRPC in Python, with bytes for messages and any method: what apps/grpc_go/main.go does, and its arguments.

  grpc_pair.py server            listens on $PORT; demo.Chain asks $NEXT first
  grpc_pair.py client ADDRESS    reads lines "PREFIX CALLS CONCURRENCY SERVICE..."
  grpc_pair.py talk ADDRESS      makes one call of demo.Bidi/talk, and reads lines with how many messages to send

By TLS where $TLS names a directory of cert.pem and key.pem."""

import concurrent.futures
import os
import pathlib
import queue
import sys
import threading

import grpc

MESSAGE = b"hello"
TLS = os.environ.get("TLS")


class Handler(grpc.GenericRpcHandler):
    def __init__(self, next_channel):
        self.next = next_channel

    def service(self, details):
        service, _, identity = details.method.removeprefix("/demo.").partition("/")
        return grpc.stream_stream_rpc_method_handler(
            lambda requests, context: self.serve(service, identity, requests, context)
        )

    def serve(self, service, identity, requests, context):
        if service == "NotFound":
            context.abort(grpc.StatusCode.NOT_FOUND, f"no {identity}")
        if service == "Slow":
            gone = threading.Event()
            context.add_callback(gone.set)
            gone.wait(30)
            return
        if service == "Bidi":
            yield from requests
            return
        for _ in requests:
            pass
        if service == "Chain" and self.next:
            call(self.next, "Unary", identity)
        yield from [MESSAGE] * (3 if service == "ServerStream" else 1)


def call(channel, service, identity):
    """The status code's number."""
    path = f"/demo.{service}/{identity}"
    try:
        if service in ("ClientStream", "Bidi"):
            list(channel.stream_stream(path)(iter([MESSAGE] * 3)))
        elif service == "ServerStream":
            list(channel.unary_stream(path)(MESSAGE))
        elif service == "Slow":
            pending = channel.unary_unary(path).future(MESSAGE)
            threading.Timer(0.02, pending.cancel).start()
            pending.result()
        else:
            channel.unary_unary(path)(MESSAGE)
        return 0
    except grpc.FutureCancelledError:
        return grpc.StatusCode.CANCELLED.value[0]
    except grpc.RpcError as error:
        return error.code().value[0]


def run(address):
    channel = grpc.insecure_channel(address)
    if TLS:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(read("cert")))
    for line in sys.stdin:
        prefix, calls, concurrency, *services = line.split()
        work = [(services[i % len(services)], f"{prefix}-{i}") for i in range(int(calls))]
        with concurrent.futures.ThreadPoolExecutor(int(concurrency)) as pool:
            statuses = list(pool.map(lambda one: call(channel, *one), work))
        for (service, identity), status in zip(work, statuses):
            print(service, identity, status)
        print(flush=True)


def talk(address):
    said = queue.SimpleQueue()
    answers = grpc.insecure_channel(address).stream_stream("/demo.Bidi/talk")(iter(said.get, None))
    for line in sys.stdin:
        for _ in range(int(line)):
            said.put(MESSAGE)
            next(answers)
        print("answered", flush=True)
    said.put(None)
    assert not list(answers)


def read(name):
    return pathlib.Path(TLS, f"{name}.pem").read_bytes()


def main():
    if sys.argv[1] in ("client", "talk"):
        return {"client": run, "talk": talk}[sys.argv[1]](sys.argv[2])
    following = os.environ.get("NEXT")
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(64))
    server.add_generic_rpc_handlers([Handler(following and grpc.insecure_channel(following))])
    address = f"127.0.0.1:{os.environ['PORT']}"
    if TLS:
        server.add_secure_port(address, grpc.ssl_server_credentials([(read("key"), read("cert"))]))
    else:
        server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
