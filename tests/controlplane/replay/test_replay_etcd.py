"""Replay over the history of a real etcd: its watch from an old revision, a list at one, and what compaction leaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controlplane.past import BadMoment, earliest
from controlplane.replay import replay, span_of
from taskyard import keys
from taskyard.store.etcd import EtcdStore
from tests.support.etcd_server import EtcdServer
from tests.support.plane import Plane, a_spec, a_task, a_uid
from tests.support.waiting import until

pytestmark = pytest.mark.etcd


@pytest.fixture
def plane(etcd: EtcdServer) -> Iterator[Plane]:
    store = EtcdStore([etcd.endpoint])
    yield Plane(store=store)
    store.close()


def bind(plane: Plane, name: str, number: int) -> int:
    """The revision at which it was bound."""
    plane.add_task(a_task(name, a_uid(number), a_spec(memory="512Mi"), created=number))

    def bound() -> str:
        plane.informer.pump(0.1)
        plane.scheduler.step()
        return plane.node_of(name)

    until(bound)
    entry = plane.store.get(keys.task("default", name))
    assert entry is not None
    return entry.mod_revision


def test_what_was_decided_is_decided_again_until_it_is_compacted(plane: Plane) -> None:
    begin = plane.store.list(keys.ROOT).revision + 1
    plane.add_node("n1")
    plane.add_node("n2")
    plane.lead()
    revisions = [bind(plane, name, number) for number, name in enumerate(("a", "b", "c"))]
    plane.store.commit([], [])

    def again(start: int, policy: str = "") -> list[tuple[str, str, str]]:
        span = span_of(plane.store, str(start), str(revisions[-1]))
        found = replay(plane.store, span, plane.clock, strategy="spread", policy=policy)
        return [(each.key.name, each.then, each.now) for each in found.decisions]

    assert again(begin) == [("a", "n1", "n1"), ("b", "n2", "n2"), ("c", "n1", "n1")]
    assert again(begin, "binpack")[1] == ("b", "n2", "n1")
    plane.store.compact(revisions[1] - 1)
    assert earliest(plane.store) == revisions[1] - 1
    assert [name for name, _, _ in again(revisions[1])] == ["b", "c"]
    with pytest.raises(BadMoment, match="history goes back to revision"):
        again(begin)
