"""What is done about a child, by what is known of it."""

from __future__ import annotations

import pytest

from taskyard.local.process import ProcessId
from taskyard.local.state import ChildReport
from taskyard.local.supervision import HEALTHY_AFTER, LONGEST_WAIT, next_step, wait_before

NOW = 1000.0
PROCESS = ProcessId(1, "boot/1")


def test_waits_double_up_to_the_longest() -> None:
    assert [wait_before(failures) for failures in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert wait_before(1000) == LONGEST_WAIT


@pytest.mark.parametrize(
    ("child", "alive", "action"),
    [
        pytest.param(ChildReport(name="etcd"), False, "start", id="never started"),
        pytest.param(ChildReport(name="etcd", process=PROCESS, started_at=NOW), True, "nothing", id="runs"),
        pytest.param(ChildReport(name="etcd", process=PROCESS, started_at=NOW), False, "nothing", id="just ended"),
        pytest.param(ChildReport(name="etcd", next_start=NOW + 0.1), False, "nothing", id="waits for its turn"),
        pytest.param(ChildReport(name="etcd", next_start=NOW), False, "start", id="its turn has come"),
    ],
)
def test_next_step(child: ChildReport, alive: bool, action: str) -> None:
    assert next_step(child, alive=alive, exit="", now=NOW)[1] == action


def test_an_end_is_noted_with_its_cause_and_the_next_start() -> None:
    child = ChildReport(name="etcd", process=PROCESS, started_at=NOW - 1, failures=2, restarts=5)
    after, _ = next_step(child, alive=False, exit="killed by SIGKILL", now=NOW)
    assert after.process is None
    assert (after.failures, after.restarts, after.next_start) == (3, 6, NOW + 2.0)
    assert after.last_exit == "killed by SIGKILL"


def test_a_long_run_forgets_earlier_ends() -> None:
    started = NOW - HEALTHY_AFTER
    child = ChildReport(name="etcd", process=PROCESS, started_at=started, failures=7, restarts=7)
    running, _ = next_step(child, alive=True, exit="", now=NOW)
    assert (running.failures, running.restarts) == (0, 7)
    ended, _ = next_step(child, alive=False, exit="", now=NOW)
    assert ended.failures == 1
