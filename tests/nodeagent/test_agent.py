"""The agent's loop on a whole node in virtual time: what a task goes through when nothing but the task misbehaves."""

from __future__ import annotations

import msgspec
import pytest

from nodeagent.runtime.fake_program import Program
from taskyard import keys
from taskyard.objects import TaskState
from taskyard.store.informer import Change
from tests.nodeagent.world import FOREVER, OWNER, UID, World

FAILS = ("fails",)
SUCCEEDS = ("succeeds",)
STUBBORN = ("stubborn",)
SICK = ("sick",)
HUNGRY = ("hungry",)
PROGRAMS = {
    FAILS: Program(runs=1.0, exit_code=3),
    SUCCEEDS: Program(runs=1.0),
    STUBBORN: Program(ignores=frozenset({"SIGTERM"})),
    SICK: Program(unhealthy_after=5.0),
    HUNGRY: Program(runs=1.0, out_of_memory=True),
    ("nowhere",): Program(refuses_to_start="no such file or directory"),
}


@pytest.fixture
def world() -> World:
    return World(programs=PROGRAMS)


def test_a_task_is_started_with_two_status_writes_and_three_calls(world: World) -> None:
    world.settle()
    world.runtime.calls.clear()
    world.assign(ports=[{"container": 80, "host": 8080, "name": "http"}])
    world.settle()
    status = world.status()
    assert status.state is TaskState.RUNNING
    assert (status.epoch, status.attempt, status.container_name) == (1, 1, f"ty-{UID}-1-1")
    assert [(port.container, port.host, port.name) for port in status.ports] == [(80, 8080, "http")]
    assert world.running() == [f"ty-{UID}-1-1"]
    assert world.status_writes() == 2
    work = [call for call in world.runtime.calls if call.split()[0] not in ("list", "events")]
    assert [call.split()[0] for call in work[:3]] == ["image", "create", "start"]
    assert "Started" in world.events.reasons


def test_an_automatic_port_is_reported(world: World) -> None:
    world.assign(ports=[{"container": 80, "host": "auto"}])
    world.settle()
    assert world.status().ports[0].host >= 32768


def test_an_automatic_port_that_the_environment_speaks_of_is_chosen_first(world: World) -> None:
    world.assign(ports=[{"container": 80, "host": "auto", "name": "http"}], envFrom={"PORT": {"field": "ports.http"}})
    world.settle()
    (container,) = world.containers()
    assert [(port.container, port.host) for port in world.status().ports] == [(80, container.ports[0].host)]
    assert f"PORT={container.ports[0].host}" in world.runtime.spec_of(container.id).env


def test_a_failing_task_restarts_with_growing_waits(world: World) -> None:
    world.assign(args=FAILS)
    world.advance(1.5)
    status = world.status()
    assert (status.state, status.reason, status.attempt, status.restarts) == (TaskState.STARTING, "BackOff", 2, 1)
    assert status.last_exit is not None
    assert (status.last_exit.exit_code, status.last_exit.attempt) == (3, 1)
    assert status.message == "exited with code 3; restart 1 in 1s"
    world.advance(1.0)
    assert world.status().state is TaskState.RUNNING
    world.advance(17.0)
    # Runs of 1 s with waits of 1, 2, 4 and 8 s between them: the fifth run starts at 19 s.
    assert world.status().attempt == 5
    assert world.events.reasons.count("Error") == 4


def test_a_long_run_forgets_the_backoff(world: World) -> None:
    world.runtime.programs[("lives a while",)] = Program(runs=700.0, exit_code=1)
    world.assign(args=["lives a while"])
    world.advance(1405.0)
    assert (world.status().restarts, world.status().backoff_step) == (2, 1)


