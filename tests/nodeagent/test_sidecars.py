"""Sidecars on a whole node in virtual time: up before the task, beside it in one network, down after it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from nodeagent import sidecars
from nodeagent.names import MAIN, STEP, Run
from nodeagent.runtime.fake_program import Program
from nodeagent.runtime.port import ContainerState
from nodeagent.situation import Container, Situation
from taskyard import keys
from taskyard.objects import Assignment, Result, Sidecar, TaskSpec, TaskState, decode
from tests.nodeagent.beside import ALL, BESIDE, PROXY, SHORT, WORK, a_world, beside, done, running
from tests.nodeagent.world import FOREVER, UID, Crash, Fuse, World


@pytest.fixture
def world() -> World:
    return a_world()


def test_they_are_there_before_the_task_or_right_after_it_in_one_network(world: World) -> None:
    ports, port_of = [{"container": 80, "host": "auto", "name": "http"}], {"PORT": {"field": "ports.http"}}
    sysctls = {"sysctls": {"net.core.somaxconn": "9"}}
    world.assign(sidecars=BESIDE, env={"A": "main"}, ports=ports, envFrom=port_of, process=sysctls)
    world.settle()
    assert running(world) == ALL
    assert done(world, "start") == ["1-1-net", "1-1-side1", "1-1", "1-1-side2"]
    status = world.status()
    assert (status.state, status.ready, status.message) == (TaskState.RUNNING, True, "")
    assert [(one.name, one.state, one.restarts) for one in status.sidecars] == [
        ("proxy", "Running", 0),
        ("shipper", "Running", 0),
    ]
    specs = {one.name.removeprefix(f"ty-{UID}-"): world.runtime.spec_of(one.id) for one in world.containers()}
    holder = f"ty-{UID}-1-1-net"
    assert {name: spec.network.joins for name, spec in specs.items()} == dict.fromkeys(ALL, holder) | {"1-1-net": ""}
    assert {name: len(spec.ports) for name, spec in specs.items()} == dict.fromkeys(ALL, 0) | {"1-1-net": 1}
    assert {name: len(spec.process.sysctls) for name, spec in specs.items()} == dict.fromkeys(ALL, 0) | {"1-1-net": 1}
    (port,) = status.ports
    assert f"PORT={port.host}" in specs["1-1"].env
    assert "A=proxy" in specs["1-1-side1"].env
    assert (specs["1-1-side1"].limits.cpu, specs["1-1-side1"].limits.memory) == (250, 32 * 2**20)
    assert specs["1-1-side2"].image == "tool:1"


def test_one_that_ends_is_started_again_by_itself_and_the_task_is_not_ready_meanwhile(world: World) -> None:
    world.assign(sidecars=[BESIDE[0], {"name": "short", "args": SHORT}], restart={"policy": "never"})
    world.settle()
    assert world.status().ready
    world.advance(3.2)
    status, short = world.status(), beside(world)["short"]
    assert (short.state, short.restarts, short.exit_code) == ("BackOff", 1, 2)
    assert (status.state, status.ready, status.restarts) == (TaskState.RUNNING, False, 0)
    assert status.message == "not ready: sidecar short exited with code 2; it is started again in 1s"
    world.advance(1.0)
    assert (beside(world)["short"].state, world.status().ready) == ("Running", True)
    world.advance(3.1)
    assert beside(world)["short"].message == "exited with code 2; it is started again in 2s"
    assert done(world, "start").count("1-1-side2") == 2
    assert done(world, "start").count("1-1") == 1


@pytest.mark.parametrize("at", range(1, 6))
def test_a_new_agent_goes_on_with_the_wait_of_one_that_ended(world: World, at: int) -> None:
    world.assign(sidecars=[{"name": "short", "args": SHORT}])
    world.advance(3.0)
    world.store.fuse = world.runtime.fuse = Fuse(at)
    try:
        world.advance(2.0)
    except Crash:
        world.store.fuse = world.runtime.fuse = Fuse()
        world.boot()
    world.store.fuse = world.runtime.fuse = Fuse()
    world.boot()
    world.advance(1.5)
    assert (beside(world)["short"].state, beside(world)["short"].restarts) == ("Running", 1)
    assert done(world, "start").count("1-1-side1") == 2


LIVE = {"tcp": {"port": 90}, "interval": "1s", "failures": 2}

READY = {"http": {"port": 91}, "interval": "1s", "failures": 1}


def checked(**checks: Any) -> list[dict[str, Any]]:
    return [BESIDE[0] | {"checks": checks}, BESIDE[1]]


def test_a_task_is_not_ready_until_the_checks_of_those_beside_it_pass(world: World) -> None:
    world.prober.answers[91] = "connection refused"
    world.assign(sidecars=checked(readiness=READY | {"failures": 2}))
    world.settle()
    assert world.status().message == "not ready: sidecar proxy: its readiness check has yet to pass"
    del world.prober.answers[91]
    world.advance(1.0)
    assert (world.status().ready, world.status().message) == (True, "")
    world.prober.answers[91] = "HTTP status 503"
    world.advance(2.0)
    assert world.status().message == "not ready: sidecar proxy: its readiness check fails: HTTP status 503"
    assert (beside(world)["proxy"].state, beside(world)["proxy"].restarts) == ("Running", 0)
    assert [reason for reason in world.events.reasons if "Ready" in reason][-2:] == ["Ready", "NotReady"]


def test_they_are_asked_where_their_network_is_and_not_on_the_node(world: World) -> None:
    world.assign(sidecars=checked(readiness=READY, liveness=LIVE), checks={"liveness": LIVE})
    world.advance(3.0)
    assert world.prober.addresses == {"192.0.2.1"}


def test_one_that_does_not_live_is_stopped_and_started_again_alone_and_each_time_by_its_signal(world: World) -> None:
    world.assign(sidecars=checked(liveness=LIVE), stop={"gracePeriod": "5s"})
    world.advance(3.0)
    for restarts in (1, 2):
        world.prober.answers[90] = "no answer in time"
        world.advance(2.1)
        proxy = beside(world)["proxy"]
        assert (proxy.state, proxy.restarts) == ("BackOff", restarts)
        assert proxy.message.startswith("was stopped: its liveness check fails: no answer in time; it is started again")
        assert not world.status().ready
        del world.prober.answers[90]
        world.advance(5.0)
        assert (beside(world)["proxy"].state, world.status().ready) == ("Running", True)
    status = world.status()
    assert (status.attempt, status.restarts) == (1, 0)
    assert [call.split()[2] for call in world.runtime.calls if call.startswith("kill")] == ["SIGTERM", "SIGTERM"]


def test_one_that_ignores_its_signal_is_killed_after_its_grace_period(world: World) -> None:
    world.runtime.programs[PROXY] = Program(ignores=frozenset({"SIGTERM"}))
    world.assign(sidecars=checked(liveness=LIVE), stop={"gracePeriod": "5s"})
    world.prober.answers[90] = "connection refused"
    world.advance(3.0)
    proxy = beside(world)["proxy"]
    assert (proxy.state, proxy.message) == ("Stopping", "its liveness check fails: connection refused")
    assert world.status().message.startswith("not ready: sidecar proxy is being stopped: its liveness check fails")
    world.boot()
    world.advance(5.5)
    assert beside(world)["proxy"].restarts == 1
    assert running(world).count("1-1") == 1


def test_a_new_agent_takes_over_that_one_was_ready_and_asks_anew(world: World) -> None:
    world.assign(sidecars=checked(readiness=READY, startup=LIVE))
    world.advance(3.0)
    assert world.status().ready
    writes, asked = world.status_writes(), world.prober.asked
    world.boot()
    world.advance(2.0)
    assert (world.status().ready, world.status_writes()) == (True, writes)
    assert world.prober.asked > asked


def test_nothing_is_asked_of_one_that_waits_or_whose_task_stops(world: World) -> None:
    world.assign(sidecars=checked(liveness=LIVE), restart={"backoff": {"initial": "60s", "max": "60s"}})
    world.prober.answers[90] = "connection refused"
    world.advance(10.0)
    asked = world.prober.asked
    world.advance(40.0)
    assert (beside(world)["proxy"].state, world.prober.asked) == ("BackOff", asked)


@pytest.mark.parametrize("kind", ["init", "sidecars"])
def test_what_is_refused_before_the_task_itself_is_named(world: World, kind: str) -> None:
    world.runtime.programs["wrong",] = Program(refuses_to_start="no such program")
    world.assign(**{kind: [{"name": "first", "args": ["wrong"]}]})
    world.settle()
    assert world.status().message.startswith("could not start: first: no such program; restart 1 in ")


def test_one_whose_start_is_refused_waits_and_is_tried_again(world: World) -> None:
    refusing = Program(refuses_to_start="no such program")
    world.assign(sidecars=[{"name": "late", "args": ("late",), "start": "after"}])
    world.runtime.programs["late",] = refusing
    world.settle()
    late = beside(world)["late"]
    assert (late.state, late.message) == ("BackOff", "could not start: no such program; it is started again in 1s")
    assert world.status().state is TaskState.RUNNING
    world.advance(1.1)
    assert beside(world)["late"].restarts == 2


def test_one_that_somebody_removes_is_made_again(world: World) -> None:
    world.assign(sidecars=BESIDE[:1])
    world.settle()
    (sidecar,) = [one.id for one in world.containers() if one.labels.get(STEP) == "101"]
    world.runtime.remove(sidecar, force=True)
    world.advance(2.0)
    assert running(world) == ALL[:3]
    assert beside(world)["proxy"].state == "Running"


def test_a_job_s_task_ends_when_it_does_and_they_are_stopped_first(world: World) -> None:
    world.runtime.programs[PROXY] = Program(ignores=frozenset({"SIGTERM"}))
    world.assign(args=WORK, sidecars=BESIDE, restart={"policy": "never"}, result_of="report", stop={"gracePeriod": 4})
    world.advance(11.0)
    assert running(world) == ["1-1-net", "1-1-side1"]
    status = world.status()
    assert (status.state, status.ready) == (TaskState.RUNNING, False)
    assert status.message == "it has ended; its sidecars are being stopped"
    world.advance(4.5)
    assert running(world) == []
    assert done(world, "kill") == ["1-1-side2", "1-1-side1", "1-1-side1", "1-1-net"]
    assert (world.status().state, world.status().exit_code) == (TaskState.COMPLETED, 0)
    assert {one.state for one in world.status().sidecars} == {"Stopped"}
    result = world.memory.get(keys.result(UID))
    assert result is not None
    assert decode(result.value, Result).succeeded


@pytest.mark.parametrize("how", ["refused", "hook", "removed", "network"])
def test_a_task_that_is_over_otherwise_is_so_once_they_are_stopped(world: World, how: str) -> None:
    """Its room counts as free from then on, and a job's result as final."""
    world.runtime.programs[PROXY] = Program(ignores=frozenset({"SIGTERM"}))
    world.runtime.programs[WORK] = Program(refuses_to_start="no such file" if how == "refused" else "")
    world.runtime.inside["fails",] = 1
    hooks = {"hooks": {"postStart": {"command": ["fails"]}}} if how == "hook" else {}
    world.assign(
        args=WORK,
        sidecars=BESIDE[:1],
        restart={"policy": "never"},
        result_of="report",
        stop={"gracePeriod": 4},
        **hooks,
    )
    world.settle()
    if how == "removed":
        world.runtime.remove(f"ty-{UID}-1-1", force=True)
    elif how == "network":
        world.runtime.end(f"ty-{UID}-1-1-net", "SIGKILL")
    world.advance(3.0)
    assert "1-1-side1" in running(world)
    assert (world.status().state.terminal, world.status().ready) == (False, False)
    assert world.memory.get(keys.result(UID)) is None
    world.advance(12.0)
    assert running(world) == []
    assert world.status().state is TaskState.FAILED
    assert world.status().attempt == 1
    assert world.memory.get(keys.result(UID)) is not None


