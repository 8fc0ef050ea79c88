"""What is to be done next for one service: tasks to make, to change and to remove, and how far its rollout is. Pure.

Each look starts from what there is, so it does not matter who did what before, and every wish costs one write: a task
that is as it is to be is left alone. The limits are those of a rolling update: at most `parallelism` tasks that are not
settled, and never fewer available ones than the replicas less `unavailable`. With `surge`, more tasks are made first,
which stand in for those that are changed in place, and go at the end. With canaries, only so many tasks have the
template, stand-ins counted, until the rollout says that it is promoted; that is written before any other task gets it.
A task that is to leave its node is updated before others, which moves it; one that is not to be updated, or not yet,
gets a stand-in of its own, as far as `surge` has room for it beside what the update makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from controlplane.services.canaries import asked_for, canaries_of
from controlplane.services.digests import has_revision, wanted_task
from controlplane.services.slots import SlotTask
from taskyard.objects import Phase, Revision, Rollout, Service, Task, TaskTemplate
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


@dataclass(frozen=True, slots=True)
class Make:
    """A task of this slot, of this template."""

    slot: str
    template: TaskTemplate
    stands_in_for: str = ""
    """The slot of the one that leaves its node once this one is ready."""


@dataclass(slots=True)
class Decision:
    rollout: Rollout
    makes: list[Make] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    removes: list[SlotTask] = field(default_factory=list)
    again_in: float | None = None
    """Seconds until time alone may make a difference."""


def decide(situation: Situation) -> Decision:
    if situation.rollout.phase.under_way:
        return _Rolling(situation).decide()
    return _Keeping(situation).decide()


class _Keeping:
    """The number of tasks is kept; none that runs is changed."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.service = situation.service
        self.update = situation.service.spec.update
        self.revision = situation.rollout.revision(situation.rollout.target)
        self.template = self.revision.pinned
        self.decision = Decision(situation.rollout)
        self.settles = max(seconds(self.update.min_ready), seconds(self.update.delay))
        self.min_ready = seconds(self.update.min_ready)
        self.slots = wanted = frozenset(situation.slots)
        self.floor = len(situation.slots) - self.update.unavailable
        self.present = {each.slot for each in situation.tasks}
        self._wanted = {each.slot: wanted_task(self.service, self.revision, each) for each in situation.tasks}
        self.live = [each for each in situation.tasks if not each.going and each.slot in wanted]
        beyond = [each for each in situation.tasks if not each.going and each.slot not in wanted]
        self.stand_ins = [each for each in beyond if each.stands_in_for]
        self.extra = [each for each in beyond if not each.stands_in_for]

    def decide(self) -> Decision:
        failed = self.situation.rollout.phase is Phase.FAILED
        template = self.stable if failed else self.template
        self._make(self.situation.slots, lambda: template)
        self._relabel()
        self._stand_in(self.live, lambda: template)
        if not failed:
            self.decision.removes += [*self.extra, *self._dismissed()]
            return self.decision
        if self._complete():
            self._completed()
        self._thin_out(())
        return self.decision

    def _stand_in(self, among: Sequence[SlotTask], template: Callable[[], TaskTemplate]) -> None:
        stood_in_for = {each.stands_in_for for each in self.stand_ins}
        wanting = [each.slot for each in among if each.leaving and each.slot not in stood_in_for]
        made = sum(1 for each in self.decision.makes if each.slot not in self.slots)
        room = max(self.update.surge - len(self.stand_ins) - len(self.extra) - made, 0)
        unused = self.present | self.situation.taken
        free = [slot for slot in self.situation.spare if slot not in unused]
        for slot, leaving in zip(free, wanting[:room], strict=False):
            self.decision.makes.append(Make(slot, template(), leaving))
            self.present.add(slot)

    def _dismissed(self) -> list[SlotTask]:
        """Stand-ins whose work is done: what they stood in for stays and is available, or is not wanted."""
        live = {each.slot: each for each in self.live}
        there = {slot for slot, each in live.items() if self.available(each) and not each.leaving}
        return [each for each in self.stand_ins if each.stands_in_for in there or each.stands_in_for not in self.slots]

    @property
    def stable(self) -> TaskTemplate:
        """What is made while the template is not trusted: what all tasks had last, if they had one."""
        return self.stable_revision.pinned

    @property
    def stable_revision(self) -> Revision:
        rollout = self.situation.rollout
        return rollout.revision(rollout.stable) if rollout.stable else self.revision

    def _make(self, slots: Sequence[str], template: Callable[[], TaskTemplate]) -> None:
        """A slot whose last task is still going waits for its name."""
        free = [slot for slot in slots if slot not in self.present and slot not in self.situation.taken]
        self.decision.makes += [Make(slot, template()) for slot in free]
        self.present |= set(free)

    def _relabel(self) -> None:
        """What is not the container's can change at once."""
        for each in self.live:
            wanted = self.wanted(each)
            if wanted != each.task and wanted.spec == each.task.spec:
                self.decision.changes.append(Change(each, wanted))

    def _thin_out(self, kept: Sequence[SlotTask]) -> None:
        """Removes what is beyond the replicas, as far as nothing is missed without it."""
        slots = {each.slot for each in kept}
        changed = {change.old.slot for change in self.decision.changes if change.task.spec != change.old.task.spec}
        every = [*self.live, *self.extra, *self.stand_ins]
        available = sum(1 for each in every if each.slot not in changed and self.available(each))
        for each in (*self._dismissed(), *reversed(self.extra)):
            if each.slot in slots:
                continue
            left = self._left_without(each, available)
            if left is not None:
                available = left
                self.decision.removes.append(each)

    def _left_without(self, each: SlotTask, available: int) -> int | None:
        """How many are available without it; None: it has to stay. What is ready may be available, though nobody knows
        for how long it has been: whoever has just begun to lead counts anew."""
        known = self.available(each)
        left = available - 1 if known else available
        return None if (known or each.ready) and left < self.floor else left

    def _complete(self) -> bool:
        """Every slot has a task as it is to be, and that is available."""
        there = {each.slot for each in self.live if self.current(each) and self.available(each)}
        return there >= self.slots

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

    def passed_over(self, each: SlotTask) -> bool:
        """With `continue`: it has failed, or nothing came further for so long that it counts as failed."""
        if self.update.on_failure != "continue" or not self.current(each) or each.ready:
            return False
        stalled = self.situation.stalled_for >= seconds(self.update.progress_deadline)
        return bool(each.trouble) or stalled

    def available(self, each: SlotTask) -> bool:
        if self.passed_over(each):
            return True
        if each.ready and each.ready_for < self.min_ready:
            self._look_again(self.min_ready - each.ready_for)
        return each.ready and each.ready_for >= self.min_ready

    def _look_again(self, delay: float) -> None:
        known = self.decision.again_in
        self.decision.again_in = delay + _SOON if known is None else min(known, delay + _SOON)