@pytest.mark.parametrize(
    ("args", "policy", "limit", "state", "reason", "attempts"),
    [
        pytest.param(SUCCEEDS, "never", None, TaskState.COMPLETED, "Completed", 1, id="never-succeeds"),
        pytest.param(FAILS, "never", None, TaskState.FAILED, "Error", 1, id="never-fails"),
        pytest.param(SUCCEEDS, "on-failure", None, TaskState.COMPLETED, "Completed", 1, id="on-failure-succeeds"),
        pytest.param(FAILS, "on-failure", 2, TaskState.FAILED, "RestartLimit", 3, id="on-failure-limit"),
        pytest.param(SUCCEEDS, "always", 1, TaskState.COMPLETED, "Completed", 2, id="always-limit"),
        pytest.param(HUNGRY, "never", None, TaskState.FAILED, "OOMKilled", 1, id="out-of-memory"),
        pytest.param(("nowhere",), "never", None, TaskState.FAILED, "StartFailed", 1, id="cannot-start"),
    ],
)
def test_ends(
    world: World, args: tuple[str, ...], policy: str, limit: int | None, state: TaskState, reason: str, attempts: int
) -> None:
    world.assign(args=args, restart={"policy": policy, "maxRestarts": limit})
    world.advance(20.0)
    status = world.status()
    assert (status.state, status.reason, status.attempt) == (state, reason, attempts)
    assert status.finished_at
    assert status.oom_killed == (reason == "OOMKilled")
    assert world.running() == []
    kept = f"ty-{UID}-1-{attempts}" in [one.name for one in world.containers()]
    assert kept == (reason != "StartFailed")  # What never ran has no log.


def test_what_the_node_s_operator_has_not_allowed_is_refused_with_a_backoff(world: World) -> None:
    world.assign(security={"capAdd": ["NET_ADMIN"]})
    world.advance(2.0)
    status = world.status()
    assert (status.state, status.reason, status.restarts) == (TaskState.STARTING, "BackOff", 2)
    assert status.last_exit is not None
    assert status.last_exit.reason == "NotAllowed"
    assert "--allow-capability" in status.message
    assert world.containers() == []
    assert "NotAllowed" in world.events.reasons


def test_a_child_that_ran_out_of_memory_does_not_fail_a_success(world: World) -> None:
    world.runtime.programs[("gets over it",)] = Program(runs=1.0, child_out_of_memory=True)
    world.assign(args=["gets over it"], restart={"policy": "never"})
    world.advance(2.0)
    status = world.status()
    assert (status.state, status.reason, status.oom_killed) == (TaskState.COMPLETED, "Completed", False)


def test_the_node_s_own_network_is_its_operator_s_to_allow(world: World) -> None:
    world.assign(network={"mode": "host"}, restart={"policy": "never"})
    world.settle()
    assert world.status().reason == "NotAllowed"
    assert "--allow-host-network" in world.status().message


def test_exit_codes_decide_before_the_policy(world: World) -> None:
    world.assign(args=FAILS, restart={"policy": "always", "exitCodes": {"never": [3]}})
    world.advance(2.0)
    assert (world.status().state, world.status().reason) == (TaskState.FAILED, "Error")


def test_only_the_last_two_attempts_keep_their_containers(world: World) -> None:
    world.assign(args=FAILS)
    world.advance(19.5)
    assert [one.name[-1] for one in world.containers()] == ["4", "5"]


def test_a_command_that_is_not_there_is_retried_with_backoff(world: World) -> None:
    world.assign(args=["nowhere"])
    world.advance(10.0)
    status = world.status()
    assert status.reason == "BackOff"
    assert "could not start: no such file or directory" in status.message
    assert status.restarts == 4


def test_an_image_that_cannot_be_had_is_retried_with_backoff_whatever_the_policy(world: World) -> None:
    world.assign(image="nowhere/x:1", restart={"policy": "never"})
    world.advance(10.0)
    status = world.status()
    assert (status.state, status.reason, status.attempt) == (TaskState.STARTING, "ImagePullBackOff", 1)
    assert "nowhere/x:1 could not be pulled: pull access denied" in status.message
    assert len([call for call in world.runtime.calls if call.startswith("pull")]) == 4
    world.runtime.registry.add("nowhere/x:1")
    world.advance(10.0)
    assert world.status().state is TaskState.RUNNING


def test_an_image_that_may_not_be_pulled_says_so(world: World) -> None:
    world.assign(image="nowhere/x:1", pullPolicy="Never")
    world.advance(3.0)
    assert world.status().reason == "ImageMissing"
    assert not [call for call in world.runtime.calls if call.startswith("pull")]
    world.runtime.images.add("nowhere/x:1")
    world.advance(5.0)
    assert world.status().state is TaskState.RUNNING


def test_pull_always_pulls_before_each_attempt(world: World) -> None:
    world.runtime.registry.add("busybox:1.35")
    world.assign(args=FAILS, pullPolicy="Always")
    world.advance(2.5)
    assert len([call for call in world.runtime.calls if call.startswith("pull")]) == 2


