"""An OCSP responder (RFC 6960) that says what a test wants, truth or lie, and counts who asked.

    responder = OcspResponder(pki().int_a)
    leaf = pki().int_a.issue("leaf", extensions=(CLIENT, *responder.aia()))
    responder.behave("revoked", leaf)          # for this certificate, from now on
    responder.behave("try-later", leaf, times=1)  # for the next query, then as before
    responder.default = "unknown"              # for every other certificate

BEHAVIOURS names them all; `behave` also takes an Answer of the test's own.
"""

from __future__ import annotations

import base64
import hashlib
import time
import unittest
from dataclasses import dataclass, replace
from typing import Optional, Union
from urllib.parse import unquote

from . import der, env, http_wire
from .http_wire import Wire
from .pki import HOUR, Authority, Identity, pki
from .server import ThreadedServer

# The gateway's own requests may go where the tests' servers are: to loopback, which the default forbids.
EGRESS = {"deny": ["link_local", "multicast"]}
_BASIC, _NONCE = "1.3.6.1.5.5.7.48.1.1", "1.3.6.1.5.5.7.48.1.2"
_SHA1 = der.sequence(der.oid("1.3.14.3.2.26"), der.tlv(der.NULL))
SUCCESSFUL, MALFORMED_REQUEST, INTERNAL_ERROR, TRY_LATER, SIG_REQUIRED, UNAUTHORIZED = 0, 1, 2, 3, 5, 6


@dataclass(frozen=True)
class Answer:
    """One way to answer. Times are seconds from the moment of the answer."""

    status: str = "good"  # good | revoked | unknown
    this_update: float = -60
    next_update: Optional[float] = HOUR
    revoked_at: float = -120
    response_status: int = SUCCESSFUL
    # issuer | stranger | delegate | delegate-without-purpose | delegate-expired | delegate-of-another-ca | delegate-unsent
    signer: str = "issuer"
    spoil_signature: bool = False
    cert_id: str = "asked"  # asked | other-serial | other-issuer
    others: int = 0  # answers about other certificates before this one
    nonce: str = "none"  # none | echo | wrong
    http_status: int = 200
    content_type: str = "application/ocsp-response"
    location: str = ""
    body: Optional[bytes] = None  # these bytes in place of an answer
    padding: int = 0  # bytes after the answer
    # whole | trickle (byte by byte, each when `release` lets it or `delay` has passed) | hold (until `release` is set)
    # | hang (reads, never answers) | close (at once) | cut (in the middle of the body)
    delivery: str = "whole"
    delay: float = 0


GOOD = Answer()
BEHAVIOURS: dict[str, Answer] = {
    "good": GOOD,
    "revoked": Answer(status="revoked"),
    "unknown": Answer(status="unknown"),
    "expired": Answer(this_update=-2 * HOUR, next_update=-HOUR),
    "not-yet-valid": Answer(this_update=HOUR, next_update=2 * HOUR),
    "no-next-update": Answer(next_update=None),
    "stranger": Answer(signer="stranger"),
    "bad-signature": Answer(spoil_signature=True),
    "wrong-serial": Answer(cert_id="other-serial"),
    "wrong-issuer": Answer(cert_id="other-issuer"),
    "several": Answer(others=3),
    "delegate": Answer(signer="delegate"),
    "delegate-without-purpose": Answer(signer="delegate-without-purpose"),
    "delegate-expired": Answer(signer="delegate-expired"),
    "delegate-of-another-ca": Answer(signer="delegate-of-another-ca"),
    "delegate-unsent": Answer(signer="delegate-unsent"),
    "malformed": Answer(body=b"\x30\x82\x01\x00 this is no OCSP response"),
    "trailing-bytes": Answer(padding=1),
    "empty": Answer(body=b""),
    "huge": Answer(padding=1 << 20),
    "http-500": Answer(http_status=500, body=b"no"),
    "http-404": Answer(http_status=404, body=b"no"),
    "redirect": Answer(http_status=302, body=b""),
    "wrong-content-type": Answer(content_type="text/html"),
    "try-later": Answer(response_status=TRY_LATER),
    "unauthorized": Answer(response_status=UNAUTHORIZED),
    "internal-error": Answer(response_status=INTERNAL_ERROR),
    "malformed-request": Answer(response_status=MALFORMED_REQUEST),
    "sig-required": Answer(response_status=SIG_REQUIRED),
    "hold": Answer(delivery="hold"),
    "trickle": Answer(delivery="trickle", delay=0.05),
    "hang": Answer(delivery="hang"),
    "close": Answer(delivery="close"),
    "cut": Answer(delivery="cut"),
}


