"""From a stored object back to the manifest that declares it: what its author wrote, with defaults left out. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from taskyard.kinds import BY_KIND
from taskyard.objects import NODE_BODY, AnyObject, NodeSpec


def manifest_of(value: AnyObject | NodeSpec) -> dict[str, Any]:
    """Plain data that an apply takes: what the server fills in is left out."""
    stored = msgspec.to_builtins(value)
    told = stored["metadata"]
    metadata = {name: told[name] for name in ("name", "labels", "annotations") if told.get(name)}
    if BY_KIND[value.kind].namespaced and value.metadata.namespace != "default":
        metadata["namespace"] = value.metadata.namespace
    spec = stored.get("spec", {})
    if isinstance(value, NodeSpec):
        spec = {name: stored[name] for name in NODE_BODY if name in stored}
    return {"apiVersion": stored["apiVersion"], "kind": value.kind, "metadata": metadata, "spec": spec}
