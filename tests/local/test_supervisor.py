"""The supervisor on real processes: starts again what dies, adopts what runs, stops all but what outlives it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from taskyard.clock import ManualClock
from taskyard.local.process import ProcessId, stop
from taskyard.local.state import ChildPlan, ChildReport, Plan, StateFolder
from taskyard.local.supervisor import Supervisor
from tests.support.waiting import until


class Bench:
    """A supervisor that is stepped by hand, on virtual time."""

    def __init__(self, path: Path, *children: ChildPlan) -> None:
        self.folder = StateFolder(path)
        self.clock = ManualClock()
        self.plan = Plan(children=list(children))
        self.supervisor = self.taken_over()

    def taken_over(self) -> Supervisor:
        self.supervisor = Supervisor(self.folder, self.plan, self.clock)
        self.supervisor.adopt()
        return self.supervisor

    def child(self, name: str) -> ChildReport:
        report = self.folder.report()
        assert report is not None
        return next(child for child in report.children if child.name == name)

    def process(self, name: str) -> ProcessId:
        process = self.child(name).process
        assert process is not None
        return process

    def end(self, name: str) -> None:
        """Kills it, and lets the supervisor see that."""
        process = self.process(name)
        process.signal(signal.SIGKILL)
        until(lambda: not process.alive())
        self.supervisor.step()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, sleeper(tmp_path, "one"), sleeper(tmp_path, "two", outlives=True))


def sleeper(path: Path, name: str, *, outlives: bool = False, needs: list[str] | None = None) -> ChildPlan:
    return ChildPlan(
        name=name, argv=["sleep", "600"], log=str(path / f"{name}.log"), outlives=outlives, needs=needs or []
    )


def clear(bench: Bench) -> None:
    bench.supervisor.stop()
    report = bench.folder.report()
    assert report is not None
    stop([child.process for child in report.children if child.process is not None], grace=5)


def test_what_dies_is_started_again_after_a_wait(bench: Bench) -> None:
    bench.supervisor.step()
    first = bench.process("one")
    bench.end("one")
    assert bench.child("one").process is None
    assert bench.child("one").last_exit == "killed by SIGKILL"
    bench.supervisor.step()
    assert bench.child("one").process is None
    bench.clock.advance(0.5)
    bench.supervisor.step()
    assert bench.process("one") not in (None, first)
    assert bench.child("one").restarts == 1
    assert bench.child("two").restarts == 0
    clear(bench)


def test_a_new_supervisor_adopts_what_runs(bench: Bench) -> None:
    bench.supervisor.step()
    before = [bench.process("one"), bench.process("two")]
    bench.taken_over().step()
    assert [bench.process("one"), bench.process("two")] == before
    clear(bench)


def test_stop_leaves_what_outlives_it(bench: Bench) -> None:
    bench.supervisor.step()
    one, two = bench.process("one"), bench.process("two")
    bench.supervisor.stop()
    assert not one.alive()
    assert two.alive()
    clear(bench)
    until(lambda: not two.alive())


def test_a_program_that_is_not_there_is_reported_and_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ChildPlan(name="ghost", argv=["/no/such/program"], log=str(tmp_path / "log")))
    for _ in range(3):
        bench.supervisor.step()
        bench.clock.advance(60)
    assert bench.child("ghost").restarts == 3
    assert "No such file" in bench.child("ghost").last_exit


def test_a_child_waits_for_what_it_needs(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
        bench = Bench(tmp_path, sleeper(tmp_path, "agent", needs=[address]))
        bench.supervisor.step()
        assert bench.child("agent") == ChildReport(name="agent")
        server.listen()
        bench.supervisor.step()
    assert bench.process("agent").alive()
    clear(bench)


def test_the_report_names_the_supervisor(bench: Bench) -> None:
    bench.supervisor.step()
    running = bench.folder.supervisor()
    assert running is not None
    assert running.pid == os.getpid()
    assert bench.folder.running_children() == ["one", "two"]
    clear(bench)