@dataclass
class Query:
    """A query as it came."""

    method: str
    target: str
    fields: http_wire.Fields
    request: bytes
    serial: int
    cert_id: bytes
    nonce: Optional[bytes]
    at: float  # time.monotonic()


class OcspResponder(ThreadedServer):
    """Threaded; speaks for the certificates of one CA."""

    def __init__(self, authority: Authority, default: str = "good", port: int = 0) -> None:
        self.authority = authority
        self.default: Union[str, Answer] = default
        self._queries: list[Query] = []
        self._behaviours: dict[int, Union[str, Answer]] = {}
        self._once: dict[int, list[Union[str, Answer]]] = {}
        super().__init__(port=port)

    def __enter__(self) -> "OcspResponder":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- what tests say and ask ---------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def aia(self) -> tuple[str]:
        """The extension of a certificate that names this responder."""
        return (f"authorityInfoAccess=OCSP;URI:{self.url}",)

    def issue(self, name: str, **how: object) -> Identity:
        """A client certificate of this CA that names this responder."""
        return self.authority.issue(name, extensions=("extendedKeyUsage=clientAuth", *self.aia()), **how)  # type: ignore

    def behave(self, how: Union[str, Answer], who: Identity, times: Optional[int] = None) -> None:
        serial = der.serial_of(who.chain)
        with self._lock:
            if times is None:
                self._behaviours[serial] = how
            else:
                self._once.setdefault(serial, []).extend([how] * times)

    def queries(self, who: Optional[Identity] = None) -> list[Query]:
        serial = der.serial_of(who.chain) if who else None
        with self._lock:
            return [query for query in self._queries if serial in (None, query.serial)]

    def wait_queries(self, who: Optional[Identity] = None, count: int = 1) -> list[Query]:
        def enough() -> list[Query]:
            found = self.queries(who)
            return found if len(found) >= count else []

        return env.wait_until(f"{count} queries at the responder", enough)

    def forget(self) -> None:
        """No queries, no behaviours but the default."""
        with self._lock:
            self._queries.clear()
            self._behaviours.clear()
            self._once.clear()

    def stop(self) -> None:
        super().stop()
        self.cut()

    # --- the server ---------------------------------------------------------------------------------------------------

    def _one(self, wire: Wire, number: int) -> bool:
        line, fields, _ = wire.reader.head()
        method, target, _ = line.split(" ")
        body, _ = wire.reader.body(fields)
        query = self._read(method, target, fields, body or b"")
        with self._lock:
            self._queries.append(query)
            pending = self._once.get(query.serial)
            how = pending.pop(0) if pending else self._behaviours.get(query.serial, self.default)
        answer = BEHAVIOURS[how] if isinstance(how, str) else how
        if not self._goes_on(answer.delivery):
            return False
        if answer.delay and answer.delivery == "whole":
            self._stopped.wait(answer.delay)
        return self._deliver(wire, answer, self._body(answer, query))

    def _read(self, method: str, target: str, fields: http_wire.Fields, body: bytes) -> Query:
        request = base64.b64decode(unquote(target[1:]), validate=True) if method == "GET" else body
        to_be_signed = der.read_all(request)[0].children()[0].children()
        requests = next(part for part in to_be_signed if part.tag == der.SEQUENCE)
        extensions = [part for part in to_be_signed if part.tag == 0xA2]
        cert_id = requests.children()[0].children()[0]
        nonce = None
        for one in extensions[0].children()[0].children() if extensions else []:
            parts = one.children()
            if parts[0].whole == der.oid(_NONCE):
                nonce = parts[-1].body
        serial = cert_id.children()[3].number()
        return Query(method, target, fields, request, serial, cert_id.whole, nonce, time.monotonic())

    def _deliver(self, wire: Wire, answer: Answer, body: bytes) -> bool:
        head = [f"HTTP/1.1 {answer.http_status} Whatever", f"Content-Length: {len(body)}"]
        if answer.content_type:
            head.append(f"Content-Type: {answer.content_type}")
        if answer.http_status in (301, 302, 307):
            head.append(f"Location: {answer.location or self.url + 'elsewhere'}")
        whole = ("\r\n".join(head) + "\r\n\r\n").encode() + body
        if answer.delivery == "trickle":
            for at in range(len(whole)):
                wire.send(whole[at : at + 1])
                self.release.wait(answer.delay)
        elif answer.delivery == "cut":
            wire.send(whole[: -len(body) // 2])
            return False
        else:
            wire.send(whole)
        return True

    # --- the answer ---------------------------------------------------------------------------------------------------

    def _body(self, answer: Answer, query: Query) -> bytes:
        if answer.body is not None:
            return answer.body
        status = der.tlv(der.ENUMERATED, bytes([answer.response_status]))
        if answer.response_status != SUCCESSFUL:
            return der.sequence(status)
        inner = der.sequence(der.oid(_BASIC), der.octets(self._basic(answer, query)))
        return der.sequence(status, der.explicit(0, inner)) + b"\0" * answer.padding

    def _basic(self, answer: Answer, query: Query) -> bytes:
        signer, sent = self._signer(answer.signer)
        others = [self._single(replace(GOOD), self._other_id(n + 1)) for n in range(answer.others)]
        single = self._single(answer, self._cert_id(answer, query))
        extensions = b""
        if answer.nonce == "echo" and query.nonce is not None:
            extensions = der.explicit(1, der.sequence(der.extension(_NONCE, query.nonce)))
        elif answer.nonce == "wrong":
            extensions = der.explicit(1, der.sequence(der.extension(_NONCE, der.octets(b"\x55" * 16))))
        data = der.sequence(
            der.explicit(1, signer.name),
            der.generalized_time(time.time()),
            der.sequence(*others, single),
            extensions,
        )
        certificates = [der.explicit(0, der.sequence(signer.der))] if sent else []
        return signer.signed(data, *certificates, spoil=answer.spoil_signature)

    def _signer(self, which: str) -> tuple[der.Signer, bool]:
        """Who signs, and whether its certificate goes with the answer."""
        if which == "issuer":
            return der.signer(self.authority.certificate, self.authority.key), False
        if which == "stranger":
            return der.signer(pki().root_b.certificate, pki().root_b.key), True
        who = self.authority.ocsp_delegate(which.removesuffix("-unsent"))
        return der.signer(who.chain, who.key), not which.endswith("-unsent")

    def _single(self, answer: Answer, cert_id: bytes) -> bytes:
        now = time.time()
        status = {
            "good": lambda: der.tlv(0x80),
            "revoked": lambda: der.explicit(1, der.generalized_time(now + answer.revoked_at)),
            "unknown": lambda: der.tlv(0x82),
        }[answer.status]()
        next_update = []
        if answer.next_update is not None:
            next_update = [der.explicit(0, der.generalized_time(now + answer.next_update))]
        return der.sequence(cert_id, status, der.generalized_time(now + answer.this_update), *next_update)

    def _cert_id(self, answer: Answer, query: Query) -> bytes:
        if answer.cert_id == "other-serial":
            return self._other_id(query.serial + 1)
        if answer.cert_id == "other-issuer":
            other = pki().root_b
            return _id_of(der.signer(other.certificate, other.key), query.serial)
        return query.cert_id

    def _other_id(self, serial: int) -> bytes:
        return _id_of(der.signer(self.authority.certificate, self.authority.key), serial)


def _id_of(issuer: der.Signer, serial: int) -> bytes:
    name, key = (hashlib.sha1(data).digest() for data in (issuer.name, issuer.public_key))
    return der.sequence(_SHA1, der.octets(name), der.octets(key), der.integer(serial))


class ResponderCase(unittest.TestCase):
    """Before the case that starts the gateway: a responder that is there first, one for the whole class."""

    responder: OcspResponder

    @classmethod
    def setUpClass(cls) -> None:
        cls.responder = OcspResponder(pki().int_a)
        cls.addClassCleanup(cls.responder.stop)
        super().setUpClass()