def test_a_restart_of_the_task_is_one_of_all(world: World) -> None:
    world.assign(sidecars=BESIDE)
    world.settle()
    (main,) = [one.id for one in world.containers() if not one.labels.get(STEP)]
    world.runtime.end(main, "SIGKILL")
    world.advance(3.0)
    assert running(world) == [name.replace("1-1", "1-2") for name in ALL]
    assert (world.status().attempt, world.status().restarts, world.status().ready) == (2, 1, True)
    assert {one.restarts for one in world.status().sidecars} == {0}


@pytest.mark.parametrize("how", ["stopped", "unassigned", "updated"])
def test_a_stop_ends_the_task_then_them_in_reverse_and_their_network_last(world: World, how: str) -> None:
    world.runtime.programs[FOREVER] = Program(ignores=frozenset({"SIGTERM"}))
    world.assign(sidecars=BESIDE)
    world.settle()
    before = len(world.runtime.calls)
    names = {one.id: one.name.removeprefix(f"ty-{UID}-") for one in world.containers()}
    if how == "stopped":
        world.assign(sidecars=BESIDE, desired="Stopped")
    elif how == "unassigned":
        world.unassign()
    else:
        world.assign(2)
    world.advance(9.0)
    assert running(world) == ALL
    world.advance(2.0)
    touched = [call.split()[1] for call in world.runtime.calls[before:] if call.split()[0] in ("kill", "remove")]
    order = list(dict.fromkeys(names[one] for one in touched if one in names))
    assert order == ["1-1", "1-1-side2", "1-1-side1", "1-1-net"]
    assert running(world) == (["2-1"] if how == "updated" else [])


