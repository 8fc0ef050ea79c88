"""Read, decide, compare-and-swap: no lost update, no double create, and no guess about a write without an answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from controlplane.admission import Applied, Deleted, ObjectWriter, Refused, Unwanted, Wanted
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.keys import ObjectKey
from taskyard.objects import Binding, Metadata, Task, TaskSpec, decode, encode
from taskyard.store.api import Commit, Compare, Delete, Entry, Operation, OutcomeUnknown, Put, StoreUnavailable
from taskyard.store.faulty import Fault, FaultyStore
from taskyard.store.memory import MemoryStore

WEB = ObjectKey("Task", "default", "web")
KEY = keys.object_key(WEB)


class OvertakenStore(FaultyStore):
    """`before_commit` runs, one each, between a caller's reading and its writing."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner)
        self.before_commit: list[Callable[[], object]] = []
        self.after_lost_commit: Callable[[], object] = lambda: None
        self.commits = 0

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        self.commits += 1
        if self.before_commit:
            self.before_commit.pop(0)()
        try:
            return super().commit(compares, operations)
        except OutcomeUnknown:
            self.after_lost_commit()
            raise


class Bench:
    """A writer over a store that can fail, with predictable uids."""

    def __init__(self, guess: Callable[[str], Entry | None] | None = None) -> None:
        self.clock = ManualClock()
        self.memory = MemoryStore(self.clock)
        self.store = OvertakenStore(self.memory)
        numbers = itertools.count(1)
        self.writer = ObjectWriter(self.store, self.clock, guess=guess, new_uid=lambda: f"{next(numbers):012x}")

    def stored(self, key: str = KEY) -> Task:
        entry = self.memory.get(key)
        assert entry is not None
        return decode(entry.value, Task)

    def revision(self) -> int:
        entry = self.memory.get(KEY)
        assert entry is not None
        return entry.mod_revision

    def put(self, value: bytes | Task) -> None:
        self.memory.commit([], [Put(KEY, value if isinstance(value, bytes) else encode(value))])

    def bind(self) -> None:
        self.put(replace(self.stored(), binding=Binding(node="n1", epoch=1, spec_hash="0" * 16)))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def task(image: str = "busybox:1.35", name: str = "web", **metadata: object) -> Task:
    return Task(metadata=Metadata(name=name, **metadata), spec=TaskSpec(image=image))


def applied(outcome: Applied | Refused) -> Applied:
    assert isinstance(outcome, Applied), outcome
    return outcome


def deleted(outcome: Deleted | Refused) -> Deleted:
    assert isinstance(outcome, Deleted), outcome
    return outcome


def refused(outcome: Applied | Deleted | Refused) -> Refused:
    assert isinstance(outcome, Refused), outcome
    return outcome


def test_create_configure_unchanged(bench: Bench) -> None:
    first = applied(bench.writer.apply(task()))
    assert (first.result, first.revision, first.before) == ("created", bench.revision(), None)
    assert bench.stored() == first.value
    second = applied(bench.writer.apply(task("busybox:1.36")))
    assert (second.result, second.revision, second.before) == ("configured", bench.revision(), first.value)
    writes = bench.store.commits
    third = applied(bench.writer.apply(task("busybox:1.36")))
    assert (third.result, third.revision) == ("unchanged", second.revision)
    assert bench.store.commits == writes


def test_a_dry_run_writes_nothing(bench: Bench) -> None:
    outcome = applied(bench.writer.apply(task(), dry_run=True))
    assert (outcome.result, outcome.revision, bench.store.commits) == ("created", 0, 0)
    assert bench.memory.get(KEY) is None


def test_a_binding_made_meanwhile_is_kept(bench: Bench) -> None:
    bench.writer.apply(task())
    bench.store.before_commit = [bench.bind]
    outcome = applied(bench.writer.apply(task("busybox:1.36")))
    assert outcome.result == "configured"
    assert bench.stored().binding is not None
    assert bench.stored().spec.image == "busybox:1.36"


