"""What every write rests on: compares, fences, epochs, and who may write at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from controlplane.admission import creates, removal, writer
from controlplane.cluster import ClusterCache
from controlplane.leading import Proposal, commits, loop
from controlplane.scheduler import bindings, gangs, scheduler
from controlplane.tasks import controller
from nodeagent import (
    publisher,
    registration,
)
from nodeagent.memory import TaskMemory
from nodeagent.registration import NameHeld, Registration
from nodeagent.standing import Standing
from taskyard import keys
from taskyard.objects import TaskStatus, encode
from taskyard.store.api import Commit, Compare, Operation, Put, Store, StoreError
from tests.simulator.planted.invariants import (
    ASSIGNED,
    BINDING_KEPT,
    CAPACITY,
    CONTAINER_OF_SOMEBODY,
    DELETED_STAYS_SO,
    EPOCHS_RISE,
    FORWARD,
    HOLDS_THE_NAME,
    LEADS,
    LEFT_ALONE,
    LOST_NODE,
    NODE_THERE,
    ONCE,
    ONE_BINDING,
)
from tests.simulator.planted.plant import LOOSE, SUCCEEDED, TIGHT, UNANSWERED, Plant


def _status_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    def publish(self: publisher.Publisher, held: TaskMemory, status: TaskStatus) -> bool:
        key = keys.status(self._node, held.uid)
        commit = self._store.commit([], [Put(key, encode(status))])
        held.written, held.written_revision = status, commit.revision
        return True

    patch.setattr(publisher.Publisher, "publish", publish)


def _own_status_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    """Only the compare with the status before."""
    original = publisher.Publisher.__init__

    def begin(self: publisher.Publisher, node: str, store: Store, standing: Standing) -> None:
        original(self, node, _Uncompared(store, keys.status(node, "")), standing)

    patch.setattr(publisher.Publisher, "__init__", begin)


class _Uncompared:
    """Commits whatever becomes of the keys under a prefix."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        dropped = [each.key for each in compares if each.key.startswith(self._prefix)]
        made = self._store.commit([each for each in compares if each.key not in dropped], operations)
        return replace(made, current={key: self._store.get(key) for key in dropped} | made.current)


_ALWAYS = Compare("/taskyard/v1/leader/nobody", "create", 0)


def _fence_dropped(patch: pytest.MonkeyPatch) -> None:
    committing = commits.committing

    def unfenced(store: Store, _: Compare, found: Iterable[Proposal[Any]]) -> Iterator[commits.Results[Any]]:
        return committing(store, _ALWAYS, found)

    for module in (commits, scheduler, gangs):
        patch.setattr(module, "committing", unfenced)


def _scheduler_compares(patch: pytest.MonkeyPatch, drop: Callable[[Compare], bool]) -> None:
    def propose(*args: Any, **named: Any) -> Proposal[Any]:
        made = bindings.propose(*args, **named)
        return Proposal(made.subject, tuple(c for c in made.compares if not drop(c)), made.operations)

    patch.setattr(scheduler, "propose", propose)


def _node_lease_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    _scheduler_compares(patch, lambda compare: compare.key.endswith("/lease"))


def _task_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    _scheduler_compares(patch, lambda compare: compare.key.startswith(keys.TASKS))


def _epoch_stands_still(patch: pytest.MonkeyPatch) -> None:
    def standing_of(cache: ClusterCache, record: Any, *, lost: bool = False) -> bindings.Standing:
        return replace(bindings.standing_of(cache, record, lost=lost), epoch=0)

    patch.setattr(scheduler, "standing_of", standing_of)


def _term_begun_too_early(patch: pytest.MonkeyPatch) -> None:
    """Before what earlier leaders wrote is in the cache."""
    patch.setattr(loop.LeaderLoop, "_knows_what_was_before", lambda *_: True)


def _admission_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer, "unchanged_since", lambda key, _: Compare(key + "/none", "mod", 0))


def _deletion_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(removal, "unchanged_since", lambda key, _: Compare(key + "/none", "mod", 0))


def _lease_not_registered_again(patch: pytest.MonkeyPatch) -> None:
    def step(self: Registration) -> float:
        pause = self._keeper.step()
        if not self._registered and self._keeper.lease:
            with contextlib.suppress(StoreError, NameHeld):
                self._register()
        return pause

    patch.setattr(Registration, "step", step)


def _loss_compares_dropped(patch: pytest.MonkeyPatch) -> None:
    """A node that came back meanwhile does not keep its task."""
    patch.setattr(bindings, "_still_lost", lambda *_: ())


def _held_names_taken(patch: pytest.MonkeyPatch) -> None:
    """An agent takes its node's name, whoever holds it."""
    patch.setattr(registration, "holder", lambda *_, **__: "")


def _dry_runs_write(patch: pytest.MonkeyPatch) -> None:
    original = writer.ObjectWriter.apply_many
    patch.setattr(writer.ObjectWriter, "apply_many", lambda self, wanted, **_: original(self, wanted))


def _task_controller_compares_dropped(patch: pytest.MonkeyPatch) -> None:
    """All but the fence."""
    original = controller.carry_out

    def bare(self: Any, fence: Compare, batch: Any, found: Sequence[Proposal[Any]], *args: Any, **named: Any) -> Any:
        return original(self, fence, batch, [Proposal(p.subject, (), p.operations) for p in found], *args, **named)

    patch.setattr(controller, "carry_out", bare)


def _late_creates_carried_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(creates.Creates, "compare", lambda _: Compare(keys.CREATES + "/none", "mod", 0))


PLANTS: dict[str, Plant] = {
    "status compare dropped": Plant(_status_compare_dropped, (HOLDS_THE_NAME, ASSIGNED)),
    "own status compare dropped": Plant(_own_status_compare_dropped, (FORWARD,), (UNANSWERED,)),
    "fence dropped": Plant(_fence_dropped, (LEADS,)),
    "node lease compare dropped": Plant(_node_lease_compare_dropped, (NODE_THERE, LOST_NODE)),
    "task compare dropped": Plant(_task_compare_dropped, (LEFT_ALONE, DELETED_STAYS_SO, BINDING_KEPT)),
    "epoch stands still": Plant(_epoch_stands_still, (EPOCHS_RISE,)),
    "term begun too early": Plant(_term_begun_too_early, (CAPACITY,), (SUCCEEDED,)),
    "admission compare dropped": Plant(_admission_compare_dropped, (BINDING_KEPT, DELETED_STAYS_SO)),
    "deletion compare dropped": Plant(
        _deletion_compare_dropped, (CONTAINER_OF_SOMEBODY, DELETED_STAYS_SO, BINDING_KEPT)
    ),
    "loss compares dropped": Plant(_loss_compares_dropped, (LOST_NODE,)),
    "task controller compares dropped": Plant(
        _task_controller_compares_dropped, (ONE_BINDING,), (SUCCEEDED, LOOSE, TIGHT)
    ),
    "late creates carried out": Plant(_late_creates_carried_out, (ONCE,)),
    "dry runs write": Plant(_dry_runs_write, (r"dry run wrote",)),
    "held names taken": Plant(_held_names_taken, (HOLDS_THE_NAME,)),
    "lease not registered again": Plant(_lease_not_registered_again, (r"not registered again",)),
}
