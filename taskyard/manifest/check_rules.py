"""Rules about a task's checks that JSON Schema cannot state. Entries of the table in rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taskyard.manifest.amounts import CHECK_TIMES, HOOK_TIME, broken_fields
from taskyard.manifest.problem import Path
from taskyard.manifest.rule_parts import Broken, items, part

_WAYS = ("http", "tcp", "command")


def broken_checks(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from _of(spec, ())


def broken_sidecar_checks(spec: dict[str, Any]) -> Iterator[Broken]:
    for at, sidecar in items(spec, "sidecars"):
        yield from _of(sidecar | {"network": spec.get("network")}, ("sidecars", at))


def _of(owner: dict[str, Any], place: Path) -> Iterator[Broken]:
    """One way to ask each, times within their ranges, and a network to ask by. `place` in the spec: the owner's."""
    mode = part(owner, "network").get("mode")
    for name, check in part(owner, "checks").items():
        if not isinstance(check, dict):
            continue
        path = ("spec", *place, "checks", name)
        ways = [way for way in _WAYS if check.get(way)]
        if len(ways) != 1:
            told = " and ".join(ways) or "nothing"
            yield Broken(path, f"it asks by {told}", "write one of http, tcp and command")
        if mode == "none" and ways in (["http"], ["tcp"]):
            yield Broken((*path, ways[0]), "the container has no network to ask it by", "write command: [...]")
        for broken in broken_fields(owner, ("checks", name), CHECK_TIMES):
            yield broken._replace(path=("spec", *place, *broken.path[1:]))


def broken_hooks(spec: dict[str, Any]) -> Iterator[Broken]:
    for name in part(spec, "hooks"):
        yield from broken_fields(spec, ("hooks", name), {"timeout": HOOK_TIME})
        command = part(spec, "hooks", name).get("command")
        if isinstance(command, list) and command and command[0] == "":
            path = ("spec", "hooks", name, "command", 0)
            yield Broken(path, "the program's name is empty", "write the program to run")
