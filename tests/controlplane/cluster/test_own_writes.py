"""What this process wrote itself is not read again, and means the same as if it were."""

from __future__ import annotations

import msgspec
import pytest

from controlplane.cluster import CacheChange, ClusterCache, Demand, demand_of
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import encode
from taskyard.store.api import Delete
from taskyard.store.informer import Informer
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid

WEB = NamedKey("default", "web")
KEY = keys.task(*WEB)
TASK = a_task("web", a_uid(1), a_spec(memory="1Gi"))


@pytest.fixture
def plane() -> Plane:
    return Plane()


def test_the_news_of_an_own_write_is_the_object_that_was_written(plane: Plane) -> None:
    plane.cache.expect(KEY, encode(TASK), TASK, demand_of(TASK.spec))
    plane.put(KEY, TASK)
    plane.pump()
    assert plane.cache.tasks[WEB].task is TASK
    assert plane.cache.tasks[WEB].entry == plane.store.get(KEY)


def test_what_somebody_else_wrote_there_is_read(plane: Plane) -> None:
    other = msgspec.structs.replace(TASK, spec=a_spec(memory="2Gi"))
    plane.cache.expect(KEY, encode(TASK), TASK, demand_of(TASK.spec))
    plane.put(KEY, other)
    plane.pump()
    assert plane.cache.tasks[WEB].task == other
    assert plane.cache.tasks[WEB].demand == demand_of(other.spec)
    plane.put(KEY, TASK)
    plane.pump()
    assert plane.cache.tasks[WEB].task is not TASK
    assert plane.cache.tasks[WEB].task == TASK


def test_a_change_says_whether_this_process_expected_it(plane: Plane) -> None:
    told: list[CacheChange] = []
    plane.cache.on_change(told.extend)
    for task in (TASK, TASK, msgspec.structs.replace(TASK, spec=a_spec(memory="2Gi"))):
        plane.cache.expect(KEY, encode(TASK), TASK, demand_of(TASK.spec))
        plane.put(KEY, task)
        plane.pump()
    plane.store.commit([], [Delete(KEY)])
    plane.pump()
    assert [change.expected for change in told] == [True, True, False, False]


def test_writes_that_never_come_true_are_given_up(plane: Plane) -> None:
    for number in range(10_000):
        plane.cache.expect(keys.task("default", f"t{number}"), b"", TASK, Demand())
    plane.cache.expect(KEY, encode(TASK), TASK, demand_of(TASK.spec))
    plane.put(KEY, TASK)
    plane.pump()
    assert plane.cache.tasks[WEB].task is TASK


def test_a_cache_that_saw_its_own_bindings_is_like_one_that_read_them(plane: Plane) -> None:
    plane.lead()
    plane.add_node("n1", memory=64 * GI)
    plane.add_node("n2", memory=64 * GI)
    for number in range(30):
        ports = (8000 + number,) if number % 3 == 0 else ()
        plane.add_task(a_task(f"t{number}", a_uid(number), a_spec(cpu="100m", memory="64Mi", host_ports=ports)))
    plane.settle(plane.scheduler)
    informer = Informer(plane.store, keys.ROOT, plane.clock)
    fresh = ClusterCache(informer)
    informer.pump(0)
    assert len(fresh.tasks) == 30
    assert dict(plane.cache.tasks) == dict(fresh.tasks)
    for key, record in fresh.tasks.items():
        assert plane.cache.tasks[key].spec_hash == record.spec_hash
        assert plane.cache.assignments_of(record.uid) == fresh.assignments_of(record.uid)
    for node in ("n1", "n2"):
        assert plane.cache.usage(node).by_uid == fresh.usage(node).by_uid
        assert [r.key for r in plane.cache.bound_to(node)] == [r.key for r in fresh.bound_to(node)]
