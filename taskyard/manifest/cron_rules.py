"""What JSON Schema cannot state about a cron: whether its schedule and its time zone are any. An entry of the table in
rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taskyard.manifest.amounts import broken_starting_deadline
from taskyard.manifest.rule_parts import Broken, part


def broken_schedule(spec: dict[str, Any]) -> Iterator[Broken]:
    # Not before there is a cron: most who read manifests never need it.
    from taskyard.schedule import BadSchedule, check_schedule, check_zone

    yield from broken_starting_deadline(spec)
    if "parameters" in part(spec, "template", "spec"):
        message = "nobody gives arguments to what runs on a schedule"
        yield Broken(("spec", "template", "spec", "parameters"), message, "remove it, and set env in the template")
    schedule, zone = spec.get("schedule"), spec.get("timeZone")
    try:
        if isinstance(schedule, str):
            check_schedule(schedule, "UTC")
    except BadSchedule as error:
        yield _broken("schedule", error)
    try:
        if isinstance(zone, str):
            check_zone(zone)
    except BadSchedule as error:
        yield _broken("timeZone", error)


def _broken(field: str, error: Exception) -> Broken:
    message, _, hint = str(error).rpartition(": ")
    return Broken(("spec", field), message, hint)
