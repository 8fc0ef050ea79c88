"""Watches: what there is, what changes, joined; resumed from any line; ended with a reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from falcon.testing import ASGIConductor
from msgspec.structs import replace

from controlplane.api.watching import watch
from taskyard import keys
from taskyard.events import EventRecorder
from taskyard.objects import Metadata, NodeSpec, NodeStats, ObjectRef, Owner, TaskState
from taskyard.store.api import Put
from tests.controlplane.api.bench import ApiBench, manifest, problem
from tests.support.plane import Plane, a_task, a_uid

DEADLINE = 10.0
Line = dict[str, Any]


class Reader:
    """The lines of one stream, one at a time."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._rest = b""

    async def line(self) -> Line:
        async with asyncio.timeout(DEADLINE):
            while b"\n" not in self._rest:
                piece = await self._stream.stream.read()  # what has come, if any
                self._rest += piece
                if not piece:
                    await asyncio.sleep(0.002)
        line, _, self._rest = self._rest.partition(b"\n")
        parsed: Line = json.loads(line)
        return parsed

    async def until_bookmark(self) -> list[Line]:
        lines = [await self.line()]
        while lines[-1]["type"] != "BOOKMARK":
            lines.append(await self.line())
        return lines


@asynccontextmanager
async def watching(bench: ApiBench, query: str, path: str = "/tasks") -> AsyncIterator[Reader]:
    conductor = ASGIConductor(bench.app)
    async with (
        conductor,
        conductor.simulate_get_stream(path, query_string=f"watch=1&{query}", host="localhost") as stream,
    ):
        assert stream.status_code == 200
        assert stream.headers["content-type"] == watch.MEDIA_TYPE
        yield Reader(stream)


async def no_watches(bench: ApiBench) -> None:
    async with asyncio.timeout(DEADLINE):
        while len(bench.api.watches):
            await asyncio.sleep(0.002)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def named(line: Line) -> tuple[str, str]:
    return line["type"], line["object"]["metadata"]["name"]


def apply(bench: ApiBench, *manifests: dict[str, Any]) -> int:
    """Outside HTTP, as the conductor has the event loop; the revision."""
    from controlplane.admission import Applied, Wanted
    from taskyard.manifest import read_object

    outcomes = bench.api.tasks.writer.apply_many([Wanted(read_object(each)) for each in manifests])
    bench.plane.pump()
    return max(outcome.revision for outcome in outcomes if isinstance(outcome, Applied))


def test_first_what_there_is_then_what_changes(bench: ApiBench) -> None:
    async def test() -> None:
        apply(bench, manifest("a"), manifest("b"))
        async with watching(bench, "") as reader:
            initial = await reader.until_bookmark()
            assert [named(line) for line in initial[:-1]] == [("ADDED", "a"), ("ADDED", "b")]
            assert "revision" not in initial[0], "a watch that breaks here has nothing to resume from"
            assert initial[-1]["revision"] == bench.plane.cache.revision
            revision = apply(bench, manifest("a", labels={"x": "y"}))
            line = await reader.line()
            assert (named(line), line["revision"]) == (("MODIFIED", "a"), revision)
            bench.plane.delete(keys.task("default", "b"))
            bench.plane.pump()
            line = await reader.line()
            assert named(line) == ("DELETED", "b")

    run(test)


def test_task_and_assignment_of_one_binding_are_one_line(bench: ApiBench) -> None:
    async def test() -> None:
        apply(bench, manifest("a"))
        async with watching(bench, "") as reader:
            await reader.until_bookmark()
            bench.bind("a")
            line = await reader.line()
            assert (named(line), line["object"]["status"]["state"]) == (("MODIFIED", "a"), "Scheduled")
            bench.plane.report("a", TaskState.RUNNING)
            bench.plane.pump()
            line = await reader.line()
            assert line["object"]["status"]["state"] == "Running"

    run(test)


def test_a_lost_node_shows_on_its_tasks(bench: ApiBench) -> None:
    async def test() -> None:
        apply(bench, manifest("a"))
        bench.bind("a")
        bench.plane.report("a", TaskState.RUNNING)
        bench.plane.pump()
        async with watching(bench, "") as reader:
            await reader.until_bookmark()
            bench.plane.delete(keys.node_lease("n1"))
            bench.plane.pump()
            assert (await reader.line())["object"]["status"]["state"] == "Lost"

    run(test)


def test_every_line_can_be_resumed_from(bench: ApiBench) -> None:
    async def test() -> None:
        apply(bench, manifest("first"))
        bench.api.tasks.feed.begin()
        start = bench.plane.cache.revision
        apply(bench, *(manifest(f"t{number}") for number in range(5)))  # one commit: one revision
        apply(bench, manifest("last"))
        async with watching(bench, f"revision={start}") as reader:
            lines = [await reader.line() for _ in range(6)]
        expected = [("ADDED", f"t{number}") for number in range(5)] + [("ADDED", "last")]
        assert [named(line) for line in lines] == expected
        for index, line in enumerate(lines[:-1]):
            async with watching(bench, f"revision={line['revision']}") as reader:
                seen = set()
                while named(resumed := await reader.line()) != ("ADDED", "last"):
                    seen.add(named(resumed))
            assert set(expected[index + 1 : -1]) <= seen

    run(test)


