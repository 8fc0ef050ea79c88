"""Manifests: reading, validating, explaining, normalising, comparing and writing them. Pure: no I/O but the schemas.

For the CLI and the control plane, which import from here. Each name's module is imported when the name is first used,
so that a command pays for PyYAML, jsonschema and jsonschema-rs only when it needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskyard.manifest.check import accepts, validate
    from taskyard.manifest.difference import FieldChange, diff
    from taskyard.manifest.document import Document, Mark
    from taskyard.manifest.flat import from_flat
    from taskyard.manifest.json_reader import parse_json
    from taskyard.manifest.lists import is_list, unfold
    from taskyard.manifest.load import load
    from taskyard.manifest.problem import ManifestError, Problem
    from taskyard.manifest.read import read_object, read_value
    from taskyard.manifest.yaml_reader import parse_yaml
    from taskyard.manifest.yaml_writer import to_yaml

__all__ = [
    "Document",
    "FieldChange",
    "ManifestError",
    "Mark",
    "Problem",
    "accepts",
    "diff",
    "from_flat",
    "is_list",
    "load",
    "parse_json",
    "parse_yaml",
    "read_object",
    "read_value",
    "to_yaml",
    "unfold",
    "validate",
]

_MODULES = {
    "Document": "document",
    "FieldChange": "difference",
    "ManifestError": "problem",
    "Mark": "document",
    "Problem": "problem",
    "accepts": "check",
    "diff": "difference",
    "from_flat": "flat",
    "is_list": "lists",
    "load": "load",
    "parse_json": "json_reader",
    "parse_yaml": "yaml_reader",
    "read_object": "read",
    "read_value": "read",
    "to_yaml": "yaml_writer",
    "unfold": "lists",
    "validate": "check",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
