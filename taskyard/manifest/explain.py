"""explain: everything that is wrong with a manifest, each thing once, where it stands, in words a person can act on.

`jsonschema` finds, the other files here put it into words: wording by keyword, misplaced for unknown fields, shapes for
wrong types, spelling for values. Called by check for what was not accepted; slow (a millisecond), never on good ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from referencing import Registry, Resource

from taskyard.kinds import Kind
from taskyard.manifest import schemas
from taskyard.manifest.document import Document
from taskyard.manifest.kinds import explain_kind
from taskyard.manifest.problem import Path, Problem
from taskyard.manifest.rules import broken_rules
from taskyard.manifest.schema_check import schema_errors
from taskyard.manifest.wording import Fault, Finding, findings

_extend: Callable[..., Any] = validators.extend


def explain(document: Document) -> list[Problem]:
    """At least one problem: whoever calls this knows that something is wrong."""
    data = document.data
    kind, found = explain_kind(data)
    if kind is not None:
        found += _schema_findings(data, kind, document.positions.written)
        found += _rule_findings(data | {"kind": kind}, found)
    if not found:
        found = _unexplained(data, kind or "Task")
    problems = [_problem(document, finding) for finding in _each_once(found)]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def explained_as_valid(data: Any, kind: Kind) -> bool:
    """What jsonschema alone says; for the test that it never disagrees with jsonschema-rs."""
    return bool(_validator(kind).is_valid(data))


def _schema_findings(data: dict[str, Any], kind: Kind, written: dict[Path, str]) -> list[Finding]:
    """What the schema has against it; a field that is there under another name is not missing as well."""
    found: list[Finding] = []
    for error in _validator(kind).iter_errors(data):
        found += findings(_fault(error), kind, written)
    renamed = {(*finding.path[:-1], finding.meant) for finding in found if finding.meant}
    about_kind = {("apiVersion",), ("kind",)}
    return [
        finding
        for finding in found
        if finding.path not in about_kind and not (finding.missing and finding.path in renamed)
    ]


def _fault(error: ValidationError) -> Fault:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    path, steps = tuple(error.absolute_path), tuple(error.absolute_schema_path)
    return Fault(path, error.instance, str(error.validator), error.validator_value, schema, steps)


def _rule_findings(data: dict[str, Any], found: list[Finding]) -> list[Finding]:
    """Broken rules, but for those about a part that is wrong already."""
    known = {finding.path for finding in found}
    return [
        Finding(broken.path, broken.message, broken.hint)
        for broken in broken_rules(data)
        if not any(broken.path[:length] in known for length in range(1, len(broken.path) + 1))
    ]


def _unexplained(data: Any, kind: Kind) -> list[Finding]:
    """The two libraries disagree: refuse all the same, in the words of the one that refused."""
    return [Finding(path, message) for path, message in schema_errors(data, kind)]


def _each_once(found: list[Finding]) -> Iterator[Finding]:
    """One finding for each place: the first kind of fault decides, the others follow from it."""
    best: dict[tuple[Path, bool], Finding] = {}
    for finding in found:
        place = (finding.path, finding.about_key)
        if place not in best or finding.rank < best[place].rank:
            best[place] = finding
    yield from best.values()


def _problem(document: Document, finding: Finding) -> Problem:
    if finding.missing:
        mark = document.locate(finding.path[:-1], key=True)
        return document.problem(finding.path, finding.message, finding.hint, at=mark)
    mark = document.locate(finding.path, key=finding.about_key)
    return document.problem(finding.path, finding.message, finding.hint, at=mark)


@cache
def _validator(kind: Kind) -> Validator:
    registry: Registry[Any] = Registry().with_resources(
        [(part["$id"], Resource.from_contents(part)) for part in schemas.referred()]
    )
    whole_match: type[Validator] = _extend(Draft202012Validator, {"pattern": _pattern})
    return whole_match(schemas.of_kind(kind), registry=registry)


def _pattern(_: Validator, pattern: str, instance: object, schema: dict[str, Any]) -> Iterator[ValidationError]:
    """As ECMA-262 has it: `$` is the end of the text, where Python's also admits a line break before it."""
    if not isinstance(instance, str) or len(instance) > schema.get("maxLength", len(instance)):
        return  # Too long is said by maxLength; matching it could take very long.
    if not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern, re.ASCII)
