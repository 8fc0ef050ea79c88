"""Secret: values that only those who use them should see. The API shows their names, not what they are."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version


class SecretSpec(Wire, frozen=True, kw_only=True):
    data: dict[str, str]
    """By name: text. Kept in etcd as it is."""


def _kind() -> Literal["Secret"]:
    return "Secret"


class Secret(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/secrets/<namespace>/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Secret"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: SecretSpec
