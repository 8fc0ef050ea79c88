"""What is to be done next for one service: tasks to make, to change and to remove, and how far its rollout is. Pure.

Each look starts from what there is, so it does not matter who did what before, and every wish costs one write: a task
that is as it is to be is left alone. The limits are those of a rolling update: at most `parallelism` tasks that are not
settled, and never fewer available ones than the replicas less `unavailable`. With `surge`, more tasks are made first,
which stand in for those that are changed in place, and go at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from controlplane.services.slots import SlotTask, changed_task
from taskyard.objects import Phase, Rollout, Service, Task, TaskTemplate
from taskyard.quantity import seconds

_SOON = 0.2
"""Seconds: what is due is looked at again once it surely is."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One service as of one revision. `rollout` is as revise.py has it."""

    service: Service
    rollout: Rollout
    slots: tuple[str, ...]
    """Those that are to be there, in order."""
    spare: tuple[str, ...]
    """Those that a surge may use, in order."""
    tasks: Sequence[SlotTask]
    taken: frozenset[str] = frozenset()
    """Slots whose name something else has."""
    stalled_for: float = 0.0
    """Seconds without progress, as far as this process has seen."""


@dataclass(frozen=True, slots=True)
class Change:
    """`task`: as it is to be written in place of what `old` holds."""

    old: SlotTask
    task: Task


@dataclass(slots=True)
class Decision:
    rollout: Rollout
    template: TaskTemplate
    """What is made is made of."""
    makes: list[str] = field(default_factory=list)
    """Slots."""
    changes: list[Change] = field(default_factory=list)
    removes: list[SlotTask] = field(default_factory=list)
    again_in: float | None = None
    """Seconds until time alone may make a difference."""


def decide(situation: Situation) -> Decision:
    if situation.rollout.phase in (Phase.PROGRESSING, Phase.ROLLING_BACK):
        return _Rolling(situation).decide()
    return _Keeping(situation).decide()


class _Keeping:
    """The number of tasks is kept; none that runs is changed."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.service = situation.service
        self.update = situation.service.spec.update
        self.template = situation.rollout.template
        self.decision = Decision(situation.rollout, self.template)
        self.settles = max(seconds(self.update.min_ready), seconds(self.update.delay))
        self.min_ready = seconds(self.update.min_ready)
        self.slots = wanted = frozenset(situation.slots)
        self.floor = len(situation.slots) - self.update.unavailable
        self.present = {each.slot for each in situation.tasks}
        self._wanted = {
            each.slot: changed_task(self.service, self.template, each.slot, each.task) for each in situation.tasks
        }
        self.live = [each for each in situation.tasks if not each.going and each.slot in wanted]
        self.extra = [each for each in situation.tasks if not each.going and each.slot not in wanted]

    def decide(self) -> Decision:
        self._make(self.situation.slots)
        self._relabel()
        if self.situation.rollout.phase is not Phase.FAILED:
            self.decision.removes += self.extra
            return self.decision
        if self._complete():
            self._completed()
        elif self.situation.rollout.stable:
            self.decision.template = self.situation.rollout.revision(self.situation.rollout.stable).template
        self._thin_out((), sum(1 for each in (*self.live, *self.extra) if self.available(each)))
        return self.decision

    def _make(self, slots: Sequence[str]) -> None:
        """A slot whose last task is still going waits for its name."""
        free = [slot for slot in slots if slot not in self.present and slot not in self.situation.taken]
        self.decision.makes += free
        self.present |= set(free)

    def _relabel(self) -> None:
        """What is not the container's can change at once."""
        for each in self.live:
            wanted = self.wanted(each)
            if wanted != each.task and wanted.spec == each.task.spec:
                self.decision.changes.append(Change(each, wanted))

    def _thin_out(self, kept: Sequence[SlotTask], available: int) -> None:
        """Removes what is beyond the replicas, as far as nothing is missed without it."""
        slots = {each.slot for each in kept}
        for each in reversed(self.extra):
            if each.slot in slots:
                continue
            if self.available(each):
                if available - 1 < self.floor:
                    continue
                available -= 1
            self.decision.removes.append(each)

    def _complete(self) -> bool:
        """Every slot has a task as it is to be, and that is available."""
        there = {each.slot for each in self.live if self.current(each) and self.available(each)}
        return there >= set(self.situation.slots) and not self.decision.makes

    def _completed(self) -> None:
        """What the surge still has goes with the next look, when nothing is updated any more."""
        rollout = self.situation.rollout
        back = rollout.phase is Phase.ROLLING_BACK
        self.decision.rollout = replace(
            rollout,
            phase=Phase.ROLLED_BACK if back else Phase.COMPLETE,
            stable=rollout.target,
            message=rollout.message if back else "",
        )

    def wanted(self, each: SlotTask) -> Task:
        return self._wanted[each.slot]

    def current(self, each: SlotTask) -> bool:
        return self.wanted(each).spec == each.task.spec

    def available(self, each: SlotTask) -> bool:
        if self.update.on_failure == "continue" and each.trouble and self.current(each):
            return True
        if each.ready and each.ready_for < self.min_ready:
            self._look_again(self.min_ready - each.ready_for)
        return each.ready and each.ready_for >= self.min_ready

    def _look_again(self, delay: float) -> None:
        known = self.decision.again_in
        self.decision.again_in = delay + _SOON if known is None else min(known, delay + _SOON)


