"""Rules about metrics that JSON Schema cannot state: of a task, and of the autoscaler that goes by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taskyard.manifest.problem import Path, shown
from taskyard.manifest.rule_parts import Broken, items, part


def broken_metrics(spec: dict[str, Any]) -> Iterator[Broken]:
    yield from _twice(spec, ("spec",), "is told once: the samples of one name that count are added up")
    if items(spec, "metrics") and part(spec, "network").get("mode") == "none":
        message = "the container has no network to ask it by"
        yield Broken(("spec", "metrics"), message, "remove them, or network.mode: none")


def broken_targets(spec: dict[str, Any]) -> Iterator[Broken]:
    """Of a service's autoscaler: of each metric one, and none that its tasks do not tell."""
    autoscale, place = part(spec, "autoscale"), ("spec", "autoscale")
    yield from _twice(autoscale, place, "has one target")
    told = [each.get("name") for _, each in items(part(spec, "template", "spec"), "metrics")]
    for at, each in items(autoscale, "metrics"):
        name = each.get("name")
        if isinstance(name, str) and name not in told:
            message = f"the template tells of no metric {shown(name)}"
            hint = f"add metrics: [{{name: {name}, port: ...}}] to spec.template.spec"
            yield Broken((*place, "metrics", at, "name"), message, hint)


def _twice(holder: dict[str, Any], place: Path, why: str) -> Iterator[Broken]:
    first: dict[str, int] = {}
    for at, each in items(holder, "metrics"):
        name = each.get("name")
        if isinstance(name, str) and first.setdefault(name, at) != at:
            message = f"{shown(name)} is there twice, first in metrics[{first[name]}]; it {why}"
            yield Broken((*place, "metrics", at, "name"), message, "remove one of them")