class _Rolling(_Keeping):
    """Tasks are brought to the template that the rollout aims at."""

    def __init__(self, situation: Situation) -> None:
        super().__init__(situation)
        self.canaries = canaries_of(self.service, situation.rollout, len(situation.slots))
        with_it = sum(1 for each in situation.tasks if self.current(each))
        self.may_get_it = len(situation.tasks) + len(self.slots) if self.canaries is None else self.canaries - with_it
        """How many more tasks."""

    def decide(self) -> Decision:
        if not self.service.spec.paused:
            if failure := self._failure():
                return self._failed(failure)
            if self._promoted():
                return self.decision
        self._make(self.situation.slots, self._next_template)
        self._relabel()
        if not self.service.spec.paused:
            self.decision.removes += [each for each in (*self.live, *self.extra) if self._tried_before(each)]
        outdated = [each for each in self.live if not self.current(each)]
        every = [*self.live, *self.extra]
        spare = [each for each in self.extra if self.current(each)]
        available = sum(1 for each in every if self.available(each))
        unsettled = [each for each in every if self.current(each) and not self._settled(each)]
        room = self.update.parallelism - len(unsettled) - len(self.decision.makes)
        if self.service.spec.paused:
            room = 0
        held_up = self.service.spec.paused or self.may_get_it <= 0
        moved = [] if held_up else outdated
        self._stand_in([each for each in self.live if each not in moved], self._next_template)
        # Those that stand in for others come first, then those that cost nothing, those that leave, and slot by slot.
        surge = min(self.update.surge, len(outdated) + sum(1 for each in unsettled if each.slot in self.slots))
        beyond = len(spare) + len(self.stand_ins) + sum(1 for each in self.decision.makes if each.stands_in_for)
        wanting = [slot for slot in self.situation.spare if slot not in self.present][: max(surge - beyond, 0)]
        if outdated and not self.service.spec.paused:
            first = wanting[: max(min(room, self.may_get_it), 0)]
            self._make(first, self._next_template)
            room -= len(first)
        for each in sorted(outdated, key=self._turn):
            if room <= 0 or self.may_get_it <= 0:
                break
            left = self._left_without(each, available)
            if left is None:
                continue
            available = left
            self.decision.changes.append(Change(each, self.wanted(each)))
            self.may_get_it -= 1
            room -= 1
        self._thin_out(spare if self.service.spec.paused else spare[:surge])
        if self._complete():
            self._completed()
        elif self._awaits_promotion() and not self.service.spec.paused:
            self.decision.rollout = replace(self.situation.rollout, phase=Phase.AWAITING_PROMOTION)
        return self.decision

    def _next_template(self) -> TaskTemplate:
        """What the next task is made of."""
        self.may_get_it -= 1
        return self.template if self.may_get_it >= 0 else self.stable

    def _turn(self, each: SlotTask) -> tuple[bool, bool, bool]:
        """Of canaries, those come first that have neither the template nor the stable one: an earlier canary's."""
        stable = self.canaries is not None and has_revision(self.service, self.stable_revision, each)
        return stable, self.available(each), not each.leaving

    def _awaits_promotion(self) -> bool:
        """The canaries are all there, and available."""
        if self.canaries is None:
            return False
        with_it = [each for each in self.situation.tasks if self.current(each)]
        ready = all(not each.going and self.available(each) for each in with_it)
        return len(with_it) >= max(self.canaries, 1) and ready

    def _promoted(self) -> bool:
        """Whether it goes beyond the canaries from now on. Nothing else is done in that look."""
        canary = self.update.canary
        if canary is None or self.canaries is None:
            waited = self.situation.rollout.phase is Phase.AWAITING_PROMOTION
            if waited:
                self.decision.rollout = replace(self.situation.rollout, phase=Phase.PROGRESSING)
            return waited
        promoted = asked_for(self.service, self.situation.rollout)
        if not promoted and canary.promote_after is not None and self._awaits_promotion():
            needed = self.min_ready + seconds(canary.promote_after)
            left = needed - min(each.ready_for for each in self.situation.tasks if self.current(each))
            promoted = left <= 0
            if not promoted:
                self._look_again(left)
        if promoted:
            rollout = self.situation.rollout
            self.decision.rollout = replace(rollout, phase=Phase.PROGRESSING, promoted=rollout.target)
        return promoted

    def _settled(self, each: SlotTask) -> bool:
        if self.passed_over(each):
            return True
        if each.ready and each.ready_for < self.settles:
            self._look_again(self.settles - each.ready_for)
        return each.ready and each.ready_for >= self.settles

    def _tried_before(self, each: SlotTask) -> bool:
        """It has failed, and somebody has asked since that the rollout go on: it is made anew."""
        before = each.task.metadata.created_at < self.situation.rollout.retried_at
        return bool(each.trouble) and before and self.current(each)

    def _failure(self) -> str:
        goes_on = self.update.on_failure == "continue"
        for each in (*self.live, *self.extra):
            if each.trouble and self.current(each) and not goes_on and not self._tried_before(each):
                return f"task/{each.task.metadata.name} {each.trouble}"
        if self._awaits_promotion():
            return ""
        deadline = seconds(self.update.progress_deadline)
        if self.situation.stalled_for >= deadline:
            if goes_on:
                return ""
            waiting = [each for each in (*self.live, *self.extra) if self.current(each) and not each.ready]
            first = f"; task/{waiting[0].task.metadata.name} is not ready" if waiting else ""
            why = f": {waiting[0].unfetched}" if waiting and waiting[0].unfetched else ""
            return f"there was no progress for {self.update.progress_deadline}{first}{why}"
        self._look_again(deadline - self.situation.stalled_for)
        return ""

    def _failed(self, failure: str) -> Decision:
        rollout = self.situation.rollout
        goes_back = (
            self.update.on_failure == "rollback"
            and rollout.phase is not Phase.ROLLING_BACK
            and rollout.stable not in (0, rollout.target)
        )
        if goes_back:
            message = f"revision {rollout.target} failed: {failure}"
            self.decision.rollout = replace(rollout, phase=Phase.ROLLING_BACK, target=rollout.stable, message=message)
        else:
            self.decision.rollout = replace(rollout, phase=Phase.FAILED, message=failure)
        return self.decision
