"""DER by hand, for answers and lists that no well-meaning library would make: a writer, a reader, and signatures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED = 0x30, 0x31, 2, 3, 4, 5, 6, 10
UTC_TIME, GENERALIZED_TIME, BOOLEAN = 0x17, 0x18, 1


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def sequence(*parts: bytes) -> bytes:
    return tlv(SEQUENCE, *parts)


def explicit(number: int, *parts: bytes) -> bytes:
    return tlv(0xA0 | number, *parts)


def integer(value: int) -> bytes:
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes) -> bytes:
    return tlv(OCTET_STRING, value)


def bits(value: bytes) -> bytes:
    return tlv(BIT_STRING, b"\0" + value)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    body = bytearray([first * 40 + second])
    for arc in rest:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | (arc & 0x7F))
        body += bytes(reversed(digits))
    return tlv(OID, bytes(body))


def generalized_time(seconds: float) -> bytes:
    return tlv(GENERALIZED_TIME, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds)).encode())


def utc_time(seconds: float) -> bytes:
    return tlv(UTC_TIME, time.strftime("%y%m%d%H%M%SZ", time.gmtime(seconds)).encode())


def extension(dotted: str, value: bytes, critical: bool = False) -> bytes:
    return sequence(oid(dotted), *([tlv(BOOLEAN, b"\xff")] if critical else []), octets(value))


@dataclass(frozen=True)
class Element:
    tag: int
    body: bytes
    whole: bytes

    def children(self) -> list["Element"]:
        return read_all(self.body)

    def number(self) -> int:
        return int.from_bytes(self.body, "big", signed=True)


def read_all(data: bytes) -> list[Element]:
    found = []
    while data:
        tag, size, head = data[0], data[1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(data[2:head], "big")
        assert len(data) >= head + size, "DER is cut short"
        found.append(Element(tag, data[head : head + size], data[: head + size]))
        data = data[head + size :]
    return found


ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))


class Signer:
    """A certificate with its P-256 key: what signs an answer or a list, and how it names itself."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._key = serialization.load_pem_private_key(key.read_bytes(), None)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def name(self) -> bytes:
        return self.certificate.subject.public_bytes()

    @property
    def public_key(self) -> bytes:
        """The bits of subjectPublicKey: what key hashes are taken over."""
        return self.certificate.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def sign(self, data: bytes) -> bytes:
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def signed(self, to_be_signed: bytes, *more: bytes, spoil: bool = False) -> bytes:
        """SEQUENCE of what is signed, algorithm, signature and `more`; `spoil`: with a signature that does not verify."""
        signature = self.sign(to_be_signed + b"!" if spoil else to_be_signed)
        return sequence(to_be_signed, ECDSA_SHA256, bits(signature), *more)


@lru_cache(maxsize=None)
def signer(certificate: Path, key: Path) -> Signer:
    return Signer(certificate, key)


def serial_of(certificate: Path) -> int:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
