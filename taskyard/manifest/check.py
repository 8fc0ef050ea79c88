"""validate: is this a manifest, and if not, everything that is wrong with it.

jsonschema-rs and the table in rules accept, in microseconds; only what they refuse is explained, by explain. Both
libraries are imported on first use: a command line that validates nothing does not pay for them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from taskyard.kinds import KINDS, Kind
from taskyard.manifest import schemas
from taskyard.manifest.document import Document, as_document
from taskyard.manifest.limits import MAX_PROBLEMS
from taskyard.manifest.problem import Path, Problem
from taskyard.manifest.rules import broken_rules

if TYPE_CHECKING:
    from jsonschema_rs import Validator


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
    return _fast(kind).is_valid(data) and not any(broken_rules(data))


def schema_errors(data: Any, kind: Kind) -> list[tuple[Path, str]]:
    """What the fast library has against it, in its own words."""
    return [(tuple(error.instance_path), error.message) for error in _fast(kind).iter_errors(data)]


@cache
def _fast(kind: Kind) -> Validator:
    import jsonschema_rs as fast

    registry = fast.Registry([(part["$id"], part) for part in schemas.referred()])
    # The linear-time engine: a pattern cannot be made to run for ever.
    return fast.validator_for(
        schemas.of_kind(kind), registry=registry, pattern_options=fast.RegexOptions(), validate_formats=False
    )