class _Rolling(_Keeping):
    """Tasks are brought to the template that the rollout aims at."""

    def decide(self) -> Decision:
        failure = "" if self.service.spec.paused else self._failure()
        if failure:
            return self._failed(failure)
        self._make(self.situation.slots)
        self._relabel()
        outdated = [each for each in self.live if not self.current(each)]
        every = [*self.live, *self.extra]
        spare = [each for each in self.extra if self.current(each)]
        available = sum(1 for each in every if self.available(each))
        unsettled = [each for each in every if self.current(each) and not self._settled(each)]
        room = self.update.parallelism - len(unsettled) - len(self.decision.makes)
        if self.service.spec.paused:
            room = 0
        # Those that stand in for others come first, then those that cost nothing, then slot by slot.
        surge = min(self.update.surge, len(outdated) + sum(1 for each in unsettled if each.slot in self.slots))
        wanting = [slot for slot in self.situation.spare if slot not in self.present][: max(surge - len(spare), 0)]
        if outdated and not self.service.spec.paused:
            self._make(wanting[: max(room, 0)])
            room -= min(len(wanting), max(room, 0))
        for each in sorted(outdated, key=self.available):
            if room <= 0:
                break
            if self.available(each):
                if available - 1 < self.floor:
                    break
                available -= 1
            self.decision.changes.append(Change(each, self.wanted(each)))
            room -= 1
        self._thin_out(spare if self.service.spec.paused else spare[:surge], available)
        if self._complete():
            self._completed()
        return self.decision

    def _settled(self, each: SlotTask) -> bool:
        if self.update.on_failure == "continue" and each.trouble:
            return True
        if each.ready and each.ready_for < self.settles:
            self._look_again(self.settles - each.ready_for)
        return each.ready and each.ready_for >= self.settles

    def _failure(self) -> str:
        if self.update.on_failure == "continue":
            return ""
        for each in (*self.live, *self.extra):
            if each.trouble and self.current(each):
                return f"task/{each.task.metadata.name} {each.trouble}"
        deadline = seconds(self.update.progress_deadline)
        if self.situation.stalled_for >= deadline:
            waiting = [each for each in self.live if self.current(each) and not each.ready]
            first = f"; task/{waiting[0].task.metadata.name} is not ready" if waiting else ""
            return f"there was no progress for {self.update.progress_deadline}{first}"
        self._look_again(deadline - self.situation.stalled_for)
        return ""

    def _failed(self, failure: str) -> Decision:
        rollout = self.situation.rollout
        goes_back = (
            self.update.on_failure == "rollback"
            and rollout.phase is Phase.PROGRESSING
            and rollout.stable not in (0, rollout.target)
        )
        if goes_back:
            message = f"revision {rollout.target} failed: {failure}"
            self.decision.rollout = replace(rollout, phase=Phase.ROLLING_BACK, target=rollout.stable, message=message)
        else:
            self.decision.rollout = replace(rollout, phase=Phase.FAILED, message=failure)
        return self.decision