def test_an_unhealthy_task_is_stopped_and_restarted_even_if_it_ends_well(world: World) -> None:
    check = {"command": ["true"], "retries": 2}
    world.assign(args=SICK, healthCheck=check, restart={"policy": "on-failure"})
    world.advance(2.0)
    assert world.status().health == "healthy"
    world.advance(5.5)
    status = world.status()
    assert status.attempt == 2
    assert status.last_exit is not None
    assert status.last_exit.reason == "Unhealthy"
    assert "Unhealthy" in world.events.reasons


def test_a_container_that_somebody_removed_is_replaced(world: World) -> None:
    world.assign()
    world.settle()
    world.runtime.remove(f"ty-{UID}-1-1", force=True)
    world.advance(2.0)
    status = world.status()
    assert (status.state, status.attempt) == (TaskState.RUNNING, 2)
    assert status.last_exit is not None
    assert status.last_exit.reason == "ContainerGone"


@pytest.mark.parametrize(
    ("args", "grace", "seconds"),
    [
        pytest.param(FOREVER, None, 0.0, id="obeys"),
        pytest.param(STUBBORN, None, 10.0, id="killed-after-the-grace-period"),
        pytest.param(STUBBORN, 2.0, 2.0, id="with-another-grace-period"),
        pytest.param(STUBBORN, 0.0, 0.0, id="at-once"),
    ],
)
def test_a_task_is_stopped_and_removed(
    world: World, args: tuple[str, ...], grace: float | None, seconds: float
) -> None:
    world.assign(args=args)
    world.settle()
    world.assign(args=args, desired="Stopped", grace=grace)
    world.settle()
    if seconds:
        world.advance(seconds - 0.1)
        assert world.running()
        world.advance(0.2)
    assert world.containers() == []
    assert (world.status().state, world.status().reason) == (TaskState.COMPLETED, "Stopped")


def test_a_task_that_never_started_can_be_stopped(world: World) -> None:
    world.assign(desired="Stopped")
    world.settle()
    assert (world.status().state, world.status().reason) == (TaskState.COMPLETED, "Stopped")


def test_an_assignment_that_is_gone_takes_its_container_along(world: World) -> None:
    world.assign()
    world.settle()
    world.unassign()
    world.settle()
    assert world.containers() == []
    assert world.memory.get(keys.status("n1", UID)) is None


def test_a_new_epoch_replaces_the_old_one(world: World) -> None:
    world.assign(1)
    world.settle()
    world.assign(2, env={"A": "b"})
    world.settle()
    assert [one.name for one in world.containers()] == [f"ty-{UID}-2-1"]
    assert (world.status().epoch, world.status().state) == (2, TaskState.RUNNING)


def test_the_old_epoch_is_gone_before_the_new_one_is_created(world: World) -> None:
    world.assign(1, args=STUBBORN)
    world.settle()
    world.assign(2)
    world.advance(9.0)
    assert world.running() == [f"ty-{UID}-1-1"]
    world.advance(1.5)
    assert world.running() == [f"ty-{UID}-2-1"]


def test_fifty_tasks_at_once_each_run_once(world: World) -> None:
    uids = [f"{number:012x}" for number in range(50)]
    for uid in uids:
        world.assign(uid=uid)
    world.settle()
    assert world.running() == [f"ty-{uid}-1-1" for uid in uids]
    assert {world.status(uid).state for uid in uids} == {TaskState.RUNNING}


def test_attempts_that_cannot_start_do_not_pile_up(world: World) -> None:
    world.assign(args=("nowhere",))
    world.advance(100.0)
    assert world.status().attempt > 5
    assert len(world.containers()) <= 2


def test_the_news_of_its_own_status_is_no_reason_to_look_at_the_task_again(world: World) -> None:
    world.assign()
    world.settle()
    entry = world.informer.entries[keys.status(OWNER.node, UID)]
    world.agent.changed([Change(entry.key, None, entry, entry.mod_revision)])
    assert len(world.queue) == 0
    another = msgspec.structs.replace(entry, mod_revision=entry.mod_revision + 1)
    world.agent.changed([Change(entry.key, entry, another, another.mod_revision)])
    assert len(world.queue) == 1
