"""What a constraint's operator has to be given, and what a toleration may leave out. Entries of the table in rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from taskyard.comparison import clauses, compiled, number
from taskyard.manifest.problem import Path, shown
from taskyard.manifest.rule_parts import Broken, items

_SEVERAL = ("in", "not in")
_NONE = ("exists", "does not exist")


def broken_constraints(spec: dict[str, Any]) -> Iterator[Broken]:
    for at, item in items(spec, "constraints"):
        operator, path = item.get("operator", "="), ("spec", "constraints", at)
        if not isinstance(operator, str):
            continue
        if operator in _NONE and (item.get("value") or item.get("values")):
            field = "value" if item.get("value") else "values"
            yield Broken((*path, field), f"the operator {shown(operator)} compares with nothing", "remove the line")
        elif operator in _SEVERAL and not item.get("values"):
            hint = f"write values: [{item.get('value') or 'a'}, …]"
            yield Broken(path, f"the operator {shown(operator)} needs values", hint)
        elif operator not in _SEVERAL and item.get("values"):
            hint = "write value: with one text, or operator: in"
            yield Broken((*path, "values"), f"the operator {shown(operator)} takes one value", hint)
        elif operator in _READ and isinstance(item.get("value", ""), str):
            yield from _unreadable((*path, "value"), operator, item.get("value", ""))


def broken_tolerations(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from tolerating_nothing(spec, ("spec",))


def tolerating_nothing(holder: dict[str, Any], place: Path) -> Iterator[Broken]:
    """`place`: of the mapping that has the tolerations."""
    for at, item in items(holder, "tolerations"):
        path = (*place, "tolerations", at)
        if not item.get("key") and item.get("operator", "Equal") == "Equal":
            hint = "write the key, or operator: Exists to tolerate every taint"
            yield Broken(path, "a toleration without a key tolerates nothing", hint)
        elif item.get("value") and item.get("operator") == "Exists":
            hint = "remove it, or write operator: Equal"
            yield Broken((*path, "value"), "the operator 'Exists' looks at no value", hint)


def _unreadable(path: tuple[str | int, ...], operator: str, value: str) -> Iterator[Broken]:
    read, hint = _READ[operator]
    try:
        read(value)
    except ValueError as error:
        yield Broken(path, str(error), hint)


_READ: dict[str, tuple[Callable[[str], object], str]] = {
    "<": (number, "write a number, a size or a cpu amount: '4', '16Gi', '500m'"),
    ">": (number, "write a number, a size or a cpu amount: '4', '16Gi', '500m'"),
    "version": (clauses, "write comparisons of versions: '>= 20.10, < 21'"),
    "regexp": (compiled, "write an expression in RE2's syntax, such as 'web-[0-9]+'"),
}
