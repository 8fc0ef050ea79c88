"""From when a rollout's progress deadline counts for the checker: since there was something else to do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from simulator.services import Services
from simulator.story import Violation
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.objects import (
    Autoscale,
    Metadata,
    Phase,
    Revision,
    Rollout,
    Scale,
    Service,
    ServiceSpec,
    TaskTemplate,
    Update,
    encode,
)
from taskyard.store.api import Entry, KeyEvent
from tests.support.plane import a_spec

TEMPLATE = TaskTemplate(spec=a_spec())
SCALED = Autoscale(min=2, max=3, cpu=50)
WIDER = replace(SCALED, max=4)
TWO = Scale(replicas=2, at="2023-11-14T22:13:24Z")
THREE = replace(TWO, replicas=3)


def a_service(replicas: int, autoscale: Autoscale | None) -> Service:
    update = Update(progress_deadline="15s", on_failure="pause")
    spec = ServiceSpec(replicas=replicas, autoscale=autoscale, template=TEMPLATE, update=update)
    return Service(metadata=Metadata(name="s", uid="u"), spec=spec)


def a_rollout(scale: Scale | None) -> Rollout:
    revision = Revision(number=1, hash="h", template=TEMPLATE, at="2023-11-14T22:13:24Z")
    return Rollout(service_uid="u", revisions=[revision], target=1, replicas=2, scale=scale)


class Told:
    """What the checker of services is told of one of them."""

    def __init__(self, service: Service, rollout: Rollout) -> None:
        self._services = Services()
        self._rollout = rollout
        self.declare(service, 0.0)
        self.write(rollout, 0.0)

    def declare(self, service: Service, now: float) -> None:
        self._put(keys.object_key(ObjectKey("Service", "default", "s")), encode(service), "user", now)

    def write(self, rollout: Rollout, now: float) -> None:
        self._rollout = rollout
        self._put(keys.rollout("default", "s"), encode(rollout), "cp1-1/services", now)

    def fail(self, now: float) -> None:
        self.write(replace(self._rollout, phase=Phase.FAILED), now)

    def _put(self, key: str, value: bytes, who: str, now: float) -> None:
        self._services.apply(KeyEvent(key, Entry(key, value, 1, 1), 1), who, now)


@pytest.mark.parametrize(
    ("before", "scale", "after"),
    [
        pytest.param(a_service(2, SCALED), TWO, a_service(0, SCALED), id="as its autoscaler decides"),
        pytest.param(a_service(2, None), None, a_service(5, SCALED), id="as it is autoscaled from now on"),
        pytest.param(a_service(2, SCALED), TWO, a_service(2, WIDER), id="as the new bounds leave it"),
    ],
)
def test_a_number_that_changes_nothing_does_not_begin_the_deadline_anew(
    before: Service, scale: Scale | None, after: Service
) -> None:
    told = Told(before, a_rollout(scale))
    told.declare(after, 1.0)
    told.fail(15.2)


def test_another_declared_number_begins_the_deadline_anew() -> None:
    told = Told(a_service(2, None), a_rollout(None))
    told.declare(a_service(5, None), 1.0)
    with pytest.raises(Violation, match=r"14\.2 s after it had something else to do"):
        told.fail(15.2)


def test_another_number_of_the_autoscaler_begins_the_deadline_anew() -> None:
    told = Told(a_service(2, SCALED), a_rollout(TWO))
    told.declare(a_service(2, Autoscale(min=3, max=3, cpu=50)), 0.5)
    told.write(a_rollout(THREE), 1.0)
    with pytest.raises(Violation, match=r"14\.2 s after it had something else to do"):
        told.fail(15.2)
