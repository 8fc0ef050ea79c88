"""JSON merge patches (RFC 7396) on objects: what is null goes, mappings are merged, the rest is replaced. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


def merged(target: Any, patch: Any) -> Any:
    """`target` may be a struct; the answer is plain data."""
    return _merge(msgspec.to_builtins(target), patch)


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merge(made.get(key), value)
    return made
