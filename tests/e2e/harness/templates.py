"""The two documented mutual-TLS templates (../shared/data/arm/templates) with their expressions filled in."""

from __future__ import annotations

import base64
import json
import re
import unittest
from typing import Any

from . import env
from .pki import Pki, pki

DIRECTORY = env.SHARED / "data" / "arm" / "templates"
STRICT, PASSTHROUGH = "mtls-strict.json", "mtls-passthrough.json"


def skip_where_absent() -> None:
    if not DIRECTORY.is_dir():
        raise unittest.SkipTest(f"no {DIRECTORY}: name the shared data by PORTCULLIS_SHARED")


def raw(name: str) -> dict[str, Any]:
    return json.loads((DIRECTORY / name).read_text())


def filled(name: str) -> dict[str, Any]:
    """The template as a person leaves it who fills in its expressions by hand."""
    values = {
        "name": "gw",
        "certData": base64.b64encode(pki().server_pfx.read_bytes()).decode(),
        "certPassword": Pki.PASSWORD,
        "clientCaData": base64.b64encode(pki().int_a.bundle().encode()).decode(),
    }
    template = raw(name)
    template["resources"] = _walk(template["resources"], values)
    return template


def _walk(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _walk(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, values) for item in value]
    return _text(value, values) if isinstance(value, str) and value.startswith("[") else value


def _text(value: str, values: dict[str, str]) -> str:
    prefix = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network"
    if match := re.fullmatch(r"\[parameters\('(\w+)'\)\]", value):
        return values[match[1]]
    if match := re.fullmatch(r"\[concat\(variables\('gw'\),'([^']*)'\)\]", value):
        return f"{prefix}/applicationGateways/{values['name']}{match[1]}"
    if match := re.fullmatch(r"\[resourceId\('Microsoft.Network/(\w+)(?:/(\w+))?','(\w+)'(?:,'(\w+)')?\)\]", value):
        return f"{prefix}/{match[1]}/{match[3]}" + (f"/{match[2]}/{match[4]}" if match[2] else "")
    assert value == "[resourceGroup().location]", f"an expression that this test cannot fill in: {value}"
    return "westeurope"
