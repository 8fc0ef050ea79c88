from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.store.api import Commit, Compare, Delete, Entry, Operation, OutcomeUnknown, Put, Store
from taskyard.store.elector import Elector, NotLeader
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore

KEY = keys.leader("scheduler")
TTL = 10


class _Link(FaultyStore):
    """Keeps account of the leases, and lets something happen just before a commit arrives."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.leases: set[int] = set()
        self.before_commit: Callable[[], object] = lambda: None

    def grant(self, ttl: float) -> int:
        lease = super().grant(ttl)
        self.leases.add(lease)
        return lease

    def revoke(self, lease: int) -> None:
        super().revoke(lease)
        self.leases.discard(lease)

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        self.before_commit()
        return super().commit(compares, operations)


class World:
    """One store, and two who want to lead, each with a connection of its own."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.memory = MemoryStore(self.clock)
        self.links = [_Link(self.memory), _Link(self.memory)]
        self.one, self.two = (
            Elector(link, self.clock, "scheduler", name, ttl=TTL)
            for link, name in zip(self.links, ("one", "two"), strict=True)
        )

    def write_as(self, fence: Compare) -> bool:
        return self.memory.commit([fence], [Put("work", b"")]).succeeded

    def key(self) -> Entry:
        entry = self.memory.get(KEY)
        assert entry is not None
        return entry

    def run(self, *electors: Elector, seconds: float) -> None:
        """Steps each whenever it wants to be stepped, until `seconds` are over."""
        end = self.clock.monotonic() + seconds
        due = dict.fromkeys(electors, self.clock.monotonic())
        while (now := min(due.values())) <= end:
            self.clock.advance(max(now - self.clock.monotonic(), 0))
            for elector in electors:
                if due[elector] <= now:
                    due[elector] = now + elector.step()
        self.clock.advance(end - self.clock.monotonic())


@pytest.fixture
def world() -> World:
    return World()


def leads(elector: Elector) -> bool:
    return elector.leadership is not None


def test_nobody_leads_before_the_first_step(world: World) -> None:
    assert not leads(world.one)
    with pytest.raises(NotLeader, match=r"one does not lead /taskyard/v1/leader/scheduler; .* nobody did"):
        world.one.fence()


def test_the_first_leads_and_the_other_follows(world: World) -> None:
    assert world.one.step() == pytest.approx(TTL / 3)
    assert world.two.step() == pytest.approx(TTL / 3)
    assert (leads(world.one), leads(world.two)) == (True, False)
    assert world.write_as(world.one.fence())
    assert (world.one.leader, world.two.leader) == ("one", "one")
    with pytest.raises(NotLeader, match=r"two does not lead .* one did"):
        world.two.fence()


def test_a_leader_that_lives_leads_on_in_one_term(world: World) -> None:
    world.one.step()
    fence = world.one.fence()
    world.run(world.one, world.two, seconds=300)
    assert world.one.fence() == fence
    assert not leads(world.two)


def test_a_dead_leader_is_followed_soon_after_its_lease(world: World) -> None:
    world.one.step()
    old = world.one.fence()
    world.run(world.two, seconds=TTL - 0.1)
    assert not leads(world.two)
    world.run(world.two, seconds=0.1 + TTL / 3)
    assert leads(world.two)
    assert world.two.fence().revision > old.revision
    assert not world.write_as(old)


def test_a_leader_paused_past_its_lease_neither_leads_nor_writes(world: World) -> None:
    world.one.step()
    before_the_pause = world.one.fence()
    world.clock.advance(TTL - 0.5)
    assert not leads(world.one), "its own clock ends the term before the lease can end"
    assert world.memory.get(KEY) is not None
    world.clock.advance(0.5)
    world.two.step()
    assert leads(world.two)
    assert not world.write_as(before_the_pause)
    world.one.step()
    assert (leads(world.one), leads(world.two)) == (False, True)
    assert world.one.leader == "two"
    assert world.write_as(world.two.fence())


