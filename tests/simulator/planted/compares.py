"""Compares of single parts of the control plane, dropped where these write: all but the fence, or some of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from simulator.effects import ProcessStore
from simulator.settings import Settings
from taskyard import keys
from taskyard.store.api import Commit, Compare, Operation
from tests.simulator.planted.invariants import LEADS, MAINTAINED, ONE_BINDING
from tests.simulator.planted.plant import UPDATED, Plant

EVICTED = Settings(
    nodes=3, tasks=12, minutes=1.5, faults_per_minute=60.0, services=2, jobs=1, crons=0, beside=False, hooks=False,
    published=False, drains=True, kinds=frozenset({"drain", "lag", "hurry"}),
)  # fmt: skip
HURRIED = Settings(
    nodes=3, tasks=12, minutes=1.5, faults_per_minute=60.0, services=0, jobs=0, crons=0, hooks=False,
    kinds=frozenset({"lag", "hurry", "maintain"}),
)  # fmt: skip


def _dropped(part: str, pattern: str) -> Callable[[pytest.MonkeyPatch], None]:
    """What this part of a process writes no longer rests on keys like these."""

    def switch_off(patch: pytest.MonkeyPatch) -> None:
        original = ProcessStore.commit

        def commit(self: ProcessStore, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
            if self.who.rpartition("/")[2] == part:
                compares = [
                    each for each in compares if each.key.startswith(keys.LEADERS) or not re.search(pattern, each.key)
                ]
            return original(self, compares, operations)

        patch.setattr(ProcessStore, "commit", commit)

    return switch_off


PLANTS: dict[str, Plant] = {
    "eviction compares dropped": Plant(_dropped("evictions", ""), (ONE_BINDING,), (EVICTED,)),
    "intake compare dropped": Plant(_dropped("intake", ""), (r"the intake changed what was put of",), (HURRIED,)),
    "maintenance compare dropped": Plant(_dropped("maintenance", ""), (MAINTAINED,), (HURRIED,)),
    "compare of a service's tasks dropped": Plant(_dropped("services", keys.TASKS), (LEADS,), (UPDATED,)),
}