def test_a_name_taken_meanwhile_is_not_overwritten_by_create_only(bench: Bench) -> None:
    bench.store.before_commit = [lambda: bench.put(task("other:1", uid="f" * 12))]
    assert refused(bench.writer.apply(task(), create_only=True)).reason == "Exists"
    assert bench.stored().spec.image == "other:1"


def test_if_match_holds_to_the_end(bench: Bench) -> None:
    seen = applied(bench.writer.apply(task())).revision
    bench.store.before_commit = [bench.bind]
    outcome = refused(bench.writer.apply(task("busybox:1.36"), if_match=seen))
    assert outcome.reason == "PreconditionFailed"
    assert bench.stored().spec.image == "busybox:1.35"


def test_if_match_zero_means_absent(bench: Bench) -> None:
    assert applied(bench.writer.apply(task(), if_match=0)).result == "created"
    assert refused(bench.writer.apply(task("busybox:1.36"), if_match=0)).reason == "PreconditionFailed"


def test_a_write_that_is_always_overtaken_ends_as_a_conflict(bench: Bench) -> None:
    bench.writer.apply(task())
    bench.store.before_commit = [bench.bind] * 50
    assert refused(bench.writer.apply(task("busybox:1.36"))).reason == "Conflict"


@pytest.mark.parametrize("fault", ["request lost", "answer lost"])
@pytest.mark.parametrize("exists", [False, True], ids=["create", "update"])
def test_a_write_without_an_answer_is_read_again(bench: Bench, fault: Fault, exists: bool) -> None:
    if exists:
        bench.writer.apply(task())
    bench.store.fail("commit", fault)
    outcome = applied(bench.writer.apply(task("busybox:1.36"), create_only=not exists))
    assert outcome.result == ("configured" if exists else "created")
    assert outcome.revision == bench.revision()
    assert bench.stored().metadata.generation == (2 if exists else 1)


def test_an_unanswered_create_that_was_bound_since_still_counts_as_created(bench: Bench) -> None:
    bench.store.fail("commit", "answer lost")
    bench.store.after_lost_commit = bench.bind
    outcome = applied(bench.writer.apply(task(), create_only=True))
    assert outcome.result == "created"
    assert outcome.value.binding is not None


def test_a_create_that_arrives_late_is_not_carried_out(bench: Bench) -> None:
    """Its repetition has made the task, somebody has deleted it, and the name is free again."""
    bench.store.fail("commit", "request late")
    outcome = applied(bench.writer.apply(task()))
    assert (outcome.result, outcome.value.metadata.uid) == ("created", bench.stored().metadata.uid)
    assert deleted(bench.writer.delete(WEB)).gone
    bench.store.deliver()
    assert bench.memory.get(KEY) is None


def test_what_was_made_and_deleted_before_its_writer_looks_does_not_come_back(bench: Bench) -> None:
    first: list[str] = []

    def delete() -> None:
        first.append(bench.stored().metadata.uid)
        bench.memory.commit([], [Delete(KEY)])

    bench.store.fail("commit", "answer lost")
    bench.store.after_lost_commit = delete
    bench.writer.apply(task())
    assert first != [bench.stored().metadata.uid]


def test_creates_go_on_after_another_writer_got_no_answer(bench: Bench) -> None:
    other = Bench()
    other.store.inner = bench.memory
    bench.writer.apply(task(name="before"))
    other.store.fail("commit", "request lost")
    other.writer.apply(task(name="theirs"))
    assert applied(bench.writer.apply(task())).result == "created"
    commits = bench.store.commits
    bench.writer.apply(task(name="after"))
    assert bench.store.commits == commits + 1


def test_a_create_that_cannot_be_closed_off_is_unknown(bench: Bench) -> None:
    bench.store.fail("commit", "request late")
    bench.store.fail("commit", "request lost")
    with pytest.raises(OutcomeUnknown, match="may yet be carried out"):
        bench.writer.apply(task())


