"""What agents do with Secrets and Configs, as files and in the environment."""

from __future__ import annotations

from typing import Any

import pytest

from nodeagent import preparation, starting, values
from nodeagent.freshness import Freshness
from nodeagent.preparation import Preparer
from simulator.settings import Settings
from taskyard.events import EventRecorder
from taskyard.objects import Assignment, ObjectRef
from taskyard.store.api import Store
from tests.simulator.planted.invariants import FILES, FILES_GONE
from tests.simulator.planted.plant import Plant

MOUNTED = Settings(nodes=2, tasks=8, minutes=1.0, faults_per_minute=20.0, services=0, jobs=0, beside=False, files=True)


def _files_not_renewed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Freshness, "_renew", lambda *_: None)


def _nobody_restarted_for_values(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Freshness, "outdated", lambda *_: "")


def _files_left_behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Preparer, "clear", lambda *_: None)


def _files_forgotten_until_a_container_is_made(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(starting, "_leaves_something", lambda _: False)


def _secret_read_once(patch: pytest.MonkeyPatch) -> None:
    """By each agent, for all containers that it makes."""
    known: dict[tuple[object, ...], dict[str, str]] = {}

    def read_values(store: Store, assignment: Assignment) -> dict[str, str]:
        return known.setdefault((store, *assignment.spec.env_from), values.read_values(store, assignment))

    patch.setattr(preparation, "read_values", read_values)


def _secret_told_in_events(patch: pytest.MonkeyPatch) -> None:
    told: dict[str, str] = {}

    def read_values(store: Store, assignment: Assignment) -> dict[str, str]:
        told.update(values.read_values(store, assignment))
        return dict(told)

    emit = EventRecorder.emit

    def emit_with_it(
        self: EventRecorder, about: ObjectRef, namespace: str, reason: str, message: str, **named: Any
    ) -> None:
        emit(self, about, namespace, reason, f"{message} {told}", **named)

    patch.setattr(preparation, "read_values", read_values)
    patch.setattr(EventRecorder, "emit", emit_with_it)


PLANTS: dict[str, Plant] = {
    "files not renewed": Plant(_files_not_renewed, (FILES,), (MOUNTED,)),
    "nobody restarted for values": Plant(_nobody_restarted_for_values, (FILES,), (MOUNTED,)),
    "secret read once": Plant(_secret_read_once, (r"with what secret/v1 had long before",), (MOUNTED,)),
    "secret told in events": Plant(_secret_told_in_events, (r"wrote the value of a Secret into",), (MOUNTED,)),
    "files left behind": Plant(_files_left_behind, (FILES_GONE,), (MOUNTED,)),
    "files forgotten until a container is made": Plant(
        _files_forgotten_until_a_container_is_made, (FILES_GONE,), (MOUNTED,)
    ),
}
