"""Who may be a node: one host at a time, and only for as long as its lease lives."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nodeagent.fake_guard import FakeGuard
from nodeagent.registration import Registration, holder
from nodeagent.runtime.fake import FakeRuntime
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.objects import Amounts, NodeCondition, NodeLease, decode, encode
from taskyard.store.api import Entry, Put
from taskyard.store.faulty import FaultyStore
from taskyard.store.informer import Change
from taskyard.store.memory import MemoryStore

KEY = keys.node_lease("n1")


def value(host_id: str = "h1", incarnation: str = "1") -> NodeLease:
    return NodeLease(incarnation=incarnation, host_id=host_id, address=f"{host_id}:1", capacity=Amounts())


@pytest.mark.parametrize(
    ("raw", "registered", "lease", "by"),
    [
        pytest.param(None, False, 0, "", id="free"),
        pytest.param(encode(value("h1")), True, 7, "", id="ours"),
        pytest.param(encode(value("h1", "0")), False, 7, "", id="of-our-host-before"),
        pytest.param(encode(value("h1", "2")), True, 7, "h1:1", id="of-a-copy-of-our-host"),
        pytest.param(encode(value("h2")), False, 7, "h2:1", id="another-hosts"),
        pytest.param(b"rubbish", False, 7, "an agent whose registration cannot be read", id="unreadable-and-leased"),
        pytest.param(b"rubbish", False, 0, "", id="put-by-hand"),
    ],
)
def test_holder(raw: bytes | None, registered: bool, lease: int, by: str) -> None:
    entry = Entry(KEY, raw, 1, 1, 1, lease) if raw else None
    assert holder(entry, value(), registered=registered) == by


@dataclass
class Site:
    clock: ManualClock
    memory: MemoryStore
    store: FaultyStore
    guard: FakeGuard

    def registration(self, host_id: str = "h1", incarnation: str = "1") -> Registration:
        return Registration(self.store, self.clock, "n1", value(host_id, incarnation), ttl=10.0, guard=self.guard)

    def registered(self) -> NodeLease | None:
        entry = self.memory.get(KEY)
        return decode(entry.value, NodeLease) if entry else None


@pytest.fixture
def site() -> Site:
    clock = ManualClock()
    memory = MemoryStore(clock)
    return Site(clock, memory, FaultyStore(memory), FakeGuard(FakeRuntime(clock), clock))


def test_registers_and_leaves(site: Site) -> None:
    registration = site.registration()
    assert not registration.certain()
    assert registration.fence() is None
    registration.step()
    assert registration.certain()
    assert site.registered() == value()
    registration.leave()
    assert not registration.certain()
    left = site.registered()
    assert left is not None
    assert left.stopping, "nothing new is placed here"
    site.clock.advance(10.5)
    assert site.registered() is None


def test_back_before_the_lease_has_expired_it_takes_over_what_it_left(site: Site) -> None:
    before = site.registration()
    before.step()
    created = site.memory.get(KEY)
    before.leave()
    site.clock.advance(5.0)
    site.registration(incarnation="2").step()
    taken = site.memory.get(KEY)
    assert created is not None
    assert taken is not None
    assert taken.create_revision == created.create_revision, "to the control plane the node was never gone"
    assert site.registered() == value(incarnation="2")


def test_its_own_host_takes_over_at_once_without_a_gap(site: Site) -> None:
    site.registration().step()
    created = site.memory.get(KEY)
    new = site.registration(incarnation="2")
    new.step()
    taken = site.memory.get(KEY)
    assert created is not None
    assert taken is not None
    assert taken.create_revision == created.create_revision
    site.clock.advance(9.0)
    new.step()
    site.clock.advance(9.0)
    assert site.registered() == value(incarnation="2"), "the old lease took the key along when it expired"


def test_another_host_waits_until_the_name_is_free(site: Site) -> None:
    first, second = site.registration("h1"), site.registration("h2")
    first.step()
    second.step()
    assert second.held_by == "h1:1"
    assert not second.certain()
    first.leave()
    site.clock.advance(10.5)
    second.step()
    second.step()
    assert second.certain()
    assert second.held_by == ""


def test_it_is_uncertain_from_the_moment_the_lease_may_have_expired(site: Site) -> None:
    registration = site.registration()
    registration.step()
    site.store.down = True
    site.clock.advance(9.9)
    registration.step()
    assert registration.certain()
    site.clock.advance(0.2)
    assert not registration.certain()


def test_changed_conditions_are_told_once(site: Site) -> None:
    registration = site.registration()
    registration.step()
    down = NodeCondition(type="RuntimeDown", since="2026-11-27T00:00:00Z")
    registration.describe_conditions([down])
    registration.step()
    found = site.registered()
    assert found is not None
    assert found.conditions == [down]
    registration.describe_conditions([down])
    before = site.memory.get(KEY)
    registration.step()
    assert site.memory.get(KEY) == before


def test_what_the_runtime_says_of_itself_is_told(site: Site) -> None:
    registration = site.registration()
    registration.step()
    registration.describe_runtime("docker 20", frozenset({"web:2", "web:1"}))
    registration.step()
    found = site.registered()
    assert found is not None
    assert (found.runtime, found.images) == ("docker 20", ["web:1", "web:2"])


def test_nothing_is_put_under_a_registration_that_is_gone(site: Site) -> None:
    registration = site.registration()
    registration.step()
    site.clock.advance(11.0)
    commit = registration.commit([Put("/taskyard/v1/nodes/n1/stats", b"{}")])
    assert commit is not None
    assert not commit.succeeded


def test_what_a_restored_store_has_from_before_is_written_anew(site: Site) -> None:
    registration = site.registration()
    registration.step()
    skewed = NodeCondition(type="ClockSkew", since="2026-11-22T20:57:48.123Z", message="its clock is ahead")
    registration.describe_conditions([skewed])
    registration.step()
    before = site.memory.get(KEY)
    registration.describe_conditions([])
    registration.step()
    assert before is not None
    site.memory.commit([], [Put(KEY, before.value, before.lease)])
    restored = site.memory.get(KEY)
    registration.changed([Change(KEY, before, restored, restored.mod_revision if restored else 0)])
    registration.step()
    found = site.registered()
    assert found is not None
    assert found.conditions == []
