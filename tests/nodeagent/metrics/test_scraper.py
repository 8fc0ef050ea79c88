"""The metrics of a node's tasks, from real servers and from a fetch that says what it is to: kept, aged, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from nodeagent.assigned import assigned
from nodeagent.lanes import InlineLanes, Lane
from nodeagent.metrics import Scraper, Target, Told, Unreadable, fetch, targets_of
from nodeagent.metrics.scraper import KEPT
from nodeagent.names import ATTEMPT, EPOCH, MAIN, UID, Owner, Run
from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.stats.cgroups import Reading
from nodeagent.stats.collector import StatsCollector
from nodeagent.stats.disk import DiskUse
from nodeagent.view import ContainerView
from taskyard.clock import ManualClock, SystemClock
from taskyard.objects import Assignment, Metric, Network, NodeStats, TaskSpec, decode, encode
from tests.nodeagent.metrics.servers import page, saying, serving
from tests.nodeagent.world import World

CONTAINER = ContainerInfo("c1", "web", {}, ContainerState.RUNNING, address="10.0.0.7")
QUEUE = Metric(name="queue_length", port=9100)
TOTAL = Metric(name="requests_total", port=9100)


class Source:
    """A program that tells this text, or cannot be reached."""

    def __init__(self) -> None:
        self.text = ""
        self.fault = ""
        self.asked: list[tuple[str, int, str]] = []

    def __call__(self, address: str, port: int, path: str) -> str:
        self.asked.append((address, port, path))
        if self.fault:
            raise Unreadable(self.fault)
        return self.text


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.source = Source()
        self.scraper = Scraper(self.source, InlineLanes(), self.clock)

    def told(self, text: str, *metrics: Metric, fault: str = "", container: ContainerInfo = CONTAINER) -> Told:
        """After the next round."""
        self.clock.advance(15.0)
        self.source.text, self.source.fault = text, fault
        self.scraper.ask({"u1": Target(container, metrics)})
        return self.scraper.told("u1")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_all_metrics_of_one_address_come_with_one_question(bench: Bench) -> None:
    other = Metric(name="busy", port=9100)
    assert bench.told("queue_length 7\nbusy 1\n", QUEUE, other) == Told({"queue_length": 7, "busy": 1}, {})
    assert bench.source.asked == [("10.0.0.7", 9100, "/metrics")]


def test_what_is_not_known_comes_with_the_reason(bench: Bench) -> None:
    assert bench.told("", QUEUE) == Told({}, {"queue_length": "there is no such sample"})
    assert bench.told("", QUEUE, fault="connection refused") == Told({}, {"queue_length": "connection refused"})
    assert bench.scraper.told("another") == Told({}, {})


def test_a_counter_says_how_fast_it_grows(bench: Bench) -> None:
    typed = "# TYPE requests_total counter\nrequests_total %d\n"
    assert "second answer" in bench.told(typed % 100, TOTAL).unread["requests_total"]
    assert bench.told(typed % 130, TOTAL).values == {"requests_total": 2}
    assert bench.told(typed % 130, TOTAL).values == {"requests_total": 0}
    assert bench.told(typed % 15, TOTAL).unread == {"requests_total": "the counter began anew"}
    assert bench.told(typed % 30, TOTAL).values == {"requests_total": 1}
    another = replace(CONTAINER, id="c2")
    assert "second answer" in bench.told(typed % 60, TOTAL, container=another).unread["requests_total"]


def test_what_is_old_counts_as_not_known(bench: Bench) -> None:
    bench.told("queue_length 7\n", QUEUE)
    bench.clock.advance(KEPT + 1)
    assert bench.scraper.told("u1") == Told({}, {"queue_length": "it answers no more"})


def test_who_is_gone_or_tells_otherwise_is_forgotten(bench: Bench) -> None:
    bench.told("queue_length 7\n", QUEUE)
    bench.scraper.ask({})
    assert bench.scraper.told("u1") == Told({}, {})


def test_the_node_is_never_asked_in_place_of_a_container(bench: Bench) -> None:
    bare = replace(CONTAINER, address="")
    assert bench.told("queue_length 7\n", QUEUE, container=bare).unread == {
        "queue_length": "the container has no address"
    }
    assert bench.source.asked == []
    bench.scraper.ask({"u1": Target(bare, (QUEUE,), on_host=True)})
    assert bench.source.asked == [("127.0.0.1", 9100, "/metrics")]


class Held(InlineLanes):
    """Nothing runs until it is let."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, lane: Lane, work: Callable[[], None]) -> None:
        assert lane is Lane.SCRAPE
        self.waiting.append(work)


