"""The past of a real etcd: a deleted object's history, marks, and a compaction that takes both along."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controlplane.past import HistoryKeeper, Retention, changes_of, earliest, events_of, mark_at
from controlplane.past.keeper import COMPACT_EVERY, SHORTEST
from taskyard import keys
from taskyard.keys import ObjectKey
from taskyard.store.etcd import EtcdStore
from tests.support.etcd_server import EtcdServer
from tests.support.plane import Plane, a_spec, a_task, a_uid

pytestmark = pytest.mark.etcd
WEB = ObjectKey("Task", "default", "web")


@pytest.fixture
def plane(etcd: EtcdServer) -> Iterator[Plane]:
    store = EtcdStore([etcd.endpoint])
    yield Plane(store=store)
    store.close()


def told(plane: Plane, first: int) -> list[str]:
    path = keys.object_key(WEB)
    events = events_of(plane.store, path, first, plane.store.list(keys.ROOT).revision)
    return [change.what for change in changes_of(WEB, None, events)]


def test_what_is_there_and_what_was_deleted_have_their_history(plane: Plane) -> None:
    first = plane.store.list(keys.ROOT).revision + 1
    for image in ("busybox:1.35", "busybox:1.36"):
        plane.add_task(a_task("web", a_uid(1), a_spec(image=image)))
        plane.put("/taskyard/v1/other", b"")
    assert told(plane, first) == ["created", "changed"]
    plane.delete(keys.object_key(WEB))
    plane.put("/taskyard/v1/other", b"")
    assert told(plane, first) == ["created", "changed", "removed"]


def test_marks_are_written_and_old_history_is_compacted(plane: Plane, etcd: EtcdServer) -> None:
    store = EtcdStore([etcd.endpoint])
    plane.elector.step()
    keeper = HistoryKeeper(
        plane.store, plane.clock, plane.elector.fence, Retention(SHORTEST, 2**30), lambda: store.status().in_use
    )
    keeper.step()
    began = plane.store.list(keys.LEADERS).revision
    plane.clock.advance(3.0)
    for _ in range(int((SHORTEST + COMPACT_EVERY) / 3) + 30):
        plane.clock.advance(3.0)
        plane.elector.step()
        plane.put("/taskyard/v1/other", b"")
        keeper.step()
    oldest = mark_at(plane.store, earliest(plane.store))
    assert earliest(plane.store) > began
    assert oldest is not None
    assert plane.clock.now() - oldest.seconds >= SHORTEST
    store.close()
