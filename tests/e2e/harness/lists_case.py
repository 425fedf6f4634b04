"""What the tests of revocation lists have in common: whose profile `strict` looks into some."""

from __future__ import annotations

from typing import Any

from .case import GatewayCase
from .document import Document
from .ocsp_responder import EGRESS


class ListsCase(GatewayCase):
    """`extra`: of the host file's revocation; `revocation`: whether OCSP responders are asked, too; `timeout` in seconds."""

    extra: dict[str, Any] = {}
    revocation = "None"
    timeout = 2.0

    @classmethod
    def lists_of_strict(cls) -> dict[str, Any]:
        """revocation.crl.strict of the host file."""
        raise NotImplementedError

    @classmethod
    def document(cls) -> Document:
        document = super().document().profile("strict", "Strict", ["a"], revocation=cls.revocation)
        document.http2()
        return document

    @classmethod
    def host(cls) -> dict[str, Any]:
        crl = {"strict": cls.lists_of_strict()}
        return {"egress": EGRESS, "revocation": {"timeout": f"{int(cls.timeout * 1000)}ms", "crl": crl, **cls.extra}}
