"""Jobs under faults: each index counted once, never more tasks than are wanted, and what has finished stays so."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from controlplane.jobs import controller, decide, ledger
from controlplane.jobs.tasks import JobTask
from simulator.cluster import Cluster
from simulator.settings import Settings
from tests.simulator.planted.plant import Plant, check_caught

JOBS = Settings(nodes=3, tasks=4, minutes=1.5, faults_per_minute=15.0, jobs=4)


@pytest.mark.parametrize("first", [pytest.param(first, id=f"from-{first}") for first in range(0, 24, 6)])
def test_nothing_goes_wrong_with_jobs(first: int) -> None:
    for seed in range(first, first + 6):
        outcome = Cluster(seed, JOBS).run()
        assert not outcome.violation, f"seed {seed}: {outcome.violation}\n{outcome.story}"


def _going_does_not_count(patch: pytest.MonkeyPatch) -> None:
    """A task that was asked to stop is not counted any more, though it runs on for a while."""
    patch.setattr(JobTask, "live", property(lambda each: each.outcome is None and not each.going))


def _attempts_confused(patch: pytest.MonkeyPatch) -> None:
    """An outcome counts whichever try it is of, each time that it is seen."""
    patch.setattr(ledger.Ledger, "attempt", lambda *_: _Any())


class _Any(int):
    """Equal to every number."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def _finished_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A job that has finished is looked at like any other."""
    original = decide.decide

    def forgetful(situation: decide.Situation) -> decide.Decision:
        if situation.run is None or not situation.run.phase.finished:
            return original(situation)
        run = msgspec.structs.replace(situation.run, phase="Running", finished_at="")
        return original(replace(situation, run=msgspec.convert(msgspec.to_builtins(run), type(situation.run))))

    patch.setattr(controller, "decide", forgetful)


STORM = replace(JOBS, faults_per_minute=30.0)
WITHDRAWN = replace(JOBS, faults_per_minute=8.0, kinds=frozenset({"withdrawn"}))


PLANTS = [
    Plant(_going_does_not_count, (r"at a time, more than",), (WITHDRAWN,)),
    Plant(
        _attempts_confused,
        (
            r"counts an index twice",
            r"counts .* as done, and they were not",
            r"counts \d+ failures of",
        ),
        (STORM,),
    ),
    Plant(
        _finished_is_forgotten,
        (
            r"had finished as",
            r"forgot that",
        ),
        (STORM,),
    ),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.switch_off.__name__)
def test_a_seed_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    check_caught(plant, monkeypatch)
