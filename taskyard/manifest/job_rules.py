"""What JSON Schema cannot state about a job: fields that do not go together, and how long its name may be.

Entries of the table in rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from taskyard.indexes import BadIndexes, Indexes
from taskyard.manifest.amounts import broken_job_times
from taskyard.manifest.problem import Path, shown
from taskyard.manifest.rule_parts import Broken, items, part

LONGEST_JOB = 48
"""Characters: a dash, an index of up to five digits, and `-r` with the number of a retry follow in its tasks' names."""
LONGEST_CRON = LONGEST_JOB - 9
_GANG = 100
_TRANSACTION, _BESIDE = 700_000, 1024
"""Bytes that the job controller writes at once, and of each task beside its spec."""


def broken_job(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from broken_job_times(spec)
    yield from _restart(spec)
    yield from _success(spec)
    yield from _together(spec)
    yield from _once(spec)
    yield from _exit_codes(spec)
    yield from _parameters(spec)


def broken_job_name(manifest: dict[str, Any]) -> Iterator[Broken]:
    """Of a job, or of a cron, whose jobs' names are longer by a number."""
    name = part(manifest, "metadata").get("name")
    longest = LONGEST_CRON if manifest.get("kind") == "Cron" else LONGEST_JOB
    if isinstance(name, str) and longest < len(name) <= 63:
        message = f"{shown(name)} has {len(name)} characters; the tasks' names are longer by numbers"
        yield Broken(("metadata", "name"), message, f"shorten it to {longest} characters")


def _restart(spec: dict[str, Any]) -> Iterator[Broken]:
    task = part(spec, "template", "spec")
    policy = part(task, "restart").get("policy", "always")
    if "restart" in task and policy == "always":
        path = ("spec", "template", "spec", "restart", *(("policy",) if "policy" in part(task, "restart") else ()))
        message = "a job's task has to end, and with policy: always it never does"
        yield Broken(
            path, message, "write policy: on-failure to restart it in place, or remove restart: the job retries"
        )


def _success(spec: dict[str, Any]) -> Iterator[Broken]:
    success, completions = part(spec, "success"), _whole(spec.get("completions", 1))
    text, count = success.get("indexes", ""), _whole(success.get("count"))
    if not isinstance(text, str) or completions is None:
        return
    try:
        indexes = Indexes.parse(text)
    except BadIndexes as error:
        message, _, hint = str(error).partition(": ")
        yield Broken(("spec", "success", "indexes"), message, hint)
        return
    if indexes.spans and indexes.spans[-1][1] >= completions:
        message = f"there is no index {indexes.spans[-1][1]}: completions is {completions}, and the first index is 0"
        yield Broken(("spec", "success", "indexes"), message, f"name indexes up to {completions - 1}")
    among = len(indexes) if text else completions
    if count is not None and count > among:
        message = f"{count} cannot succeed, since {among} count"
        yield Broken(("spec", "success", "count"), message, f"write at most {among}")


def _together(spec: dict[str, Any]) -> Iterator[Broken]:
    completions, parallelism = _whole(spec.get("completions", 1)), _whole(spec.get("parallelism", 1))
    if spec.get("allOrNothing") is not True or completions is None or parallelism is None:
        return
    if parallelism < completions:
        message = f"{completions} tasks cannot start together with a parallelism of {parallelism}"
        yield Broken(("spec", "allOrNothing"), message, f"write parallelism: {completions}")
    elif completions > _GANG:
        message = f"{completions} tasks cannot be placed in one transaction"
        yield Broken(("spec", "allOrNothing"), message, f"let at most {_GANG} start together")
    elif completions * (_bytes(spec) + _BESIDE) > _TRANSACTION:
        message = f"{completions} tasks of this size cannot be made in one transaction"
        yield Broken(("spec", "allOrNothing"), message, "let fewer start together, or move large data out of the spec")
    if part(spec, "template", "spec").get("gang") is not None:
        message = "with allOrNothing the gang is the job's own"
        yield Broken(("spec", "template", "spec", "gang"), message, "remove one of the two")


def _once(spec: dict[str, Any]) -> Iterator[Broken]:
    if spec.get("guarantee") != "at-most-once":
        return
    retry = part(spec, "retry")
    for field in ("limit", "perIndex", "backoff"):
        if retry.get(field):
            message = "with guarantee: at-most-once an index is never tried again"
            yield Broken(("spec", "retry", field), message, "remove the line, or write guarantee: at-least-once")
    message = "with guarantee: at-most-once a task is never started again"
    task, place = part(spec, "template", "spec"), ("spec", "template", "spec")
    if part(task, "restart").get("policy") == "on-failure":
        yield Broken((*place, "restart", "policy"), message, "write policy: never")
    yield from broken_once(task, place, message)


def broken_once(task: dict[str, Any], place: Path, message: str) -> Iterator[Broken]:
    """What would start a task again that is to run once, beside its policy."""
    if part(task, "restart", "exitCodes").get("always"):
        yield Broken((*place, "restart", "exitCodes", "always"), message, "remove the line")
    if task.get("singleton") is True:
        why = "a singleton is started again when its node's lease was in doubt"
        yield Broken((*place, "singleton"), why, "remove the line: what runs once has one copy anyway")
    for at, volume in items(task, "volumes"):
        if volume.get("onChange") == "restart":
            yield Broken((*place, "volumes", at, "onChange"), message, "write onChange: update")


def _exit_codes(spec: dict[str, Any]) -> Iterator[Broken]:
    codes, seen = part(spec, "retry", "exitCodes"), dict[int, str]()
    for name in ("failJob", "failIndex", "ignore"):
        listed = codes.get(name)
        for at, code in enumerate(listed if isinstance(listed, list) else ()):
            if type(code) is not int:
                continue
            if code in seen:
                path = ("spec", "retry", "exitCodes", name, at)
                yield Broken(path, f"{code} is in {seen[code]} as well", "keep it in one of them")
            seen.setdefault(code, name)


def _parameters(spec: dict[str, Any]) -> Iterator[Broken]:
    parameters = part(spec, "parameters")
    required, optional = parameters.get("required"), parameters.get("optional")
    for at, name in enumerate(optional if isinstance(optional, list) else ()):
        if isinstance(required, list) and name in required:
            path = ("spec", "parameters", "optional", at)
            yield Broken(path, f"{shown(name)} is in required as well", "keep it in one of the two")


def _bytes(spec: dict[str, Any]) -> int:
    try:
        return len(msgspec.json.encode(spec))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return 0  # Not JSON at all: the schema says so.


def _whole(value: object) -> int | None:
    return value if type(value) is int else None
