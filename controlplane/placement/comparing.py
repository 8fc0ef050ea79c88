"""What the operators of constraints mean, for one value of a label or attribute. Pure.

Values are text. `<` and `>` compare amounts, in any spelling of a number, a size or a cpu quantity; `version` compares
versions part by part, a pre-release before its release; `regexp` has to match the whole value and is matched by RE2,
whose time is linear in the text whatever the expression: one from a user can never hold a decision up.
"""

from __future__ import annotations

from functools import lru_cache

from controlplane.cluster.rules import Constraint
from taskyard.comparison import compiled, number, version_admits


def admits(constraint: Constraint, value: str | None) -> bool:
    """`value` None: the node has no such label or attribute."""
    operator, values = constraint.operator, constraint.values
    if operator in ("does not exist", "exists"):
        return (value is not None) == (operator == "exists")
    if operator in ("!=", "not in"):
        return value not in values
    if value is None:
        return False
    if operator in ("=", "in"):
        return value in values
    return _compare(operator, values[0] if values else "", value)


@lru_cache(maxsize=16384)
def _compare(operator: str, wanted: str, value: str) -> bool:
    """False, never an error, for what cannot be compared: somebody may have put it into etcd by hand."""
    try:
        if operator == "<":
            return number(value) < number(wanted)
        if operator == ">":
            return number(value) > number(wanted)
        if operator == "version":
            return version_admits(wanted, value)
        return compiled(wanted).fullmatch(value) is not None
    except ValueError:
        return False


def constraint_text(constraint: Constraint) -> str:
    """`disk=ssd`, `zone in (a, b)`, `arch exists`, `node.version version >= 1.2`."""
    key, operator, values = constraint.key, constraint.operator, constraint.values
    if operator in ("=", "!="):
        return f"{key}{operator}{values[0] if values else ''}"
    if operator in ("in", "not in"):
        return f"{key} {operator} ({', '.join(values)})"
    if operator in ("exists", "does not exist"):
        return f"{key} {operator}"
    return f"{key} {operator} {values[0] if values else ''}"
