"""Tasks that wait for others: seeds notice when one does not wait, and when one waits for ever."""

from __future__ import annotations

from importlib import import_module

import pytest

from controlplane.scheduler import held_back
from simulator.cluster import Cluster
from simulator.settings import Settings
from simulator.story import Violation
from simulator.timeouts import REASON, Timeouts
from taskyard import keys
from taskyard.clock import ManualClock, timestamp
from taskyard.events import EventRecorder
from taskyard.objects import Dependency, Metadata, ObjectRef, Task, TaskSpec
from taskyard.store.api import KeyEvent
from taskyard.store.memory import MemoryStore
from tests.simulator.planted.invariants import WAITS
from tests.simulator.planted.plant import Plant, check_caught

_RULES = import_module("controlplane.dependencies.unmet")
"""The package has a function of that name."""
WAITING = Settings(nodes=3, tasks=15, minutes=1.5, faults_per_minute=15.0, services=1, jobs=1)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 12, 6)])
def test_nothing_goes_wrong_with_dependencies(first: int) -> None:
    for seed in range(first, first + 6):
        outcome = Cluster(seed, WAITING).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(held_back, "unmet", lambda *_: [])


def _never_met(patch: pytest.MonkeyPatch) -> None:
    """What has happened lets nobody go on."""
    patch.setattr(_RULES, "_task", lambda *_: "is not so")


def _any_condition_will_do(patch: pytest.MonkeyPatch) -> None:
    """A task that is there is as it has to be."""
    patch.setattr(_RULES, "_task", lambda *_: "")


PLANTS = [
    Plant(_not_waited_for, (WAITS,), (WAITING,)),
    Plant(_never_met, (r"waits although",), (WAITING,)),
    Plant(_any_condition_will_do, (WAITS,), (WAITING,)),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch)


def test_a_timeout_told_too_early_is_noticed_though_it_is_told_again_in_time() -> None:
    clock, timeouts = ManualClock(), Timeouts()
    store = MemoryStore(clock)
    recorder = EventRecorder(store, clock, "controlplane")
    spec = TaskSpec(image="a:1", depends_on=[Dependency(kind="Task", name="db", timeout="20s")])
    timeouts.note_task(Task(metadata=Metadata(name="web", uid="1", created_at=timestamp(clock.now())), spec=spec))
    for _ in range(2):  # While the store is away: both are written as one.
        clock.advance(15)
        recorder.emit(ObjectRef(kind="Task", name="web", uid="1"), "default", REASON, "still waits")
    recorder.flush()
    (entry,) = store.list(keys.EVENTS).entries
    with pytest.raises(Violation, match="is told to have waited for too long, and has not"):
        timeouts.note_event(KeyEvent(entry.key, entry, entry.mod_revision))
