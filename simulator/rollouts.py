"""What is promised of a service's rollout, by the rollouts that its controller has written: numbers that only rise, and
failures that are answered once, as the service asks for it.

The checker tells what it sees, by way of services.py, which judges the tasks.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulator.story import Violation
from taskyard import keys
from taskyard.annotations import PROMOTED_REVISION
from taskyard.objects import Phase, Rollout, Service, decode
from taskyard.quantity import seconds
from taskyard.store.api import Entry, KeyEvent

ROLLING = (Phase.PROGRESSING, Phase.AWAITING_PROMOTION, Phase.ROLLING_BACK)
_FAILED = (Phase.FAILED, Phase.ROLLING_BACK, Phase.ROLLED_BACK)


class Rollouts:
    def __init__(self) -> None:
        self.now: dict[str, Rollout] = {}
        """By key."""
        self._given: dict[tuple[str, int], str] = {}
        """The service's uid and a number → the hash of the template that it stands for."""
        self._latest: dict[str, int] = {}
        """The service's uid → the highest number that it ever had."""
        self._went_back: set[tuple[str, int, str]] = set()
        """The service's uid, a number, and the last `resumed` that was heeded, of all that went back once."""

    def apply(self, event: KeyEvent, who: str, service: Service | None, *, in_trouble: bool, quiet_for: float) -> None:
        """`service`: as it is when its rollout is written; `in_trouble`: a task of it has failed, or was restarted
        again and again; `quiet_for`: seconds since there was something else to do for it."""
        old, name = self.now.pop(event.key, None), event.key.rpartition("/")[2]
        if event.entry is None:
            if old is not None and service is not None and service.metadata.uid == old.service_uid:
                raise Violation(f"{who} threw the history of service/{name} away, which is there", name)
            return
        new = decode(event.entry.value, Rollout)
        self.now[event.key] = new
        if service is None or service.metadata.uid != new.service_uid:
            raise Violation(f"{who} wrote how far service/{name} is, which is not there", name)
        self._check_numbers(new, name)
        if old is not None and old.service_uid == new.service_uid:
            self._check_phase(old, new, service, name)
            failed = old.phase is not new.phase and new.phase in (Phase.FAILED, Phase.ROLLING_BACK)
            deadline = seconds(service.spec.update.progress_deadline)
            if failed and not in_trouble and quiet_for < deadline:
                raise Violation(
                    f"service/{name} went from {old.phase} to {new.phase} {quiet_for:.1f} s after it had something"
                    " else to do, and nothing is wrong with its tasks",
                    name,
                )

    def restored(self, entries: Iterable[Entry]) -> list[Rollout]:
        """Those of the backup. What was given out since is given out once more."""
        self.now = {e.key: decode(e.value, Rollout) for e in entries if e.key.startswith(keys.ROLLOUTS)}
        self._went_back.clear()
        self._given.clear()
        self._latest.clear()
        for rollout in self.now.values():
            self._note(rollout)
        return list(self.now.values())

    def _check_numbers(self, new: Rollout, name: str) -> None:
        uid, numbers = new.service_uid, [each.number for each in new.revisions]
        if numbers != sorted(set(numbers)) or new.target not in numbers:
            raise Violation(f"service/{name} has the revisions {numbers}, and is to have {new.target}", name)
        for each in new.revisions:
            if self._given.get((uid, each.number), each.hash) != each.hash:
                raise Violation(f"revision {each.number} of service/{name} is another template than before", name)
            if (uid, each.number) not in self._given and each.number <= self._latest.get(uid, 0):
                raise Violation(f"service/{name} got a revision {each.number} that is not higher than all before", name)
        if numbers[-1] < self._latest.get(uid, 0):
            raise Violation(f"service/{name} went back to the revisions {numbers}", name)
        self._note(new)

    def _note(self, rollout: Rollout) -> None:
        uid = rollout.service_uid
        for each in rollout.revisions:
            self._given[uid, each.number] = each.hash
            self._latest[uid] = max(self._latest.get(uid, 0), each.number)

    def _check_phase(self, old: Rollout, new: Rollout, service: Service, name: str) -> None:
        update, tried = service.spec.update.on_failure, (new.service_uid, new.revisions[-1].number, new.resumed)
        same = (old.revisions[-1].number, old.resumed) == (new.revisions[-1].number, new.resumed)
        told = f"service/{name}, which is to {update} when an update fails, went from {old.phase} to {new.phase}"
        mends = old.phase is Phase.ROLLED_BACK and old.target == new.target  # Of some task, what its tag stands for.
        if old.phase is not new.phase and new.phase in (Phase.FAILED, Phase.ROLLING_BACK) and not mends:
            back = new.phase is Phase.ROLLING_BACK
            # What had no template before, or fails on the way back, is left as it is.
            may_stay = update == "pause" or old.phase is Phase.ROLLING_BACK or old.stable in (0, old.target)
            if update == "continue" or (back and update != "rollback") or (not back and not may_stay):
                raise Violation(told, name)
            if back and tried in self._went_back:
                raise Violation(f"service/{name} goes back from revision {tried[1]} a second time", name)
            if back:
                self._went_back.add(tried)
        self._check_promoted(old, new, service, name)
        if same and old.phase in _FAILED and new.phase is Phase.PROGRESSING:
            raise Violation(f"{told}, and nobody asked for another try", name)
        if new.phase is Phase.ROLLED_BACK and old.phase not in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
            raise Violation(told, name)
        if new.phase in (Phase.COMPLETE, Phase.ROLLED_BACK) and new.stable != new.target:
            raise Violation(f"service/{name} is {new.phase}, and another revision is what all tasks had last", name)

    def _check_promoted(self, old: Rollout, new: Rollout, service: Service, name: str) -> None:
        """Once, to the revision that is rolled out, and because somebody said so or it was to be by itself."""
        if old.promoted == new.promoted:
            return
        if new.promoted != new.target or new.promoted < old.promoted:
            raise Violation(f"revision {new.promoted} of service/{name} was promoted, not {new.target}", name)
        canary = service.spec.update.canary
        said = service.metadata.annotations.get(PROMOTED_REVISION) == str(new.promoted)
        if canary is None or (canary.promote_after is None and not said):
            raise Violation(f"revision {new.promoted} of service/{name} was promoted, and nobody said so", name)
