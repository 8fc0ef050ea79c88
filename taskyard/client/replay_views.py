"""What a replay found, as far as a client looks into it; fields of a newer server are ignored."""

from __future__ import annotations

from taskyard.client.views import View
from taskyard.prepare import prepare


class AgainView(View, frozen=True):
    revision: int
    namespace: str
    name: str
    at: str = ""
    then: str = ""
    now: str = ""


class ReplayView(View, frozen=True):
    first: int
    last: int
    earliest: int = 0
    policy: str = ""
    decisions: int = 0
    same: int = 0
    moves: int = 0
    differ: tuple[AgainView, ...] = ()


prepare(ReplayView)
