"""The answers for programs: `-o json|yaml|name`. What a person reads is in tables (taskyard/cli/rows.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


def json_text(data: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()


def json_line(data: Any) -> str:
    return msgspec.json.encode(data).decode()


def yaml_text(objects: Sequence[Any]) -> str:
    """One document each. They can be applied again as they are: what the server fills in is ignored in a manifest."""
    from taskyard.manifest import to_yaml

    return "---\n".join(to_yaml(one).rstrip("\n") + "\n" for one in objects)
