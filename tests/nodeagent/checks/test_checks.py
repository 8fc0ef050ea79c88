"""Checks on a whole node in virtual time: what is not ready is said to be, what does not live is restarted."""

from __future__ import annotations

from taskyard.objects import TaskState
from tests.nodeagent.world import World

LIVE = {"tcp": {"port": 80}, "interval": "1s", "failures": 2}
READY = {"http": {"port": 8080}, "interval": "1s", "failures": 2}


def test_without_checks_what_runs_is_ready() -> None:
    world = World()
    world.assign()
    world.settle()
    assert world.status().ready
    assert world.status_writes() == 2


def test_a_task_is_ready_once_its_check_passes_and_no_longer_once_it_fails() -> None:
    world = World()
    world.prober.answers[8080] = "connection refused"
    world.assign(checks={"readiness": READY})
    world.settle()
    status = world.status()
    assert (status.state, status.ready) == (TaskState.RUNNING, False)
    assert status.message == "not ready: its readiness check has yet to pass"
    del world.prober.answers[8080]
    world.advance(1.0)
    assert (world.status().ready, world.status().message) == (True, "")
    world.prober.answers[8080] = "HTTP status 503"
    world.advance(1.0)
    assert world.status().ready
    world.advance(1.0)
    assert world.status().message == "not ready: its readiness check fails: HTTP status 503"
    assert (world.status().state, world.status().restarts) == (TaskState.RUNNING, 0)
    assert [reason for reason in world.events.reasons if "Ready" in reason] == ["Ready", "NotReady"]


def test_a_task_that_does_not_live_is_stopped_and_restarted() -> None:
    world = World()
    world.assign(checks={"liveness": LIVE})
    world.advance(5.0)
    world.prober.answers[80] = "no answer in time"
    world.advance(2.1)
    status = world.status()
    assert (status.restarts, status.ready) == (1, False)
    assert status.last_exit is not None
    assert status.last_exit.reason == "Unhealthy"
    assert "its liveness check fails: no answer in time" in status.message
    del world.prober.answers[80]
    world.advance(5.0)
    assert (world.status().attempt, world.status().ready) == (2, True)


def test_start_up_gives_the_others_time() -> None:
    world = World()
    world.prober.answers |= {80: "connection refused", 81: "connection refused"}
    startup = {"tcp": {"port": 81}, "interval": "1s", "failures": 30}
    world.assign(checks={"startup": startup, "liveness": LIVE})
    world.advance(20.0)
    assert (world.status().restarts, world.status().ready) == (0, False)
    world.prober.answers.clear()
    world.advance(2.0)
    assert world.status().ready


def test_a_command_is_run_in_the_container() -> None:
    world = World()
    world.runtime.inside[("test", "-e", "/ready")] = 1
    world.assign(checks={"readiness": {"command": ["test", "-e", "/ready"], "interval": "1s", "failures": 1}})
    world.advance(0.5)
    assert world.status().message == "not ready: its readiness check fails: exit code 1"
    world.runtime.inside.clear()
    world.advance(1.0)
    assert world.status().ready


def test_a_new_agent_takes_over_what_was_known_and_asks_anew() -> None:
    world = World()
    world.assign(checks={"startup": LIVE, "readiness": READY})
    world.advance(3.0)
    assert world.status().ready
    writes, asked = world.status_writes(), world.prober.asked
    world.boot()
    world.advance(2.5)
    assert (world.status().ready, world.status_writes()) == (True, writes)
    assert world.prober.asked > asked
    world.prober.answers[8080] = "connection refused"
    world.advance(2.5)
    assert not world.status().ready


def test_a_runtime_that_hangs_is_not_the_task_s_fault() -> None:
    world = World()
    world.assign(checks={"liveness": {"command": ["true"], "interval": "1s", "failures": 1}})
    world.advance(2.0)
    world.runtime.break_down("hangs")
    world.advance(20.0)
    world.runtime.break_down("")
    world.advance(3.0)
    assert (world.status().restarts, world.status().ready) == (0, True)


def test_nothing_is_asked_of_a_task_that_stops_or_waits() -> None:
    world = World()
    world.prober.answers[80] = "connection refused"
    world.assign(checks={"liveness": LIVE}, restart={"backoff": {"initial": "60s"}})
    world.advance(15.0)
    asked = world.prober.asked
    world.advance(40.0)
    assert world.prober.asked == asked


def test_an_image_s_own_health_check_counts_besides() -> None:
    world = World()
    world.assign(healthCheck={"command": ["true"]}, checks={"readiness": READY})
    world.advance(2.0)
    assert (world.status().health, world.status().ready) == ("healthy", True)
