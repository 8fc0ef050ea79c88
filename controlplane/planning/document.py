"""Plan: what `taskyard plan` shows and saves, and `taskyard apply FILE` sends back."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from taskyard.keys import ObjectKey
from taskyard.objects import Wire
from taskyard.objects.base import api_version
from taskyard.prepare import prepare

Action = Literal["create", "change", "replace", "remove", "none"]
"""`replace`: it is stopped and started anew. `change`: nothing that runs is touched."""
Fate = Literal["created", "placed", "moved", "restarted", "displaced", "removed"]


class SavedChange(Wire, frozen=True, kw_only=True):
    """One field; `old` or `new` None stands for one that is not there."""

    path: str
    old: Any = None
    new: Any = None


class Item(Wire, frozen=True, kw_only=True):
    """What becomes of one object that is declared, or no more. `before` and `node`: where a task is, and would be."""

    kind: str
    namespace: str = ""
    name: str
    declared_in: str = ""
    action: Action
    changes: list[SavedChange] = msgspec.field(default_factory=list)
    before: str = ""
    node: str = ""
    fits: bool = True
    waits: str = ""
    """For what, before it is given a node."""
    later: bool = False
    """It is placed only once something that is removed or moved has stopped."""
    why: str = ""
    """What is in the way, when it does not fit."""
    needs: list[str] = msgspec.field(default_factory=list)
    """The smallest changes that would help."""
    note: str = ""
    """Of a service: where it would be once all is done, when that is not simply complete."""

    @property
    def identity(self) -> str:
        """As in `RestsOn.objects`."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.kind, self.namespace or "default", self.name)

    @property
    def label(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace not in ("", "default") else ""
        return f"{self.kind.lower()}/{self.name}{where}"


class Effect(Wire, frozen=True, kw_only=True):
    """What becomes of a task that nobody declared anew: `displaced` ones lose their node and have
    no other; `created` ones are made by a controller, and have no `node` where they fit nowhere."""

    namespace: str
    name: str
    fate: Fate
    before: str = ""
    node: str = ""
    why: str = ""
    waits: str = ""

    @property
    def label(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace != "default" else ""
        return f"task/{self.name}{where}"


class PlannedDocument(Wire, frozen=True, kw_only=True):
    source: str = ""
    object: Any


class RestsOn(Wire, frozen=True, kw_only=True):
    """`objects`: `Kind/namespace/name` → mod revision, 0 where there is none. `nodes`: name → digest of all that
    decides whether and how well tasks fit there."""

    objects: dict[str, int]
    nodes: dict[str, str]


class Plan(Wire, frozen=True, kw_only=True):
    """`outcome` is a digest of items and effects: two plans with the same one do the same."""

    api_version: Literal["taskyard/v1"] = msgspec.field(default_factory=api_version)
    kind: str
    version: int
    made_at: str
    revision: int
    source: str = ""
    prune: bool = False
    force: bool = False
    items: list[Item]
    effects: list[Effect] = msgspec.field(default_factory=list)
    outcome: str
    rests_on: RestsOn
    documents: list[PlannedDocument]


VERSION = 1
prepare(Plan)
