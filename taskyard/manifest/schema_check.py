"""What the schema of a kind says of a value, by the fast library: whether it has anything against it, and what."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from taskyard.kinds import Kind
from taskyard.manifest import schemas
from taskyard.manifest.problem import Path

if TYPE_CHECKING:
    from jsonschema_rs import Validator


def meets_schema(data: Any, kind: Kind) -> bool:
    return _fast(kind).is_valid(data)


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
