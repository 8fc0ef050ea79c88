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
from taskyard import keys
from taskyard.objects import TaskStatus, encode
from taskyard.store.api import Compare, Put, Store, StoreError, StoreUnavailable, unchanged
from tests.simulator.planted.plant import Plant


def _status_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    def publish(self: publisher.Publisher, held: TaskMemory, status: TaskStatus) -> bool:
        key = keys.status(self._node, held.uid)
        commit = self._store.commit([], [Put(key, encode(status))])
        held.written, held.written_revision = status, commit.revision
        return True

    patch.setattr(publisher.Publisher, "publish", publish)


def _own_status_compare_dropped(patch: pytest.MonkeyPatch) -> None:
    """Only the compare with the status before."""

    def publish(self: publisher.Publisher, held: TaskMemory, status: TaskStatus) -> bool:
        fence, key = self._standing.fence(), keys.status(self._node, held.uid)
        if fence is None or held.entry is None:
            raise StoreUnavailable("the node is not registered")
        commit = self._store.commit([unchanged(held.entry), fence], [Put(key, encode(status))])
        if commit.succeeded:
            held.written, held.written_revision = status, commit.revision
        return commit.succeeded

    patch.setattr(publisher.Publisher, "publish", publish)


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
    def lead(self: loop.LeaderLoop[Any]) -> Compare | None:
        return self._term or self._begun or _original_lead(self)

    _original_lead = loop.LeaderLoop._lead
    patch.setattr(loop.LeaderLoop, "_lead", lead)


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
    "status compare dropped": Plant(_status_compare_dropped),
    "own status compare dropped": Plant(_own_status_compare_dropped),
    "fence dropped": Plant(_fence_dropped),
    "node lease compare dropped": Plant(_node_lease_compare_dropped),
    "task compare dropped": Plant(_task_compare_dropped),
    "epoch stands still": Plant(_epoch_stands_still),
    "term begun too early": Plant(_term_begun_too_early),
    "admission compare dropped": Plant(_admission_compare_dropped),
    "deletion compare dropped": Plant(_deletion_compare_dropped),
    "loss compares dropped": Plant(_loss_compares_dropped),
    "task controller compares dropped": Plant(_task_controller_compares_dropped),
    "late creates carried out": Plant(_late_creates_carried_out),
    "dry runs write": Plant(_dry_runs_write),
    "held names taken": Plant(_held_names_taken),
    "lease not registered again": Plant(_lease_not_registered_again),
}
