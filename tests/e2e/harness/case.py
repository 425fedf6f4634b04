"""The base class of the tests: one backend and one gateway a class, stopped and checked when the class is done."""

from __future__ import annotations

import json
import sys
import unittest
from typing import Any, Optional

from . import env
from .backend import Backend
from .document import STRICT, Document, standard
from .gateway import Gateway, LogLine, token
from .http_wire import Response
from .pki import Identity


class GatewayCase(unittest.TestCase):
    """Override document() and host() to change what is served."""

    backend: Backend
    gateway: Gateway
    maxDiff = None

    @classmethod
    def document(cls) -> Document:
        return standard(cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.backend = Backend()
        cls.addClassCleanup(cls.backend.stop)
        cls.gateway = Gateway(cls.document(), cls.host()).start()
        cls.addClassCleanup(cls.gateway.stop)

    def token(self) -> str:
        return token(self.id().rsplit(".", 1)[-1][:40])

    def asked(
        self,
        identity: Optional[Identity],
        port: int = STRICT,
        version: Optional[str] = None,
        gateway: Optional[Gateway] = None,
        http2: bool = False,
    ) -> tuple[Any, LogLine]:
        """One request on a connection of its own: the answer, and its line of the access log."""
        gateway = gateway or self.gateway
        target = "/" + self.token()
        if http2:
            from .http2 import Http2  # python3-h2 is wanted by those who ask for it only

            with Http2(gateway.port(port), identity, version) as connection:
                response: Any = connection.request(target)
        else:
            with gateway.tls(port, identity, version) as wire:
                response = wire.request(target)
        return response, gateway.access_for(target)

    def assert_page(
        self, response: Response, status: int, title: str, heading: str, line: Optional[str] = None
    ) -> None:
        """The body that the gateway makes itself (azure-semantics §6.4), byte for byte."""
        extra = f"<center>{line}</center>\r\n" if line else ""
        self.assertEqual(response.status, status, response.text)
        self.assertEqual(
            response.text,
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{heading}</h1></center>\r\n{extra}"
            "<hr><center>Portcullis</center>\r\n</body>\r\n</html>\r\n",
        )
        self.assertEqual(response.get("content-type"), "text/html")
        self.assertEqual(response.get("server"), "Portcullis")

    def assert_plain_page(self, response: Response, status: int, reason: str) -> None:
        self.assert_page(response, status, f"{status} {reason}", f"{status} {reason}")
        self.assertEqual(response.reason, reason)

    def assert_bad_request(self, response: Response, what: str) -> None:
        self.assert_page(response, 400, f"400 {what}", "400 Bad Request", what)
        self.assertEqual(response.reason, "Bad Request")

    def assert_no_certificate(self, response: Response) -> None:
        self.assert_bad_request(response, "No required SSL certificate was sent")

    def assert_certificate_error(self, response: Response) -> None:
        self.assert_bad_request(response, "The SSL certificate error")

    def echoed(self, response: Response) -> dict[str, Any]:
        self.assertEqual(response.status, 200, response.text)
        return json.loads(response.body)


def main() -> None:
    """What every test file ends with."""
    if not env.BINARY.exists():
        sys.exit(f"no binary at {env.BINARY}: build it (./dev build) or name it by PORTCULLIS")
    unittest.main(verbosity=2)
