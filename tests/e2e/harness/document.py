"""Gateway documents in few words: the ARM resource body that a test wants served."""

from __future__ import annotations

import copy
import json
from typing import Any, Optional, Sequence

from .pki import Pki, pki

_PREFIX = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationGateways"


class Document:
    """A resource body under construction. Every method returns self; `body` is the plain tree."""

    def __init__(self, name: str = "gw") -> None:
        self.name = name
        self.body: dict[str, Any] = {
            "name": name,
            "location": "here",
            "properties": {
                "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
                "frontendIPConfigurations": [{"name": "fip", "properties": {"publicIPAddress": {"id": "/x/pip"}}}],
            },
        }

    def copy(self) -> "Document":
        return copy.deepcopy(self)

    def ref(self, collection: str, name: str) -> dict[str, str]:
        return {"id": f"{_PREFIX}/{self.name}/{collection}/{name}"}

    def add(self, collection: str, name: str, properties: dict[str, Any]) -> "Document":
        elements = self.body["properties"].setdefault(collection, [])
        elements[:] = [element for element in elements if element["name"] != name]
        elements.append({"name": name, "properties": {k: v for k, v in properties.items() if v is not None}})
        return self

    def remove(self, collection: str, name: str) -> "Document":
        elements = self.body["properties"][collection]
        elements[:] = [element for element in elements if element["name"] != name]
        return self

    def element(self, collection: str, name: str) -> dict[str, Any]:
        return next(e for e in self.body["properties"][collection] if e["name"] == name)["properties"]

    # --- sub-resources ------------------------------------------------------------------------------------------------

    def certificate(
        self, name: str = "server", data: Optional[str] = None, password: Optional[str] = None
    ) -> "Document":
        return self.add("sslCertificates", name, {"data": data or f"@{pki().server_pem}", "password": password})

    def ca(self, name: str, pem: str) -> "Document":
        return self.add("trustedClientCertificates", name, {"data": pem})

    def profile(
        self,
        name: str,
        mode: str = "Strict",
        cas: Sequence[str] = (),
        dn: bool = False,
        policy: Optional[str] = None,
        revocation: str = "None",
    ) -> "Document":
        auth = {"verifyClientCertIssuerDN": dn, "verifyClientRevocation": revocation, "verifyClientAuthMode": mode}
        return self.add(
            "sslProfiles",
            name,
            {
                "clientAuthConfiguration": auth,
                "trustedClientCertificates": [self.ref("trustedClientCertificates", ca) for ca in cas] or None,
                "sslPolicy": {"policyType": "Predefined", "policyName": policy} if policy else None,
            },
        )

    def http2(self) -> "Document":
        self.body["properties"]["enableHttp2"] = True
        return self

    def port(self, port: int) -> "Document":
        return self.add("frontendPorts", f"p{port}", {"port": port})

    def listener(
        self,
        name: str,
        port: int = 443,
        profile: Optional[str] = None,
        host: Optional[str] = None,
        plain: bool = False,
        certificate: str = "server",
    ) -> "Document":
        self.port(port)
        return self.add(
            "httpListeners",
            name,
            {
                "frontendIPConfiguration": self.ref("frontendIPConfigurations", "fip"),
                "frontendPort": self.ref("frontendPorts", f"p{port}"),
                "protocol": "Http" if plain else "Https",
                "hostName": host,
                "sslCertificate": None if plain else self.ref("sslCertificates", certificate),
                "sslProfile": self.ref("sslProfiles", profile) if profile else None,
            },
        )

    def pool(self, name: str, *addresses: str) -> "Document":
        def one(address: str) -> dict[str, str]:
            return {"ipAddress": address} if address[0].isdigit() or ":" in address else {"fqdn": address}

        return self.add("backendAddressPools", name, {"backendAddresses": [one(address) for address in addresses]})

    def settings(self, name: str, port: int, timeout: int = 30, **more: Any) -> "Document":
        base = {"port": port, "protocol": "Http", "cookieBasedAffinity": "Disabled", "requestTimeout": timeout}
        return self.add("backendHttpSettingsCollection", name, {**base, **more})

    def rewrite(
        self, name: str, request: Optional[dict[str, str]] = None, response: Optional[dict[str, str]] = None
    ) -> "Document":
        def actions(headers: Optional[dict[str, str]]) -> list[dict[str, str]]:
            return [{"headerName": header, "headerValue": value} for header, value in (headers or {}).items()]

        rule = {
            "name": name,
            "ruleSequence": 100,
            "conditions": [],
            "actionSet": {
                "requestHeaderConfigurations": actions(request),
                "responseHeaderConfigurations": actions(response),
            },
        }
        return self.add("rewriteRuleSets", name, {"rewriteRules": [rule]})

    def rule(
        self,
        name: str,
        listener: str,
        pool: str = "pool",
        settings: str = "http",
        rewrite: Optional[str] = None,
        priority: Optional[int] = None,
    ) -> "Document":
        count = len(self.body["properties"].get("requestRoutingRules", []))
        return self.add(
            "requestRoutingRules",
            name,
            {
                "ruleType": "Basic",
                "priority": priority or 100 + 10 * count,
                "httpListener": self.ref("httpListeners", listener),
                "backendAddressPool": self.ref("backendAddressPools", pool),
                "backendHttpSettings": self.ref("backendHttpSettingsCollection", settings),
                "rewriteRuleSet": self.ref("rewriteRuleSets", rewrite) if rewrite else None,
            },
        )

    # --- as text ------------------------------------------------------------------------------------------------------

    def json(self) -> str:
        return json.dumps(self.body, indent=1)

    def yaml(self) -> str:
        return to_yaml(self.body)

    def ports(self) -> list[int]:
        return [port["properties"]["port"] for port in self.body["properties"].get("frontendPorts", [])]