def test_without_its_network_the_task_is_started_anew(world: World) -> None:
    world.assign(sidecars=BESIDE)
    world.settle()
    world.runtime.end(f"ty-{UID}-1-1-net", "SIGKILL")
    world.advance(3.0)
    assert running(world) == [name.replace("1-1", "1-2") for name in ALL]
    assert world.status().last_exit is not None
    assert "the container that holds its network has ended; it is stopped" in world.events.messages


def test_what_is_said_of_the_network_is_said_of_what_holds_it(world: World) -> None:
    world.assign(sidecars=BESIDE[:1], network={"mode": "bridge", "group": "shop", "hostname": "web"})
    world.settle()
    holder, main = (world.runtime.look_up(f"ty-{UID}-1-1{suffix}") for suffix in ("-net", ""))
    assert holder is not None
    assert main is not None
    assert (world.runtime.spec_of(holder.id).network.hostname, world.runtime.spec_of(main.id).network.hostname) == (
        "web",
        "",
    )


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 17))
def test_an_agent_that_dies_at_any_step_starts_each_once(world: World, at: int, after: bool) -> None:
    world.assign(sidecars=BESIDE)
    world.store.fuse = world.runtime.fuse = Fuse(at, after)
    try:
        world.advance(3.0)
    except Crash:
        world.store.fuse = world.runtime.fuse = Fuse()
        world.boot()
        world.advance(30.0)
    assert running(world) == ALL
    assert done(world, "start") == ["1-1-net", "1-1-side1", "1-1", "1-1-side2"]
    assert world.status().ready


