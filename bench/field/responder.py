"""An OCSP responder that says good of every certificate: the end-to-end tests' own, for the bench's CA."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from .pki import Chain

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "e2e"))

from harness.ocsp_responder import OcspResponder  # noqa: E402  pylint: disable=wrong-import-position


@dataclass(frozen=True)
class Signer:
    certificate: Path
    key: Path


def responder_of(chain: Chain) -> OcspResponder:
    """For what the load generator issues from the chain's intermediate. Listens until stop()."""
    return OcspResponder(Signer(Path(f"{chain.issuer}.crt"), Path(f"{chain.issuer}.key")))  # type: ignore[arg-type]