# The header names of the MARM and RB samples, and one a variable.
IDENTITY_REWRITE = {
    "X-Client-Cert": "{var_client_certificate}",
    "X-Client-Cert-Verify": "{var_client_certificate_verification}",
    "X-Client-End": "{var_client_certificate_end_date}",
    "X-Client-Start": "{var_client_certificate_start_date}",
    "X-Client-Fingerprint": "{var_client_certificate_fingerprint}",
    "X-Client-Issuer": "{var_client_certificate_issuer}",
    "X-Client-Subject": "{var_client_certificate_subject}",
    "X-Client-Serial": "{var_client_certificate_serial}",
}

STRICT, STRICT_DN, PASSTHROUGH, NO_PROFILE, STRICT_B, PLAIN = 443, 1443, 444, 445, 446, 80


def standard(backend_port: int, certs: Optional[Pki] = None) -> Document:
    """The gateway that most tests use: one basic listener a frontend port, all in front of one backend.

    Ports: STRICT trusts CA A, STRICT_DN too with the issuer-DN rule, STRICT_B trusts CA B, PASSTHROUGH, NO_PROFILE is HTTPS
    without an SSL profile, PLAIN is HTTP.
    """
    certs = certs or pki()
    document = (
        Document()
        .pool("pool", "127.0.0.1")
        .settings("http", backend_port)
        .certificate()
        .ca("a", certs.int_a.bundle())
        .ca("b", certs.int_b.bundle())
        .profile("strict", "Strict", ["a"])
        .profile("strict-dn", "Strict", ["a"], dn=True)
        .profile("strict-b", "Strict", ["b"])
        .profile("passthrough", "Passthrough")
        .rewrite("identity", IDENTITY_REWRITE)
    )
    listeners = {
        "strict": STRICT,
        "strict-dn": STRICT_DN,
        "strict-b": STRICT_B,
        "passthrough": PASSTHROUGH,
        "none": NO_PROFILE,
        "plain": PLAIN,
    }
    for name, port in listeners.items():
        profile = name if name not in ("none", "plain") else None
        document.listener(name, port, profile, plain=name == "plain").rule(f"to-{name}", name, rewrite="identity")
    return document


def to_yaml(value: Any, indent: int = 0) -> str:
    """Block YAML of a tree of dicts, lists and scalars; multi-line strings as literal blocks."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{key}:{_yaml_child(item, indent)}" for key, item in value.items())
    if isinstance(value, list):
        return "".join(f"{pad}-{_yaml_child(item, indent)}" for item in value)
    raise TypeError(type(value))


def _yaml_child(value: Any, indent: int) -> str:
    if isinstance(value, (dict, list)):
        if not value:
            return " {}\n" if isinstance(value, dict) else " []\n"
        return "\n" + to_yaml(value, indent + 1)
    if isinstance(value, str) and "\n" in value.rstrip("\n") and value.endswith("\n"):
        pad = "  " * (indent + 1)
        return " |\n" + "".join(f"{pad}{line}\n" for line in value.splitlines())
    return " " + json.dumps(value) + "\n"
