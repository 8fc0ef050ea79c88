"""What is different since a plan was made, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controlplane.planning.document import Effect, Item, Plan

_SHOWN = 20


def differences(
    saved: Plan,
    present: Plan,
    nodes_then: Mapping[str, Mapping[str, object]] | None,
    nodes_now: Mapping[str, Mapping[str, object]],
) -> list[str]:
    """Why the saved plan would not do any more what it says; none when it would. `nodes_then`: None when
    history does not say any more how they were."""
    objects = [
        _object(name, then, present.rests_on.objects.get(name, 0))
        for name, then in saved.rests_on.objects.items()
        if present.rests_on.objects.get(name, 0) != then
    ]
    new = [name for name in present.rests_on.objects if name not in saved.rests_on.objects]
    objects += [f"{_readable(name)} is there now, and the plan does not know it" for name in new]
    if not objects and saved.outcome == present.outcome:
        return []
    changed = sorted(
        name
        for name in saved.rests_on.nodes.keys() | present.rests_on.nodes.keys()
        if saved.rests_on.nodes.get(name) != present.rests_on.nodes.get(name)
    )
    nodes = [_node(name, nodes_then, nodes_now) for name in changed]
    outcome = [*_items(saved.items, present.items), *_effects(saved.effects, present.effects)]
    return _shortened(objects) + _shortened(nodes) + _shortened(outcome)


def _object(name: str, then: int, now: int) -> str:
    if not then:
        return f"{_readable(name)} is there now, at revision {now}"
    if not now:
        return f"{_readable(name)} is gone"
    return f"{_readable(name)} is at revision {now}, and the plan rests on {then}"


def _readable(name: str) -> str:
    kind, namespace, short = name.split("/")
    return f"{kind.lower()}/{short}" + (f" in namespace {namespace}" if namespace not in ("", "default") else "")


def _node(name: str, then: Mapping[str, Mapping[str, object]] | None, now: Mapping[str, Mapping[str, object]]) -> str:
    if name not in now:
        return f"node/{name} is gone"
    if then is None:
        return f"node/{name} is not as it was"
    if name not in then:
        return f"node/{name} has joined"
    parts = [
        f"{fact} {then[name][fact]} -> {now[name][fact]}" for fact in now[name] if then[name][fact] != now[name][fact]
    ]
    return f"node/{name}: {', '.join(parts)}"


def _items(saved: Sequence[Item], present: Sequence[Item]) -> list[str]:
    by_label = {item.label: item for item in present}
    found = []
    for item in saved:
        now = by_label.get(item.label)
        if now is not None and _fate(now) != _fate(item):
            found.append(f"{item.label}: planned to {_would(item)}, now it would {_would(now)}")
    return found


def _fate(item: Item) -> tuple[object, ...]:
    return item.action, item.node, item.fits, bool(item.waits)


def _would(item: Item) -> str:
    what = {"none": "stay", "remove": "go"}.get(item.action, f"be {item.action}d")
    if item.kind != "Task" or item.action == "remove":
        return what
    if item.waits:
        return f"{what} and wait"
    return f"{what} on {item.node}" if item.fits else f"{what} and fit nowhere"


def _effects(saved: Sequence[Effect], present: Sequence[Effect]) -> list[str]:
    before, now = ({(e.label, e.fate, e.node) for e in each} for each in (saved, present))
    gone = [f"{label} would not be {fate} any more" for label, fate, _ in sorted(before - now)]
    return gone + [
        f"{label} would be {fate} as well{f' on {node}' if node else ''}" for label, fate, node in sorted(now - before)
    ]


def _shortened(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"]
