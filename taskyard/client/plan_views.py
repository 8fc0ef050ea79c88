"""A plan and what became of it, as far as a client looks into them; fields of a newer server are ignored."""

from __future__ import annotations

from typing import Any, Literal

from taskyard.client.views import ApplyResult, FieldChange, View
from taskyard.prepare import prepare


class PlanItem(View, frozen=True):
    kind: str
    name: str
    action: Literal["create", "change", "replace", "remove", "none"]
    namespace: str = ""
    declared_in: str = ""
    changes: tuple[FieldChange, ...] = ()
    before: str = ""
    node: str = ""
    fits: bool = True
    waits: str = ""
    later: bool = False
    why: str = ""
    needs: tuple[str, ...] = ()
    note: str = ""


class PlanEffect(View, frozen=True):
    namespace: str
    name: str
    fate: Literal["created", "placed", "moved", "restarted", "displaced", "removed"]
    before: str = ""
    node: str = ""
    why: str = ""
    waits: str = ""


class PlanView(View, frozen=True):
    kind: str
    version: int
    revision: int
    made_at: str = ""
    items: tuple[PlanItem, ...] = ()
    effects: tuple[PlanEffect, ...] = ()
    rests_on: Any = None


class PlanDone(View, frozen=True):
    results: tuple[ApplyResult, ...] = ()
    removed: tuple[str, ...] = ()
    revision: int = 0


prepare(PlanView, PlanDone)