def test_a_selector_sees_objects_come_and_go(bench: ApiBench) -> None:
    async def test() -> None:
        apply(bench, manifest("a", labels={"tier": "front"}), manifest("b"))
        async with watching(bench, "labelSelector=tier%3Dfront") as reader:
            assert [named(line) for line in (await reader.until_bookmark())[:-1]] == [("ADDED", "a")]
            apply(bench, manifest("b", labels={"tier": "front"}))
            assert named(await reader.line()) == ("ADDED", "b")
            apply(bench, manifest("a", labels={"tier": "back"}))
            assert named(await reader.line()) == ("DELETED", "a")

    run(test)


def test_quiet_is_broken_by_bookmarks(bench: ApiBench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(watch, "QUIET", 0.05)
        apply(bench, manifest("a"))
        async with watching(bench, "") as reader:
            await reader.until_bookmark()
            bench.plane.add_node("n1")  # moves the revision, shows on no task
            bench.plane.pump()
            line = await reader.line()
            while line["revision"] < bench.plane.cache.revision:
                line = await reader.line()
            assert line == {"type": "BOOKMARK", "revision": bench.plane.cache.revision}

    run(test)


def test_a_pending_line_says_why(bench: ApiBench) -> None:
    async def test() -> None:
        async with watching(bench, "") as reader:
            await reader.until_bookmark()
            apply(bench, manifest("a"))
            status = (await reader.line())["object"]["status"]
            assert (status["state"], status["reason"]) == ("Pending", "Unschedulable")
            assert "no node has joined" in status["message"]

    run(test)


def test_a_slow_client_is_told_to_list_again(bench: ApiBench) -> None:
    async def test() -> None:
        apply(bench, manifest("a"))
        async with watching(bench, "") as reader:
            await reader.until_bookmark()
            bench.api.tasks.feed.feed.restart(bench.plane.cache.revision)  # as when all it has not read is dropped
            line = await reader.line()
            assert (line["type"], line["object"]["status"]) == ("ERROR", 410)

    run(test)


def test_too_old_is_410(bench: ApiBench) -> None:
    apply(bench, manifest("a"))
    bench.call("GET", "/tasks")
    assert "list again" in problem(bench.call("GET", "/tasks?watch=1&revision=1"), 410)["detail"]


def test_a_revision_from_the_future_is_410(bench: ApiBench) -> None:
    """After etcd was restored from a backup, a client may have seen more than there is."""
    problem(bench.call("GET", "/tasks?watch=1&revision=1000000"), 410)


def test_a_restored_etcd_ends_the_watches(bench: ApiBench) -> None:
    apply(bench, manifest("a"))
    feed = bench.api.tasks.feed
    feed.begin()
    position = feed.feed.end
    bench.plane.informer.restores += 1
    feed._apply([])
    with pytest.raises(Exception, match="reads more slowly"):
        feed.feed.read(position)


def test_the_number_of_watches_is_bounded(bench: ApiBench) -> None:
    async def test() -> None:
        bench.api.watches._most = 1
        async with watching(bench, ""):
            refused = await ASGIConductor(bench.app).simulate_get("/tasks", query_string="watch=1", host="localhost")
            body = problem(refused, 503)
            assert "limit" in body["detail"]

    run(test)


def test_a_client_that_leaves_is_forgotten(bench: ApiBench) -> None:
    async def test() -> None:
        async with watching(bench, "") as reader:
            await reader.until_bookmark()
            assert (len(bench.api.watches), bench.api.tasks.feed.feed.listeners) == (1, 1)
        await no_watches(bench)
        assert bench.api.tasks.feed.feed.listeners == 0

    run(test)


def test_closing_ends_the_watches(bench: ApiBench) -> None:
    async def test() -> None:
        async with watching(bench, "") as reader:
            await reader.until_bookmark()
            bench.api.close_streams()
            await no_watches(bench)

    run(test)


def test_nodes_are_watched_with_what_is_promised_but_not_with_what_is_used(bench: ApiBench) -> None:
    async def test() -> None:
        plane = bench.plane
        plane.add_node("n1")
        apply(bench, manifest("a"))
        async with watching(bench, "", "/nodes") as reader:
            assert [named(line) for line in (await reader.until_bookmark())[:-1]] == [("ADDED", "n1")]
            plane.put(keys.node_stats("n1"), NodeStats(at="2026-01-01T00:00:00Z", cpu_millis=7))
            plane.pump()
            bench.bind("a")
            line = await reader.line()
            assert (named(line), line["object"]["status"]["tasks"]) == (("MODIFIED", "n1"), 1)
            plane.report("a", TaskState.RUNNING)  # changes nothing about the node
            plane.put(keys.node_spec("n1"), NodeSpec(metadata=Metadata(name="n1"), cordoned=True))
            plane.pump()
            line = await reader.line()
            assert (line["object"]["status"]["reason"], line["revision"]) == ("Cordoned", plane.cache.revision)
            plane.delete(keys.node_lease("n1"))
            plane.pump()
            assert (await reader.line())["object"]["status"]["reason"] == "NoLease"

    run(test)


def test_a_watch_of_nodes_resumes_and_selects(bench: ApiBench) -> None:
    async def test() -> None:
        plane = bench.plane
        plane.add_node("n1")
        plane.pump()
        listed = await ASGIConductor(bench.app).simulate_get("/nodes", host="localhost")
        plane.add_node("n2")
        plane.delete(keys.node_lease("n1"))
        plane.put(keys.node_spec("n2"), NodeSpec(metadata=Metadata(name="n2"), labels={"disk": "ssd"}))
        plane.pump()
        start = listed.json["metadata"]["revision"]
        async with watching(bench, f"revision={start}", "/nodes") as reader:
            lines = [named(await reader.line()) for _ in range(2)]
            assert sorted(lines) == [("ADDED", "n2"), ("DELETED", "n1")]
        async with watching(bench, f"revision={start}&labelSelector=disk%3Dssd", "/nodes") as reader:
            assert named(await reader.line()) == ("ADDED", "n2")

    run(test)


def test_events_are_listed_and_watched(bench: ApiBench) -> None:
    async def test() -> None:
        about = ObjectRef(kind="Task", name="web")
        bench.plane.events.emit(about, "default", "Started", "it started")
        bench.plane.events.emit(ObjectRef(kind="Node", name="n1"), keys.CLUSTER_NAMESPACE, "Ready", "it is ready")
        bench.plane.events.flush()
        bench.plane.put(keys.EVENTS + "default/task/web/junk", b"junk")
        bench.plane.pump()
        conductor = ASGIConductor(bench.app)
        listed = await conductor.simulate_get("/events", query_string="kind=task&name=web", host="localhost")
        assert [event["reason"] for event in listed.json["items"]] == ["Started"]
        async with watching(bench, "namespace=default", "/events") as reader:
            initial = await reader.until_bookmark()
            assert [line["object"]["reason"] for line in initial[:-1]] == ["Started"]
            bench.plane.events.emit(about, "default", "Started", "it started")
            bench.plane.events.flush()
            bench.plane.pump()
            line = await reader.line()
            assert (line["type"], line["object"]["count"]) == ("MODIFIED", 2)

    run(test)


def owned_by(plane: Plane, kind: str, name: str, made: str, uid: str) -> None:
    owner = Owner(kind=kind, name=name, uid=a_uid(9))
    task = a_task(made, uid)
    plane.add_task(replace(task, metadata=replace(task.metadata, owner=owner)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("kind=Service&name=web", ["web"], id="of it alone"),
        pytest.param(
            "kind=Service&name=web&owned=1", ["web", "web-0", "web-7"], id="with its tasks, and one that is gone"
        ),
        pytest.param("kind=Node&name=n1&owned=1", ["n1", "lone"], id="with what its agent says"),
        pytest.param("type=Warning", ["lone"], id="warnings"),
        pytest.param("since=2023-11-14T22:13:50Z", ["late"], id="the latest"),
        pytest.param("owned=1&kind=Service&name=web&type=warning", [], id="all of it holds"),
    ],
)
def test_events_are_selected(bench: ApiBench, query: str, found: list[str]) -> None:
    plane = bench.plane
    owned_by(plane, "Service", "web", "web-0", a_uid(1))
    plane.add_task(a_task("lone", a_uid(2)))
    plane.add_task(a_task("web-lone", a_uid(3)))
    told = {"web": "Service", "web-0": "Task", "web-7": "Task", "web-lone": "Task"}
    for name, kind in told.items():
        plane.events.emit(ObjectRef(kind=kind, name=name), "default", "Told", "of it")
    plane.events.emit(ObjectRef(kind="Node", name="n1"), keys.CLUSTER_NAMESPACE, "Told", "of it")
    plane.events.flush()
    agent = EventRecorder(plane.store, plane.clock, "agent/n1")
    agent.emit(ObjectRef(kind="Task", name="lone"), "default", "Told", "of it", warning=True)
    agent.flush()
    plane.clock.advance(60.0)
    plane.events.emit(ObjectRef(kind="Task", name="late"), "default", "Told", "of it")
    plane.events.flush()
    plane.pump()
    items = bench.call("GET", f"/events?{query}").json["items"]
    assert sorted(event["about"]["name"] for event in items) == sorted(found)


@pytest.mark.parametrize("query", ["type=Bad", "since=yesterday"])
def test_a_selection_of_events_that_makes_no_sense_is_refused(bench: ApiBench, query: str) -> None:
    assert bench.call("GET", f"/events?{query}").status_code == 400


def test_the_first_change_after_an_empty_start_is_not_lost(bench: ApiBench) -> None:
    start = bench.call("GET", "/tasks").json["metadata"]["revision"]

    async def test() -> None:
        bench.plane.store.commit([], [Put(keys.leader("x"), b"")])
        apply(bench, manifest("a"))
        async with watching(bench, f"revision={start}") as reader:
            assert named(await reader.line()) == ("ADDED", "a")

    run(test)
