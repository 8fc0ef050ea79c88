"""A plan as a person reads it: `+` created, `~` changed, `-/+` stopped and started anew, `-` removed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from taskyard.cli.table import painted
from taskyard.client.plan_views import PlanEffect, PlanItem, PlanView

_SIGNS = {"create": "+", "change": "~", "replace": "-/+", "remove": "-", "none": "="}
_COLOURS = {"create": "32", "change": "33", "replace": "33", "remove": "31", "none": ""}
_RED = "31"
_NAMED = 3
"""Tasks that are named for one reason."""
_VERBS = (("create", "to create"), ("change", "to change"), ("replace", "to replace"), ("remove", "to remove"))


def plan_lines(plan: PlanView, *, colour: bool = False) -> list[str]:
    shown = [item for item in plan.items if item.action != "none" or not item.fits]
    width = max((len(_label(item)) for item in shown), default=0)
    lines: list[str] = []
    for item in shown:
        sign = painted(f"{_SIGNS[item.action]:>5}", _COLOURS[item.action], colour)
        fate = _fate(item)
        lines.append(f"{sign} {_label(item):<{width}}   {fate if item.fits else painted(fate, _RED, colour)}".rstrip())
        if item.action in ("change", "replace"):
            lines += [
                f"          {line}" for change in item.changes for line in _field(change.path, change.old, change.new)
            ]
        if item.note:
            lines.append(f"          {item.note}")
        if item.why:
            lines.append(f"          {item.why}")
        if item.needs:
            lines.append(f"          it would fit with {', or '.join(item.needs)}")
    if plan.effects:
        lines += ["", "  What else follows:"]
        lines += [f"    {line}" for line in _effects(plan.effects)]
    return [*lines, *([""] if lines else []), summary(plan)]


def summary(plan: PlanView) -> str:
    """`Plan: 1 to create, 1 to remove; 1 does not fit; at revision 1042`"""
    counts = [(sum(item.action == action for item in plan.items), verb) for action, verb in _VERBS]
    parts = [f"{count} {verb}" for count, verb in counts if count]
    unfit = sum(not item.fits for item in plan.items)
    others = [f"{unfit} {'does' if unfit == 1 else 'do'} not fit"] if unfit else []
    fates = Counter(effect.fate for effect in plan.effects if not _unfit(effect))
    others += [f"{_others(count)} {fate}" for fate, count in sorted(fates.items())]
    left = sum(map(_unfit, plan.effects))
    others += [f"{_others(left)} {'does' if left == 1 else 'do'} not fit"] if left else []
    changes = ", ".join(parts) or "no changes"
    return "; ".join([f"Plan: {changes}", *others, f"at revision {plan.revision}"])


def _label(item: PlanItem) -> str:
    where = f" in namespace {item.namespace}" if item.namespace not in ("", "default") else ""
    return f"{item.kind.lower()}/{item.name}{where}"


def _fate(item: PlanItem) -> str:
    if item.kind != "Task":
        return ""
    if item.action == "remove":
        return f"stopped on {item.before}" if item.before else "it has no node"
    if not item.fits:
        stays = f"; it goes on as it is on {item.before}" if item.before else ""
        return f"does not fit{stays}"
    if item.waits:
        return item.waits
    if not item.before:
        text = f"on {item.node}"
    elif item.node == item.before:
        text = f"on {item.node}, stopped and started anew" if item.action == "replace" else f"stays on {item.node}"
    else:
        text = f"on {item.node}, moved from {item.before}"
    return f"{text}, once there is room" if item.later else text


def _others(count: int) -> str:
    return f"{count} other{'' if count == 1 else 's'}"


def _unfit(effect: PlanEffect) -> bool:
    return effect.fate == "created" and not effect.node


def _effects(effects: Sequence[PlanEffect]) -> Iterator[str]:
    """The tasks of a service that fit nowhere for one reason on one line."""
    for why, some in groupby(effects, key=lambda effect: effect.why if _unfit(effect) else ""):
        found = list(some)
        if not why or len(found) == 1:
            yield from map(_effect, found)
            continue
        named = ", ".join(_effect_name(effect) for effect in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield f"{named}{more} do not fit: {why}"


def _effect_name(effect: PlanEffect) -> str:
    where = f" in namespace {effect.namespace}" if effect.namespace != "default" else ""
    return f"task/{effect.name}{where}"


def _effect(effect: PlanEffect) -> str:
    name = _effect_name(effect)
    match effect.fate:
        case "created" if effect.waits:
            return f"{name} is created, and {effect.waits}"
        case "created":
            return f"{name} is created on {effect.node}" if effect.node else f"{name} does not fit: {effect.why}"
        case "placed":
            return f"{name}, which waits, is placed on {effect.node}"
        case "moved":
            return f"{name} is moved from {effect.before} to {effect.node}"
        case "restarted":
            return f"{name} is started anew on {effect.node}"
        case "displaced":
            return f"{name} loses its place on {effect.before}: {effect.why}"
        case "removed":
            return f"{name} goes from {effect.before}" if effect.before else f"{name} goes"


def _field(path: str, old: Any, new: Any) -> Iterator[str]:
    """On one line where both are short."""
    line = f"{path}: {_value(old)} -> {_value(new)}"
    if len(line) <= 100:
        yield line
        return
    yield f"{path}:"
    yield f"  - {_value(old)}"
    yield f"  + {_value(new)}"


def _value(value: Any) -> str:
    return "(none)" if value is None else msgspec.json.encode(value).decode()


def does_not_fit(items: Sequence[PlanItem], effects: Sequence[PlanEffect]) -> bool:
    return any(not item.fits for item in items) or any(
        effect.fate == "displaced" or (effect.fate == "created" and not effect.node and not effect.waits)
        for effect in effects
    )


def changes_anything(plan: PlanView) -> bool:
    return bool(plan.effects) or any(item.action != "none" for item in plan.items)