def test_a_leader_paused_past_its_lease_with_nobody_else_there_starts_a_new_term(world: World) -> None:
    world.one.step()
    old = world.one.fence()
    world.clock.advance(TTL)
    world.one.step()
    assert world.one.fence().revision > old.revision
    assert not world.write_as(old)


def test_cut_off_it_stops_leading_in_time_and_leads_on_if_its_lease_survived(world: World) -> None:
    world.one.step()
    fence = world.one.fence()
    world.links[0].down = True
    world.run(world.one, seconds=8.9)
    assert leads(world.one)
    world.run(world.one, seconds=0.1)
    assert not leads(world.one)
    world.links[0].down = False
    world.one.step()
    assert world.one.fence() == fence


def test_a_renewal_whose_answer_is_lost_does_not_prolong_the_term(world: World) -> None:
    world.one.step()
    world.clock.advance(3)
    world.links[0].fail("keep_alive", "answer lost")
    assert world.one.step() == 1
    term = world.one.leadership
    assert term is not None
    assert term.deadline == TTL - 1


def test_a_renewal_counts_though_the_look_at_the_key_fails(world: World) -> None:
    world.one.step()
    world.clock.advance(3)
    world.links[0].fail("list", "unreachable")
    world.one.step()
    term = world.one.leadership
    assert term is not None
    assert term.deadline == 3 + TTL - 1


def test_a_campaign_that_was_won_though_its_answer_was_lost(world: World) -> None:
    world.links[0].fail("commit", "answer lost")
    assert world.one.step() == 1
    assert not leads(world.one), "unknown is not yes"
    world.clock.advance(1)
    world.two.step()
    assert not leads(world.two)
    world.one.step()
    assert leads(world.one)
    assert world.one.fence().revision == world.key().create_revision
    term = world.one.leadership
    assert term is not None
    assert term.deadline == TTL - 1, "from the sending of the grant, a second ago"


def test_a_campaign_whose_request_was_lost_is_tried_again(world: World) -> None:
    world.links[0].fail("commit", "request lost")
    world.one.step()
    assert world.memory.get(KEY) is None
    world.one.step()
    assert leads(world.one)


def test_a_campaign_whose_request_was_lost_may_be_won_by_the_other(world: World) -> None:
    world.links[0].fail("commit", "request lost")
    world.one.step()
    world.two.step()
    world.one.step()
    assert (leads(world.one), leads(world.two)) == (False, True)
    assert world.links[0].leases == set(), "a follower keeps none"


def test_a_campaign_lost_by_a_moment_leaves_no_lease(world: World) -> None:
    world.links[0].before_commit = world.two.step
    assert world.one.step() == pytest.approx(TTL / 3)
    assert (leads(world.one), leads(world.two)) == (False, True)
    assert world.one.leader == "two"
    assert world.links[0].leases == set()


def test_a_campaign_that_arrives_late_is_won_all_the_same() -> None:
    clock = ManualClock()
    memory = MemoryStore(clock)
    store = _LateStore(memory)
    elector = Elector(store, clock, "scheduler", "one", ttl=TTL)
    elector.step()
    assert memory.get(KEY) is None
    elector.step()
    assert leads(elector)
    entry = memory.get(KEY)
    assert entry is not None
    assert (elector.fence().revision, entry.version) == (entry.create_revision, 1)


