"""What a waiting task is said to wait for."""

from __future__ import annotations

import pytest

from controlplane.placement import PendingReasons
from taskyard.keys import NamedKey
from tests.support.plane import Plane, a_spec, a_task, a_uid


@pytest.mark.parametrize(
    ("cpu", "reason", "message"),
    [
        pytest.param("100m", "Scheduling", "1 of 1 node fits: best n1", id="its turn has not come yet"),
        pytest.param("100", "Unschedulable", "0 of 1 node fits: ", id="there is no room"),
    ],
)
def test_the_word_agrees_with_the_sentence(cpu: str, reason: str, message: str) -> None:
    plane = Plane()
    plane.add_node("n1")
    plane.add_task(a_task("web", a_uid(1), a_spec(cpu=cpu)))
    plane.pump()
    why = PendingReasons(plane.cache, plane.clock)(plane.cache.tasks[NamedKey("default", "web")])
    assert why.reason == reason
    assert why.message.startswith(message)
