"""The tasks that fit nowhere, and which of them a change in the nodes gives another try. Pure bookkeeping.

They are kept by what they ask for, so that a node which changes is compared once with each different demand.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from controlplane.cluster import Demand
from controlplane.placement import Held, Want
from taskyard.keys import NamedKey


class Question(msgspec.Struct, frozen=True, gc=False):
    """Tasks with equal questions get equal answers."""

    demand: Demand
    current: str
    held: Held | None


def question_of(want: Want) -> Question:
    return Question(want.demand, want.current, want.held)


class WaitingRoom:
    def __init__(self) -> None:
        self._tasks: dict[Question, set[NamedKey]] = {}
        self._asked: dict[NamedKey, Question] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def put(self, want: Want) -> None:
        self.remove(want.key)
        question = question_of(want)
        self._asked[want.key] = question
        self._tasks.setdefault(question, set()).add(want.key)

    def remove(self, key: NamedKey) -> None:
        question = self._asked.pop(key, None)
        if question is not None:
            self._tasks[question].discard(key)
            if not self._tasks[question]:
                del self._tasks[question]

    def woken_by(self, which: Callable[[list[tuple[Demand, Held | None]]], set[int]], *, apart: bool) -> list[NamedKey]:
        """Takes out, and gives back, the tasks for which there may be room now: `which` says of whom. `apart`: tasks
        came or went that keep others away from them, on any node that is near in their sense."""
        asked = list(self._tasks)
        if not asked:
            return []
        found = which([(question.demand, question.held) for question in asked])
        answered = [
            question for at, question in enumerate(asked) if apart or at in found or question.demand.rules.by_neighbours
        ]
        woken = [key for question in answered for key in self._tasks[question]]
        for key in woken:
            self.remove(key)
        return sorted(woken)

    def clear(self) -> None:
        self._tasks.clear()
        self._asked.clear()