def test_an_unanswered_write_that_cannot_be_read_again_is_unknown(bench: Bench) -> None:
    def cut() -> None:
        bench.store.down = True

    bench.writer.apply(task())
    bench.store.fail("commit", "answer lost")
    bench.store.after_lost_commit = cut
    with pytest.raises(OutcomeUnknown, match="cannot be read again"):
        bench.writer.apply(task("busybox:1.36"))


def test_without_etcd_nothing_is_written(bench: Bench) -> None:
    bench.store.down = True
    with pytest.raises(StoreUnavailable):
        bench.writer.apply(task())
    with pytest.raises(StoreUnavailable):
        bench.writer.delete(WEB)


def test_many_go_in_few_commits(bench: Bench) -> None:
    wanted = [Wanted(task(name=f"web-{number}")) for number in range(300)]
    outcomes = bench.writer.apply_many(wanted)
    assert [applied(outcome).result for outcome in outcomes] == ["created"] * 300
    assert bench.store.commits == 3
    assert len(bench.memory.list(keys.TASKS).entries) == 300


def test_one_stale_of_many_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.store.before_commit = [lambda: bench.put(task("other:1", uid="f" * 12))]
    wanted = [Wanted(task(name=name), create_only=True) for name in ("a", "web", "z")]
    first, second, third = bench.writer.apply_many(wanted)
    assert applied(first).result == applied(third).result == "created"
    assert refused(second).reason == "Exists"


def test_the_same_name_twice_ends_as_the_later(bench: Bench) -> None:
    outcomes = bench.writer.apply_many([Wanted(task()), Wanted(task("busybox:1.36"))])
    assert [applied(outcome).result for outcome in outcomes] == ["created", "configured"]
    assert bench.stored().spec.image == "busybox:1.36"


def test_an_old_guess_is_caught() -> None:
    guesses: dict[str, Entry | None] = {}
    bench = Bench(guess=guesses.get)
    bench.writer.apply(task())
    guesses[KEY] = bench.memory.get(KEY)
    bench.writer.apply(task("busybox:1.36"))
    again = applied(bench.writer.apply(task("busybox:1.35")))
    assert (again.result, bench.stored().spec.image) == ("configured", "busybox:1.35")
    gone = deleted(bench.writer.delete(WEB))
    assert gone.gone
    assert applied(bench.writer.apply(task("busybox:1.35"), create_only=True)).result == "created"


def guessing() -> tuple[Bench, dict[str, Entry | None]]:
    """A cache that the test brings up to date."""
    guesses: dict[str, Entry | None] = {}
    return Bench(guess=guesses.get), guesses


def test_a_deletion_reads_nothing_that_the_cache_knows() -> None:
    bench, guesses = guessing()
    bench.writer.apply(task())
    guesses[KEY] = bench.memory.get(KEY)
    bench.store.fail("get", "unreachable")
    assert deleted(bench.writer.delete(WEB)).gone
    assert bench.memory.get(KEY) is None


@pytest.mark.parametrize("known", [True, False])
def test_a_deletion_goes_by_what_is_there_where_the_cache_is_behind(known: bool) -> None:
    bench, guesses = guessing()
    bench.writer.apply(task())
    guesses[KEY] = bench.memory.get(KEY) if known else None
    bench.bind()
    assert not deleted(bench.writer.delete(WEB)).gone
    assert bench.stored().metadata.deletion_timestamp


def test_that_nothing_is_to_be_written_is_not_believed_of_the_cache() -> None:
    bench, guesses = guessing()
    bench.writer.apply(task())
    old = bench.memory.get(KEY)
    bench.bind()
    bench.writer.delete(WEB)
    guesses[KEY] = bench.memory.get(KEY)
    assert old is not None
    bench.put(old.value)
    assert deleted(bench.writer.delete(WEB)).gone
    assert refused(bench.writer.delete(WEB)).reason == "NotFound"


