"""Namespace: a name that others are told apart by. Objects may be in one that nobody has declared."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version


class NamespaceSpec(Wire, frozen=True, kw_only=True):
    """Nothing but its metadata is declared yet."""


def _kind() -> Literal["Namespace"]:
    return "Namespace"


class Namespace(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/namespaces/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Namespace"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: NamespaceSpec = NamespaceSpec()
