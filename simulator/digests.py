"""What is promised of images of services: of each revision one, whatever its tag stands for when a task starts.

The checker tells what it sees, by way of services.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from simulator.mirror import Mirror
from simulator.story import Violation
from taskyard.objects import Phase, Rollout, Service, Task, TaskSpec, TaskState, TaskStatus
from taskyard.objects.status import IMAGE_UNFETCHED


class Digests:
    def __init__(self) -> None:
        self._told: dict[str, set[str]] = {}
        """uid of a service → the digests that its tasks were ever told to run."""
        self._given: dict[tuple[str, int], str] = {}
        """uid of a service and number of a revision → its digest."""

    def note_status(self, owner: str, status: TaskStatus) -> None:
        if status.image_digest:
            self._told.setdefault(owner, set()).add(status.image_digest)

    def restored(self, rollouts: Iterable[Rollout]) -> None:
        self._given.clear()
        for rollout in rollouts:
            self._note(rollout)

    def _note(self, rollout: Rollout) -> None:
        self._given |= {(rollout.service_uid, each.number): each.digest for each in rollout.revisions if each.digest}

    def check(self, rollout: Rollout, name: str) -> None:
        """A revision keeps the one that it has, which one of the tasks was told to run."""
        uid = rollout.service_uid
        for each in rollout.revisions:
            before = self._given.get((uid, each.number), each.digest)
            if before != each.digest:
                raise Violation(
                    f"revision {each.number} of service/{name} has the image {each.digest}, not {before}", name
                )
            if each.digest and each.digest not in self._told.get(uid, set()):
                raise Violation(f"revision {each.number} of service/{name} has an image that no task runs", name)
        self._note(rollout)

    @staticmethod
    def check_made(task: Task, rollout: Rollout | None, who: str) -> None:
        """What is made or changed names no other digest than one of a revision."""
        digest = task.spec.image.partition("@")[2]
        if digest and rollout is not None and digest not in {each.digest for each in rollout.revisions}:
            raise Violation(f"{who} gave {task.metadata.name} an image that no revision has", task.metadata.uid)

    @staticmethod
    def of_another_image(rollout: Rollout, number: int, statuses: Mapping[str, TaskStatus]) -> set[str]:
        """Names of those that run another one than this revision has."""
        digest = rollout.revision(number).digest
        return {name for name, status in statuses.items() if digest and status.image_digest not in ("", digest)}

    @staticmethod
    def check_settled(
        service: Service, rollout: Rollout, own: Mapping[str, Task], statuses: Mapping[str, TaskStatus]
    ) -> None:
        """All that run of a service that is not in the middle of something run the image of its revision."""
        if service.spec.paused or rollout.phase not in (Phase.COMPLETE, Phase.ROLLED_BACK):
            return
        digest = rollout.revision(rollout.target).digest
        for name, status in sorted(statuses.items()):
            if status.state is TaskState.RUNNING and status.image_digest != digest:
                raise Violation(
                    f"{name} runs {status.image_digest}, and its service is {rollout.phase} with {digest}",
                    own[name].metadata.uid,
                )

    @staticmethod
    def check_told(
        name: str, rollout: Rollout, own: Mapping[str, Task], statuses: Mapping[str, TaskStatus], message: str
    ) -> None:
        """`message`: of the service, as it is shown; where its revision has an image that a task cannot fetch, it says
        which."""
        digest = rollout.revision(rollout.target).digest
        lacking = [
            each
            for each, status in sorted(statuses.items())
            if status.reason == IMAGE_UNFETCHED
            and own[each].spec.image.endswith(f"@{digest}")
            and anywhere(own[each].spec) == anywhere(rollout.template.spec)
        ]
        if digest and lacking and digest not in message:
            raise Violation(f"service/{name} does not say that its image is gone, for which {lacking} wait", name)


def anywhere(spec: TaskSpec) -> TaskSpec:
    """By which revisions are told apart, for whatever node a task is made."""
    return replace(bare(spec), constraints=[])


def bare(spec: TaskSpec) -> TaskSpec:
    """As users write it: they name tags."""
    return replace(spec, image=spec.image.partition("@")[0])


def statuses_of(mirror: Mirror, own: Mapping[str, Task]) -> dict[str, TaskStatus]:
    """By name."""
    found = {}
    for name, task in own.items():
        here = mirror.statuses.get(task.binding.node, {}) if task.binding is not None else {}
        status = here.get(task.metadata.uid)
        if status is not None and task.binding is not None and status.epoch == task.binding.epoch:
            found[name] = status
    return found