def test_a_singleton_s_are_held_and_killed_with_it(world: World) -> None:
    world.assign(sidecars=BESIDE, singleton=True)
    world.settle()
    assert {one.id for one in world.containers()} <= world.guard.held
    world.store.down = True
    world.advance(12.0)
    assert running(world) == []
    world.store.down = False
    world.advance(15.0)
    assert len(running(world)) == len(ALL)
    assert world.status().ready


def test_a_new_agent_has_a_singleton_s_answered_for(world: World) -> None:
    world.assign(sidecars=BESIDE, singleton=True)
    world.settle()
    world.boot()
    world.settle()
    assert {one.id for one in world.containers()} <= world.guard.held
    assert running(world) == ALL


def test_one_whose_end_has_no_time_ends_once(world: World) -> None:
    world.assign(sidecars=[BESIDE[0]])
    world.settle()
    (proxy,) = (one for one in world.containers() if one.name.endswith("side1"))
    dead = replace(proxy, state=ContainerState.DEAD, exit_code=0, started_at=0.0, finished_at=0.0)
    run, status = Run(UID, 1, 1, MAIN + 1), world.status()
    spec = TaskSpec(image="busybox:1.35", sidecars=[Sidecar(name="proxy")])
    wanted = Assignment(uid=UID, namespace="default", name="web", epoch=1, spec_hash="h", spec=spec)
    situation = Situation(
        assignment=wanted, status=status, written=status, containers=(Container(run, dead),), unsure=(), outcome=None,
        signalled={}, ended=None, store_reachable=True, now=100.0, monotonic=0.0,
    )  # fmt: skip
    found = sidecars.statuses(situation, wanted, status)
    assert (found[0].state, found[0].restarts) == ("BackOff", 1)
    assert sidecars.statuses(replace(situation, now=101.0), wanted, replace(status, sidecars=found)) == found
