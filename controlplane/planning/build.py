"""From what an apply did in a forecast, and where everything was before and after, to the plan. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from controlplane.planning.document import Action, Effect, Fate, Item, SavedChange
from controlplane.planning.look import Look
from taskyard.keys import NamedKey, ObjectKey
from taskyard.kinds import BY_KIND


@dataclass(frozen=True, slots=True)
class Declared:
    """One document, and what its apply did."""

    kind: str
    namespace: str
    name: str
    declared_in: str
    result: Literal["created", "configured", "unchanged"]
    changes: tuple[SavedChange, ...]
    note: str = ""

    @property
    def task(self) -> NamedKey | None:
        return NamedKey(self.namespace, self.name) if self.kind == "Task" else None


def build(
    declared: Sequence[Declared], removed: Sequence[ObjectKey], before: Look, decided: Look, after: Look
) -> tuple[list[Item], list[Effect]]:
    """`decided`: once the scheduler has decided; `after`: once all that had to stop for it has stopped as well."""
    items = [_declared(each, before, decided, after) for each in declared]
    items += [_removed(key, before) for key in sorted(removed)]
    gone = {NamedKey(key.namespace, key.name) for key in removed if key.kind == "Task"}
    named = {each.task for each in declared} | gone
    keys = sorted((before.placed.keys() | after.placed.keys()) - named)
    return items, [effect for key in keys if (effect := _effect(key, before, after)) is not None]


def digest_of(items: Sequence[Item], effects: Sequence[Effect]) -> str:
    """Of all that would happen; not of the reasons, which name amounts that change all the time."""
    seen = [(i.kind, i.namespace, i.name, i.action, i.changes, i.before, i.node, i.fits) for i in items]
    others = [(e.namespace, e.name, e.fate, e.before, e.node) for e in effects]
    return hashlib.sha256(msgspec.json.encode([seen, others], order="sorted")).hexdigest()[:16]


def _declared(each: Declared, before: Look, decided: Look, after: Look) -> Item:
    key = each.task
    was = before.placed.get(key) if key is not None else None
    found = after.placed.get(key) if key is not None else None
    soon = decided.placed.get(key) if key is not None else None
    unplaced = after.unplaced.get(key) if key is not None else None
    action = _action(each, was is not None and bool(was.node))
    return Item(
        kind=each.kind,
        namespace=each.namespace,
        name=each.name,
        declared_in=each.declared_in,
        action=action,
        changes=list(each.changes),
        before=was.node if was else "",
        node=found.node if found and not found.due else "",
        fits=unplaced is None or bool(unplaced.waits),
        waits=unplaced.waits if unplaced else "",
        later=bool(found and not found.due and soon and soon.due),
        why=unplaced.why if unplaced else "",
        needs=list(unplaced.needs) if unplaced else [],
        note=each.note,
    )


def _action(each: Declared, bound: bool) -> Action:
    if each.result == "created":
        return "create"
    if each.result == "unchanged":
        return "none"
    anew = any(change.path.startswith("spec") for change in each.changes)
    return "replace" if each.kind == "Task" and bound and anew else "change"


def _removed(key: ObjectKey, before: Look) -> Item:
    was = before.placed.get(NamedKey(key.namespace, key.name)) if key.kind == "Task" else None
    namespace = key.namespace if BY_KIND[key.kind].namespaced else ""
    return Item(kind=key.kind, namespace=namespace, name=key.name, action="remove", before=was.node if was else "")


def _effect(key: NamedKey, before: Look, after: Look) -> Effect | None:
    was, now = before.placed.get(key), after.placed.get(key)
    fate: Fate
    if now is None:
        fate = "removed"
    elif was is None:
        fate = "created"
    elif now.due and not was.due:
        fate = "displaced"
    elif now.due or (was.node, was.epoch, was.due) == (now.node, now.epoch, now.due):
        return None
    elif not was.node:
        fate = "placed"
    else:
        fate = "moved" if was.node != now.node else "restarted"
    unplaced = after.unplaced.get(key)
    return Effect(
        namespace=key.namespace,
        name=key.name,
        fate=fate,
        before=was.node if was else "",
        node=now.node if now and not now.due else "",
        why=unplaced.why if unplaced else "",
        waits=unplaced.waits if unplaced else "",
    )
