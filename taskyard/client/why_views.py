"""The answers to "why", as far as a client looks into them; fields of a newer server are ignored."""

from __future__ import annotations

import msgspec

from taskyard.client.views import View
from taskyard.prepare import prepare


class FailureView(View, frozen=True):
    filter: str
    phrase: str = ""
    detail: str = ""
    short: int = 0


class VerdictView(View, frozen=True):
    """With failures it does not fit there; `score` counts when there are none."""

    node: str
    failures: tuple[FailureView, ...] = ()
    score: float | None = None
    scores: dict[str, float] = msgspec.field(default_factory=dict)


class GroupView(View, frozen=True):
    count: int
    text: str
    members: tuple[str, ...] = ()


class ChangeView(View, frozen=True):
    node: str
    text: str


class PlacementView(View, frozen=True):
    at: str = "now"
    revision: int = 0
    total: int = 0
    fitting: int = 0
    nodes: tuple[VerdictView, ...] = ()
    groups: tuple[GroupView, ...] = ()
    changes: tuple[ChangeView, ...] = ()


class LineView(View, frozen=True):
    text: str = ""


class WhyView(View, frozen=True):
    namespace: str
    name: str
    state: str
    reason: str = ""
    message: str = ""
    node: str = ""
    waits_for: str = ""
    avoids: tuple[str, ...] = ()
    lost_from: str = ""
    on_return: str = ""
    line: LineView | None = None
    never: ChangeView | None = None
    placement: PlacementView | None = None
    note: str = ""


class NodeWhyView(View, frozen=True):
    name: str
    ready: bool = False
    message: str = ""
    refuses_all: tuple[str, ...] = ()
    free: dict[str, int] = msgspec.field(default_factory=dict)
    tasks: int = 0
    waiting: int = 0
    takes: tuple[str, ...] = ()
    groups: tuple[GroupView, ...] = ()


prepare(WhyView, NodeWhyView)
