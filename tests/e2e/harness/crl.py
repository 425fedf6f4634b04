"""Certificate revocation lists (RFC 5280 §5) as a test wants them, right or wrong."""

from __future__ import annotations

import base64
import textwrap
import time
from dataclasses import dataclass, field
from typing import Optional, Sequence

from . import der
from .pki import HOUR, Authority, Identity

_REASON, _CRL_NUMBER, _DELTA_BASE, _IDP = "2.5.29.21", "2.5.29.20", "2.5.29.27", "2.5.29.28"
REMOVE_FROM_CRL = 8


@dataclass(frozen=True)
class Entry:
    serial: int
    at: float = -120  # seconds from now
    reason: Optional[int] = None
    extensions: Sequence[bytes] = ()


@dataclass(frozen=True)
class Crl:
    """Times are seconds from now."""

    authority: Authority
    entries: Sequence[Entry] = field(default_factory=tuple)
    number: Optional[int] = 1
    delta_base: Optional[int] = None
    this_update: float = -60
    next_update: Optional[float] = HOUR
    idp: Optional[bytes] = None  # the extension's value; always critical
    extensions: Sequence[bytes] = ()
    signer: Optional[Authority] = None
    spoil_signature: bool = False

    def der(self) -> bytes:
        now = time.time()
        issuer = der.signer(self.authority.certificate, self.authority.key)
        who = self.signer or self.authority
        extensions = list(self.extensions)
        if self.number is not None:
            extensions.append(der.extension(_CRL_NUMBER, der.integer(self.number)))
        if self.delta_base is not None:
            extensions.append(der.extension(_DELTA_BASE, der.integer(self.delta_base), critical=True))
        if self.idp is not None:
            extensions.append(der.extension(_IDP, self.idp, critical=True))
        data = der.sequence(
            der.integer(1),
            der.ECDSA_SHA256,
            issuer.name,
            der.utc_time(now + self.this_update),
            *([der.utc_time(now + self.next_update)] if self.next_update is not None else []),
            *([der.sequence(*map(_entry, self.entries))] if self.entries else []),
            *([der.explicit(0, der.sequence(*extensions))] if extensions else []),
        )
        return der.signer(who.certificate, who.key).signed(data, spoil=self.spoil_signature)

    def pem(self) -> str:
        text = "\n".join(textwrap.wrap(base64.b64encode(self.der()).decode(), 64))
        return f"-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n"


def _entry(entry: Entry) -> bytes:
    extensions = list(entry.extensions)
    if entry.reason is not None:
        extensions.append(der.extension(_REASON, der.tlv(der.ENUMERATED, bytes([entry.reason]))))
    return der.sequence(
        der.integer(entry.serial),
        der.utc_time(time.time() + entry.at),
        *([der.sequence(*extensions)] if extensions else []),
    )


def revoking(*who: Identity) -> tuple[Entry, ...]:
    return tuple(Entry(der.serial_of(one.chain)) for one in who)
