"""A watch misses nothing and repeats nothing over cut streams, a restarted server and compacted history."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from taskyard.client.api import Client
from taskyard.client.errors import ClientError, RequestRefused, ServerUnreachable
from taskyard.client.selection import Selection
from taskyard.client.transport import Timeouts
from taskyard.client.views import TaskView
from taskyard.client.watch import Change, Patience
from taskyard.clock import SystemClock
from tests.support.fake_api import FakeApi

SELECTION = Selection("default")


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


def watching(api: FakeApi, patience: Patience | None = None) -> Iterator[list[Change[TaskView]]]:
    client = Client(api.url, Timeouts(connect=2, read=5, idle=5))
    return client.watch_tasks(SELECTION, patience or Patience(first=0.01, longest=0.05))


def told(batches: Iterator[list[Change[TaskView]]], count: int) -> list[tuple[str, str, str]]:
    """The next batches, flat: (type, name, state)."""
    return [(c.type, c.item.view.metadata.name, c.item.view.status.state) for b in islice(batches, count) for c in b]


def test_first_the_list_then_each_change(api: FakeApi) -> None:
    api.put("web")
    batches = watching(api)
    assert told(batches, 1) == [("ADDED", "web", "Running")]
    api.put("db", "Pending")
    api.put("db", "Running")
    api.put("elsewhere", namespace="other")
    api.remove("web")
    assert told(batches, 3) == [
        ("ADDED", "db", "Pending"),
        ("MODIFIED", "db", "Running"),
        ("DELETED", "web", "Running"),
    ]


def test_an_empty_list_is_an_empty_batch(api: FakeApi) -> None:
    assert next(watching(api)) == []


def test_resumes_after_the_last_revision_when_the_stream_is_cut(api: FakeApi) -> None:
    batches = watching(api)
    assert told(batches, 1) == []
    api.put("a")
    assert told(batches, 1) == [("ADDED", "a", "Running")]
    api.cut_streams()
    api.put("b")
    api.put("c")
    assert told(batches, 2) == [("ADDED", "b", "Running"), ("ADDED", "c", "Running")]
    assert [request for request in api.requests if "watch" not in request] == ["GET /tasks?namespace=default"]


def test_waits_out_a_server_that_is_gone_and_says_so(api: FakeApi) -> None:
    said: list[ClientError | None] = []

    def on_break(error: ClientError | None) -> None:
        said.append(error)
        if error is not None:
            api.put("b")
            api.start()

    batches = watching(api, Patience(first=0.01, longest=0.05, on_break=on_break))
    assert told(batches, 1) == []
    api.put("a")
    assert told(batches, 1) == [("ADDED", "a", "Running")]
    api.stop()
    assert told(batches, 1) == [("ADDED", "b", "Running")]
    assert isinstance(said[0], ServerUnreachable)
    assert said[1:] == [None]


def test_lists_again_when_its_revision_was_compacted(api: FakeApi) -> None:
    api.put("stays")
    api.put("changes", "Starting")
    api.put("goes")
    batches = watching(api)
    assert len(told(batches, 1)) == 3
    api.put("changes", "Running")
    api.remove("goes")
    api.put("comes")
    api.compacted = api.revision
    api.history.clear()
    assert told(batches, 1) == [
        ("DELETED", "goes", "Running"),
        ("MODIFIED", "changes", "Running"),
        ("ADDED", "comes", "Running"),
    ]


def test_a_silent_stream_is_opened_again(api: FakeApi) -> None:
    client = Client(api.url, Timeouts(connect=2, read=5, idle=0.05))
    patience = Patience(first=0.01, longest=0.05, deadline=SystemClock().monotonic() + 1)
    assert list(client.watch_tasks(SELECTION, patience)) == [[]]
    assert sum("watch" in request for request in api.requests) >= 2


def test_ends_at_the_deadline_however_much_happens(api: FakeApi) -> None:
    began = SystemClock().monotonic()
    seen = 0
    for batch in watching(api, Patience(deadline=began + 0.5)):
        seen += len(batch)
        api.put("web")
        assert SystemClock().monotonic() < began + 4
    assert seen > 1


def test_ends_at_the_deadline(api: FakeApi) -> None:
    patience = Patience(deadline=SystemClock().monotonic() + 0.2)
    assert list(watching(api, patience)) == [[]]


def test_a_first_list_that_fails_is_the_callers() -> None:
    with pytest.raises(ServerUnreachable):
        next(Client("http://127.0.0.1:1", Timeouts(connect=1)).watch_tasks())


def test_a_refusal_ends_it(api: FakeApi) -> None:
    batches = watching(api)
    assert told(batches, 1) == []
    api.refusals.append((403, "not for you"))
    with pytest.raises(RequestRefused, match="not for you"):
        next(batches)


def test_an_unavailable_server_is_waited_out(api: FakeApi) -> None:
    batches = watching(api)
    assert told(batches, 1) == []
    api.refusals += [(503, "etcd is away"), (503, "etcd is away")]
    api.put("a")
    assert told(batches, 1) == [("ADDED", "a", "Running")]


def test_nodes_are_watched_like_tasks(api: FakeApi) -> None:
    api.put_node("n1")
    client = Client(api.url, Timeouts(connect=2, read=5, idle=5))
    batches = client.watch_nodes(patience=Patience(first=0.01, longest=0.05))
    assert [change.item.view.metadata.name for change in next(batches)] == ["n1"]
    api.put("web")
    api.put_node("n1", ready=False)
    (change,) = next(batches)
    assert (change.type, change.item.view.status.ready) == ("MODIFIED", False)
    assert [request for request in api.requests if "watch" not in request] == ["GET /nodes"]
