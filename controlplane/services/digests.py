"""One image for all tasks of a revision, also where its tag moves while they start, one after the other. Pure.

Nodes resolve tags, so the first task of a revision that runs says what its tag stands for, and the revision keeps that.
Whatever is made of it from then on names the digest. A task that started before, and got something else, is brought to
it like one that has another template; those that got the same stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from controlplane.services.slots import SlotTask, changed_task, wanted_spec
from taskyard.objects import Phase, Revision, Rollout, Service, Task

AGAIN = {Phase.COMPLETE: Phase.PROGRESSING, Phase.ROLLED_BACK: Phase.ROLLING_BACK}
"""What a rollout that was over is, while tasks are brought to one image."""


def with_digest(service: Service, rollout: Rollout, tasks: Sequence[SlotTask]) -> Rollout:
    """The rollout with what its target's tag stands for, once a task has said so; under way again where a task that has
    it already runs something else."""
    revision = rollout.revision(rollout.target)
    live = [each for each in tasks if not each.going]
    if not revision.digest:
        said = (each.digest for each in live if each.digest and _is_plain(service, revision, each))
        digest = next(said, "")
        if not digest:
            return rollout
        revision = replace(revision, digest=digest)
        kept = [revision if each.number == revision.number else each for each in rollout.revisions]
        rollout = replace(rollout, revisions=kept)
    other = any(_is_plain(service, revision, each) and not has_revision(service, revision, each) for each in live)
    again = AGAIN.get(rollout.phase) if other and not service.spec.paused else None
    return replace(rollout, phase=again) if again else rollout


def wanted_task(service: Service, revision: Revision, each: SlotTask) -> Task:
    """The same task as this revision has it; equal to what it is when nothing about it is to change."""
    same = _is_plain(service, revision, each) and each.digest in ("", revision.digest)
    return changed_task(service, revision.template if same else revision.pinned, each.slot, each.task)


def has_revision(service: Service, revision: Revision, each: SlotTask) -> bool:
    return wanted_task(service, revision, each).spec == each.task.spec


def _is_plain(service: Service, revision: Revision, each: SlotTask) -> bool:
    """It was made before anybody knew what the tag stands for."""
    return each.task.spec == wanted_spec(service, revision.template, each.slot)