class _LateStore(FaultyStore):
    """The first commit only arrives just before the second does."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._late: tuple[Sequence[Compare], Sequence[Operation]] | None = None

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        if self._late is None:
            self._late = (compares, operations)
            raise OutcomeUnknown("it is on its way")
        super().commit(*self._late)
        return super().commit(compares, operations)


def test_resigning_lets_the_other_lead_at_once(world: World) -> None:
    world.one.step()
    fence = world.one.fence()
    world.two.step()
    world.one.resign()
    assert not leads(world.one)
    assert not world.write_as(fence)
    world.two.step()
    assert leads(world.two)
    world.one.step()
    assert not leads(world.one)


def test_resigning_deletes_only_the_own_key(world: World) -> None:
    world.one.step()
    world.clock.advance(TTL)
    world.two.step()
    world.one.resign()
    assert leads(world.two)
    assert world.key().create_revision == world.two.fence().revision


def test_resigning_before_anything_else_is_nothing(world: World) -> None:
    world.one.resign()
    world.one.step()
    assert leads(world.one)


def test_resigning_while_a_campaign_is_unknown_takes_its_key_along(world: World) -> None:
    world.links[0].fail("commit", "answer lost")
    world.one.step()
    world.one.resign()
    world.two.step()
    assert leads(world.two)


def test_resigning_out_of_reach_ends_the_term_all_the_same(world: World) -> None:
    world.one.step()
    world.links[0].down = True
    world.one.resign()
    assert not leads(world.one)
    world.run(world.two, seconds=TTL + TTL / 3)
    assert leads(world.two)


def test_a_key_deleted_by_hand_ends_the_term(world: World) -> None:
    world.one.step()
    old = world.one.fence()
    world.memory.commit([], [Delete(KEY)])
    assert not world.write_as(old)
    world.clock.advance(TTL / 3)
    world.one.step()
    assert world.one.fence().revision == world.key().create_revision > old.revision


def test_a_lease_revoked_by_hand_ends_the_term_though_the_look_at_the_key_fails(world: World) -> None:
    world.one.step()
    world.memory.revoke(world.key().lease)
    world.links[0].fail("list", "unreachable")
    world.one.step()
    assert not leads(world.one)


def test_a_key_put_by_hand_blocks_nobody_for_ever(world: World) -> None:
    world.memory.commit([], [Put(KEY, b"me!")])
    world.one.step()
    assert world.memory.get(KEY) is None
    world.run(world.one, world.two, seconds=TTL)
    assert leads(world.one) != leads(world.two)
    assert world.key().lease


def test_a_key_overwritten_by_hand_ends_the_term(world: World) -> None:
    world.one.step()
    old = world.one.fence()
    world.memory.commit([], [Put(KEY, b"me!")])
    world.one.step()
    assert not leads(world.one)
    world.run(world.one, world.two, seconds=TTL)
    assert not world.write_as(old)
    assert leads(world.one) != leads(world.two)


def test_the_roles_are_led_apart(world: World) -> None:
    other = Elector(world.memory, world.clock, "scheduler-2", "three", ttl=TTL)
    other.step()
    world.one.step()
    assert leads(other)
    assert leads(world.one)
    assert world.one.leader == "one"


STEPS = st.tuples(
    st.sampled_from(["step", "step", "step", "resign", "down", "up", "answer lost", "request lost", "renewal lost"]),
    st.integers(0, 1),
    st.sampled_from([0.0, 0.5, 3.0, 4.0, 11.0]),
)


@settings(max_examples=200)
@given(st.lists(STEPS, max_size=40))
def test_there_are_never_two_leaders_and_no_fence_holds_but_the_leaders(steps: list[tuple[str, int, float]]) -> None:
    world = World()
    electors = (world.one, world.two)
    fences: list[Compare] = []
    for action, who, then_wait in steps:
        link = world.links[who]
        match action:
            case "step":
                electors[who].step()
            case "resign":
                electors[who].resign()
            case "down" | "up":
                link.down = action == "down"
            case "answer lost" | "request lost":
                link.fail("commit", action)
            case "renewal lost":
                link.fail("keep_alive", "answer lost")
        for _ in range(2):
            leading = [elector for elector in electors if leads(elector)]
            assert len(leading) <= 1
            for elector in leading:
                assert world.write_as(elector.fence())
                fences = sorted({*fences, elector.fence()}, key=lambda fence: fence.revision)
                assert elector.fence() == fences[-1]
            assert not any(world.write_as(fence) for fence in fences[:-1])
            world.clock.advance(then_wait)
    for link in world.links:
        link.down = False
    world.run(*electors, seconds=20 * TTL)
    assert leads(world.one) != leads(world.two)
