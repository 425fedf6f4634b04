"""A document in the forms that Azure's users have: a deployment template, and what the az command prints."""

from __future__ import annotations

from typing import Any

from .document import Document


def template_of(document: Document, parameters: dict[str, Any]) -> dict[str, Any]:
    resource = {"type": "Microsoft.Network/applicationGateways", "apiVersion": "2025-05-01", **document.copy().body}
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "resources": [resource],
    }


def as_az_prints(node: Any) -> Any:
    """A body as `az network application-gateway show` prints it: without the `properties` levels, a resourceGroup
    beside every id, members in alphabetical order."""
    if isinstance(node, list):
        return [as_az_prints(item) for item in node]
    if not isinstance(node, dict):
        return node
    flat = {**node, **node.get("properties", {})}
    flat.pop("properties", None)
    if "id" in flat:
        flat["resourceGroup"] = "rg"
    return {name: as_az_prints(flat[name]) for name in sorted(flat)}
