"""gRPC through the gateway: HTTP/2 on both sides, the backend's by the host file (`backends: {NAME: {protocol: h2}}`)."""

from __future__ import annotations

import threading
from concurrent import futures
from typing import Any, Iterator

import grpc
from harness import client
from harness.case import GatewayCase, main
from harness.document import STRICT, Document, standard
from harness.pki import Identity, pki

MEBIBYTE = 1 << 20


class Service(grpc.GenericRpcHandler):
    """Raw bytes for messages: no generated code is needed."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.headers: dict[str, str] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/test.Echo/Large": grpc.unary_unary_rpc_method_handler(self.unary),
            "/test.Echo/Down": grpc.unary_stream_rpc_method_handler(self.down),
            "/test.Echo/Up": grpc.stream_unary_rpc_method_handler(self.up),
            "/test.Echo/Both": grpc.stream_stream_rpc_method_handler(self.both),
            "/test.Echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/test.Echo/Hang": grpc.unary_unary_rpc_method_handler(self.hang),
        }.get(handler_call_details.method)

    def unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.headers = dict(context.invocation_metadata())
        context.set_trailing_metadata((("x-trailer", "told"),))
        return request

    def down(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        for number in range(int(request)):
            yield str(number).encode()

    def up(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return str(sum(len(request) for request in requests)).encode()

    def both(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield request[::-1]

    def fail(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")

    def hang(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(30)
        return b""


class Grpc(GatewayCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Service()
        cls.server = grpc.server(futures.ThreadPoolExecutor(8), options=(("grpc.max_receive_message_length", -1),))
        cls.server.add_generic_rpc_handlers((cls.service,))
        cls.server_port = cls.server.add_insecure_port("127.0.0.1:0")
        cls.server.start()
        cls.addClassCleanup(lambda: cls.server.stop(0).wait(10))
        super().setUpClass()

    @classmethod
    def document(cls) -> Document:
        made = standard(cls.server_port)
        made.http2()
        return made

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"backends": {"http": {"protocol": "h2"}}}

    def channel(self, identity: Identity | None) -> grpc.Channel:
        credentials = grpc.ssl_channel_credentials(
            pki().server_root.certificate.read_bytes(),
            identity.key.read_bytes() if identity else None,
            identity.chain.read_bytes() if identity else None,
        )
        options = (("grpc.ssl_target_name_override", "localhost"), ("grpc.max_receive_message_length", -1))
        channel = grpc.secure_channel(f"127.0.0.1:{self.gateway.port(STRICT)}", credentials, options)
        self.addCleanup(channel.close)
        return channel

    def test_unary_with_identity_and_trailers(self) -> None:
        response, call = self.channel(pki().good).unary_unary("/test.Echo/Unary").with_call(b"hello", timeout=20)
        self.assertEqual(response, b"hello")
        self.assertEqual(dict(call.trailing_metadata())["x-trailer"], "told")
        self.assertIn("CN=good", self.service.headers.get("x-client-subject", ""), self.service.headers)
        line = self.gateway.access_for("/test.Echo/Unary")
        self.assertEqual((line.status, line.verify, line.properties["httpVersion"]), (200, "SUCCESS", "HTTP/2.0"))

    def test_large_messages(self) -> None:
        message = bytes(range(256)) * (3 * MEBIBYTE // 256)
        self.assertEqual(self.channel(pki().good).unary_unary("/test.Echo/Large")(message, timeout=60), message)

    def test_streams(self) -> None:
        channel = self.channel(pki().good)
        down = list(channel.unary_stream("/test.Echo/Down")(b"500", timeout=30))
        self.assertEqual(down, [str(number).encode() for number in range(500)])
        up = channel.stream_unary("/test.Echo/Up")(iter([b"x" * 1000] * 300), timeout=30)
        self.assertEqual(up, b"300000")

    def test_messages_pass_one_by_one_both_ways(self) -> None:
        """Each is sent only when the answer to the one before is there: nothing is held back for more."""
        answered = threading.Semaphore(1)

        def questions() -> Iterator[bytes]:
            for number in range(20):
                self.assertTrue(answered.acquire(timeout=20))
                yield f"ab{number}".encode()

        answers = []
        for answer in self.channel(pki().good).stream_stream("/test.Echo/Both")(questions(), timeout=60):
            answers.append(answer)
            answered.release()
        self.assertEqual(answers, [f"ab{number}".encode()[::-1] for number in range(20)])

    def test_an_error_status_arrives(self) -> None:
        with self.assertRaises(grpc.RpcError) as caught:
            self.channel(pki().good).unary_unary("/test.Echo/Fail")(b"", timeout=20)
        self.assertEqual(
            (caught.exception.code(), caught.exception.details()), (grpc.StatusCode.NOT_FOUND, "no such thing")
        )

    def test_a_cancelled_call_is_cancelled_at_the_backend(self) -> None:
        call = self.channel(pki().good).unary_unary("/test.Echo/Hang").future(b"", timeout=20)
        self.gateway.wait_for("the call to be open", lambda: not call.done() or None)
        with self.assertRaises(grpc.RpcError):
            self.channel(pki().good).unary_unary("/test.Echo/Hang")(b"", timeout=0.5)
        self.assertTrue(self.service.cancelled.wait(20))
        call.cancel()

    def test_who_is_refused_reaches_no_backend(self) -> None:
        for identity in (None, pki().untrusted):
            self.service.headers = {}
            with self.assertRaises(grpc.RpcError) as caught:
                self.channel(identity).unary_unary("/test.Echo/Large")(b"", timeout=20)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL, "what gRPC makes of a 400")
            self.assertEqual(self.service.headers, {})

    def test_http1_clients_reach_the_same_backend(self) -> None:
        port = self.gateway.port(STRICT)
        run = client.curl("--http1.1", f"https://localhost:{port}/nothing/here", identity=pki().good)
        self.assertEqual((run.exit_code, run.status), (0, 200), run.error)


if __name__ == "__main__":
    main()