def test_who_has_not_answered_is_not_asked_again(bench: Bench) -> None:
    lanes = Held()
    scraper = Scraper(bench.source, lanes, bench.clock)
    bench.source.text = "queue_length 7\n"
    for _ in range(3):
        scraper.ask({"u1": Target(CONTAINER, (QUEUE,))})
    assert len(lanes.waiting) == 1
    assert scraper.told("u1") == Told({}, {"queue_length": "it has not answered yet"})
    lanes.waiting.pop()()
    assert scraper.told("u1").values == {"queue_length": 7}
    scraper.ask({"u1": Target(CONTAINER, (QUEUE,))})
    assert len(lanes.waiting) == 1


def test_from_a_real_server_into_the_nodes_statistics(tmp_path: Path) -> None:
    clock = SystemClock()
    disk = DiskUse(clock, lambda _: (str(tmp_path),))
    collector = StatsCollector(clock, tmp_path, disk, {"c1": Reading(1, 1, 0, 0)}.get)
    scraper = Scraper(partial(fetch, clock), InlineLanes(), clock)
    with serving(saying(page('queue_length{queue="a"} 3\nqueue_length{queue="b"} 4\nbusy NaN\n'))) as port:
        metrics = (Metric(name="queue_length", port=port), Metric(name="busy", port=port))
        scraper.ask({"u1": Target(CONTAINER, metrics, on_host=True)})
    found = decode(encode(collector.collect({"u1": ["c1"]}, scraper.told)), NodeStats)
    assert found.tasks["u1"].metrics == {"queue_length": 7}
    assert found.tasks["u1"].unread == {"busy": "it is NaN"}


def test_the_newest_container_that_runs_is_asked() -> None:
    owner = Owner("cluster", "n1")
    view = ContainerView(owner)
    for attempt, state in ((1, ContainerState.EXITED), (2, ContainerState.RUNNING)):
        run = Run("0123456789ab", 1, attempt, MAIN)
        labels = {**owner.labels, UID: run.uid, EPOCH: "1", ATTEMPT: str(attempt)}
        view.saw(ContainerInfo(f"c{attempt}", run.container_name, labels, state, address="10.0.0.9"))

    def on_node(uid: str, **spec: object) -> Assignment:
        made = TaskSpec(image="a", **spec)  # type: ignore[arg-type]
        return Assignment(uid=uid, namespace="default", name="web", epoch=1, spec_hash="hash", spec=made)

    assert targets_of(view, [on_node("0123456789ab")]) == {}
    assert targets_of(view, [on_node("ffffffffffff", metrics=[QUEUE])]) == {}
    (found,) = targets_of(view, [on_node("0123456789ab", metrics=[QUEUE])]).values()
    assert (found.container.id, found.on_host) == ("c2", False)
    (found,) = targets_of(view, [on_node("0123456789ab", metrics=[QUEUE], network=Network(mode="host"))]).values()
    assert found.on_host


def test_a_task_with_metrics_is_reached_as_soon_as_it_runs() -> None:
    world = World()
    world.assign(metrics=[{"name": "queue_length", "port": 9100}])
    world.settle()
    (found,) = targets_of(world.view, assigned(world.informer)).values()
    assert found.container.address
