"""Config: values that tasks read, kept apart from them, so that one change reaches all."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskyard.objects.base import Metadata, Wire, api_version


class ConfigSpec(Wire, frozen=True, kw_only=True):
    data: dict[str, str]
    """By name: text."""


def _kind() -> Literal["Config"]:
    return "Config"


class Config(Wire, frozen=True, kw_only=True):
    """The value of `/taskyard/v1/configs/<namespace>/<name>`."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: Literal["Config"] = msgspec.field(default_factory=_kind)
    metadata: Metadata
    spec: ConfigSpec
