"""A singleton on a real Docker: its agent frozen, killed, without etcd; never two at once, by the containers' times."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from tests.support.cluster import LiveCluster
from tests.support.manifests import task

pytestmark = [pytest.mark.docker, pytest.mark.etcd]

LEASE = 10.0


@pytest.fixture
def pair(live: LiveCluster) -> LiveCluster:
    """`ledger` runs on n1, and n2 is there too."""
    live.apply(task("ledger", "sh", "-c", "trap '' TERM; sleep 1000", singleton=True))
    live.wait_state("ledger", "Running")
    live.add_agent("n2")
    return live


def watchdog(live: LiveCluster) -> psutil.Process:
    """That of n1's agent."""
    (found,) = live.watchdogs("agent")
    return found


def lives(live: LiveCluster, container: str) -> tuple[float, float]:
    """When it started and ended, in seconds since the epoch; not ended: infinity."""
    state = live.inspect(container)["State"]
    ended = float("inf") if state["Running"] else _seconds(state["FinishedAt"])
    return _seconds(state["StartedAt"]), ended


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def moved(live: LiveCluster) -> bool:
    found = live.task("ledger")
    status = found["status"] if found else {}
    return status.get("state") == "Running" and status.get("node") == "n2"


@pytest.mark.parametrize("how", ["SIGSTOP", "SIGKILL"])
def test_an_agent_that_hangs_or_dies_takes_its_singleton_along(
    pair: LiveCluster, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old = pair.wait_state("ledger", "Running")["status"]["containerId"]
    struck, began = time.time(), time.monotonic()
    pid = pair.pid("agent")
    if how == "SIGKILL":
        pair.kill("agent")
    else:
        os.kill(pid, signal.SIGSTOP)
    try:
        pair.until(lambda: moved(pair), LEASE + 10, "ledger runs on n2")
        took = time.monotonic() - began
        # Before the agent goes on: it then removes what is no longer its own.
        _, ended = lives(pair, old)
    finally:
        if how == "SIGSTOP":
            os.kill(pid, signal.SIGCONT)
    new = pair.wait_state("ledger", "Running")["status"]["containerId"]
    started, _ = lives(pair, new)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{how}: old copy dead after {ended - struck:.1f} s, new one running after {took:.1f} s,"
            f" {started - ended:.1f} s apart\n"
        )
    assert ended < started, "two copies at once"
    assert ended - struck <= LEASE - 0.9, "dead before the lease can have expired"
    assert took <= 14.0


def test_without_etcd_it_is_stopped_in_time_and_goes_on_when_that_is_back(pair: LiveCluster) -> None:
    old = pair.wait_state("ledger", "Running")["status"]["containerId"]
    struck = time.time()
    pair.kill("etcd")
    pair.until(lambda: not pair.inspect(old)["State"]["Running"], LEASE + 2, "the singleton is stopped")
    assert lives(pair, old)[1] - struck <= LEASE - 0.9
    pair.restart("etcd")
    now = pair.until(lambda: _another(pair, old), 40, "it runs again")
    assert lives(pair, str(now))[0] > lives(pair, old)[1]


def test_an_agent_that_is_back_within_the_lease_keeps_it(pair: LiveCluster) -> None:
    old = pair.wait_state("ledger", "Running")["status"]["containerId"]
    pair.kill("agent")
    pair.restart("agent")
    time_left = time.monotonic() + LEASE + 3
    pair.until(lambda: time.monotonic() > time_left, LEASE + 5, "more than a lease has passed")
    status = pair.wait_state("ledger", "Running")["status"]
    assert (status["containerId"], status["node"], status["attempt"]) == (old, "n1", 1)
    assert pair.inspect(old)["State"]["Running"]


def test_a_watchdog_that_dies_is_replaced_and_the_singleton_goes_on(pair: LiveCluster) -> None:
    old = pair.wait_state("ledger", "Running")["status"]["containerId"]
    first = watchdog(pair)
    first.kill()
    pair.until(lambda: _another_watchdog(pair, first.pid), LEASE, "there is another watchdog")
    pair.kill("agent")
    pair.until(lambda: not pair.inspect(old)["State"]["Running"], LEASE + 2, "the new one does its work")


def test_the_watchdog_ends_with_the_last_of_its_work(live: LiveCluster) -> None:
    live.apply(task("ledger", singleton=True))
    live.wait_state("ledger", "Running")
    process = watchdog(live)
    live.terminate("agent")
    for container in live.containers():
        live.remove_container(container)
    process.wait(5)
    assert list(Path(live.data_dir("agent")).glob("*.sock")) == []
    live.restart("agent")


def _another(live: LiveCluster, old: str) -> str:
    found = live.task("ledger")
    status = found["status"] if found else {}
    now = status.get("containerId", "")
    return now if status.get("state") == "Running" and now != old else ""


def _another_watchdog(live: LiveCluster, old: int) -> bool:
    """One that the agent is connected to, and has been for long enough to be told everything."""
    return any(
        one.pid != old and len(one.net_connections("unix")) > 1 and time.time() > one.create_time() + 2.0
        for one in live.watchdogs("agent")
        if one.status() != psutil.STATUS_ZOMBIE
    )