def test_a_value_that_is_no_task_is_replaced_and_deleted(bench: Bench) -> None:
    bench.put(b"not json")
    assert applied(bench.writer.apply(task())).result == "created"
    bench.put(b"not json")
    outcome = deleted(bench.writer.delete(WEB))
    assert (outcome.gone, outcome.value) == (True, None)


def test_delete_unbound_bound_again_and_absent(bench: Bench) -> None:
    bench.writer.apply(task())
    assert deleted(bench.writer.delete(WEB)).gone
    assert bench.memory.get(KEY) is None
    assert refused(bench.writer.delete(WEB)).reason == "NotFound"
    bench.writer.apply(task())
    bench.bind()
    marked = deleted(bench.writer.delete(WEB, grace_period=3))
    assert not marked.gone
    assert bench.stored().metadata.deletion_timestamp
    writes = bench.store.commits
    again = deleted(bench.writer.delete(WEB))
    assert (again.gone, again.value, bench.store.commits) == (False, marked.value, writes)


def test_a_task_bound_while_it_is_deleted_is_marked_and_not_lost(bench: Bench) -> None:
    bench.writer.apply(task())
    bench.store.before_commit = [bench.bind]
    assert not deleted(bench.writer.delete(WEB)).gone
    assert bench.stored().binding is not None


@pytest.mark.parametrize("fault", ["request lost", "answer lost"])
@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
def test_a_delete_without_an_answer_is_read_again(bench: Bench, fault: Fault, bound: bool) -> None:
    seen = applied(bench.writer.apply(task())).revision
    if bound:
        bench.bind()
        seen = bench.revision()
    bench.store.fail("commit", fault)
    outcome = deleted(bench.writer.delete(WEB, if_match=seen))
    assert outcome.gone is not bound
    assert (bench.memory.get(KEY) is None) is not bound


def test_delete_heeds_if_match_and_uid(bench: Bench) -> None:
    made = applied(bench.writer.apply(task()))
    assert refused(bench.writer.delete(WEB, if_match=made.revision + 1)).reason == "PreconditionFailed"
    assert refused(bench.writer.delete(WEB, uid="f" * 12)).reason == "NotFound"
    assert deleted(bench.writer.delete(WEB, uid=made.value.metadata.uid, if_match=made.revision)).gone


def test_many_deletions_take_few_commits(bench: Bench) -> None:
    names = [f"t{number}" for number in range(300)]
    bench.writer.apply_many([Wanted(task(name=name)) for name in names])
    before = bench.store.commits
    outcomes = bench.writer.delete_many([Unwanted(ObjectKey("Task", "default", name)) for name in names])
    assert all(deleted(outcome).gone for outcome in outcomes)
    assert bench.store.commits == before + 3
    assert bench.memory.list(keys.TASKS).entries == ()


def test_one_stale_of_many_deletions_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.writer.apply_many([Wanted(task(name=name)) for name in ("a", "web", "z")])
    bench.store.before_commit = [bench.bind]
    unwanted = [Unwanted(ObjectKey("Task", "default", name)) for name in ("a", "web", "nothing", "z", "web")]
    first, second, third, fourth, again = bench.writer.delete_many(unwanted)
    assert deleted(first).gone
    assert deleted(fourth).gone
    assert (deleted(second).gone, deleted(again).gone) == (False, False)
    assert refused(third).reason == "NotFound"
    assert bench.stored().metadata.deletion_timestamp


def test_many_deletions_without_an_answer_are_read_again(bench: Bench) -> None:
    bench.writer.apply_many([Wanted(task(name=name)) for name in ("a", "web")])
    bench.store.fail("commit", "lost")
    unwanted = [Unwanted(ObjectKey("Task", "default", name)) for name in ("a", "web")]
    assert [deleted(outcome).gone for outcome in bench.writer.delete_many(unwanted)] == [True, True]
