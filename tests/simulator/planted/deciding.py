"""What is decided of tasks: where they go, who stops for whom, who is brought back, and what is collected."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace

from controlplane.cluster import ClusterCache, NodeRecord, TaskRecord
from controlplane.cluster.effective import current_status
from controlplane.garbage import gather as garbage
from controlplane.maintenance import controller as maintenance
from controlplane.placement import budgets
from controlplane.placement.budgets import Budgets
from controlplane.placement.engine import engine
from controlplane.returning import controller as returning
from controlplane.scheduler.gangs import Gangs
from controlplane.scheduler.making_room import RoomMaker
from taskyard.keys import NamedKey
from taskyard.objects import TaskState
from tests.simulator.planted.invariants import MAINTAINED, STOPPED_FOR
from tests.simulator.planted.plant import CONTENDED, CROWDED, Plant


def _quota_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "over", lambda *_: "")


def _gang_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gangs, "lacks", lambda *_: 0)


def _conditions_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(NodeRecord, "taints", property(lambda node: node.spec.taints if node.spec else []))


def _stopped_counts_as_ended(patch: pytest.MonkeyPatch) -> None:
    """Of a task that has to be placed again it does not."""
    patch.setattr(garbage, "needs_binding", lambda *_: False)
    shown = garbage.view
    patch.setattr(garbage, "view", lambda *args: replace(shown(*args), state=TaskState.COMPLETED))


def _maintenance_without_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(maintenance, "left", lambda *_: math.inf)


def _maintenance_takes_the_cordon_along(patch: pytest.MonkeyPatch) -> None:
    end = maintenance.end
    patch.setattr(maintenance, "end", lambda node, spec, at: end(node, replace(spec, cordoned=False, labels={}), at))


def _nobody_brought_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(returning, "SETTLED", math.inf)


def _all_brought_back(patch: pytest.MonkeyPatch) -> None:
    """Whatever they want."""
    patch.setattr(returning.ReturnController, "_may_go", lambda *_: True)
    note = returning.ReturnController._note

    def noted(self: returning.ReturnController, key: NamedKey) -> None:
        note(self, key)
        record = self.cache.tasks.get(key)
        if record is not None and record.task.binding is not None and record.task.binding.lost_from:
            self._origin[key] = record.task.binding.lost_from

    patch.setattr(returning.ReturnController, "_note", noted)


def _what_is_stopped_counts_as_left(patch: pytest.MonkeyPatch) -> None:
    def none_leaving(cache: ClusterCache, record: TaskRecord) -> bool:
        status = current_status(cache, record)
        return status is not None and status.status.state is TaskState.RUNNING

    def budgets_of_all(self: RoomMaker, *_: Any) -> Budgets:
        with self._cache.lock:
            return Budgets.of_what_runs(self._cache)

    patch.setattr(budgets, "runs", none_leaving)
    patch.setattr(RoomMaker, "_budgets", budgets_of_all)


PLANTS: dict[str, Plant] = {
    "quota ignored": Plant(_quota_ignored, (r"was bound beyond its quota",), (CONTENDED,)),
    "what is stopped counts as left": Plant(_what_is_stopped_counts_as_left, (STOPPED_FOR,), (CROWDED,)),
    "gang not waited for": Plant(_gang_not_waited_for, (r"of the gang \w+ are bound",), (CONTENDED,)),
    "conditions ignored": Plant(_conditions_ignored, (r"was bound to n\d+, which has had taskyard/",)),
    "nobody brought back": Plant(_nobody_brought_back, (r"was not brought back to",)),
    "all brought back": Plant(_all_brought_back, (r"is wished back to n\d+, unasked",)),
    "maintenance without end": Plant(_maintenance_without_end, (r"the maintenance of n\d+ has not ended",)),
    "maintenance takes the cordon along": Plant(_maintenance_takes_the_cordon_along, (MAINTAINED,)),
    "stopped counts as ended": Plant(_stopped_counts_as_ended, (r"was collected, and has not ended",)),
}
