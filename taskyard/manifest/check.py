"""validate: is this a manifest, and if not, everything that is wrong with it.

jsonschema-rs and the table in rules accept, in microseconds; only what they refuse is explained, by explain. Both
libraries are imported on first use: a command line that validates nothing does not pay for them.
"""

from __future__ import annotations

from typing import Any

from taskyard.kinds import KINDS
from taskyard.manifest.document import Document, as_document
from taskyard.manifest.limits import MAX_PROBLEMS
from taskyard.manifest.problem import Problem
from taskyard.manifest.rules import broken_rules
from taskyard.manifest.schema_check import meets_schema


def validate(document: Document | Any) -> list[Problem]:
    """Every problem of one manifest, in the order of its text; none when it is right."""
    whole = as_document(document)
    if accepts(whole.data):
        return []
    from taskyard.manifest.explain import explain

    return explain(whole)[:MAX_PROBLEMS]


def accepts(data: Any) -> bool:
    """Whether there is nothing wrong with it."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in KINDS:
        return False
    return meets_schema(data, kind) and not any(broken_rules(data))
