"""What is promised of autoscaled services, by the decisions that are written: within their bounds, steady, and called
for by what was measured.

The checker tells what it sees, by way of services.py.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from simulator.story import Violation
from taskyard.objects import Autoscale, Rollout, Scale, Service, TaskUsage
from taskyard.quantity import cpu_millis, seconds

_SLACK = 1.0
"""Seconds by which clocks differ over a window."""
_COUNTS = 60.0
"""Seconds within which a decision may go by a measurement: agents make one each 15 s, it arrives late, and whoever
decides may be frozen for 25 s."""
_TOLERATED = 0.1
"""Of the target, within which all stays as it is."""
_EXACT = 1e-6


class Scales:
    def __init__(self) -> None:
        self._raised: dict[str, float] = {}
        """The service's uid → when it began, or got more tasks."""
        self._measured: dict[str, dict[str, deque[tuple[float, TaskUsage]]]] = {}
        """The service's uid → a task's → when, and what: the latest, and what was within `_COUNTS`."""

    def restored(self) -> None:
        self._raised.clear()

    def note(self, service: str, task: str, usage: TaskUsage, now: float) -> None:
        """By their uids."""
        known = self._measured.setdefault(service, {}).setdefault(task, deque())
        known.append((now, usage))
        while known[0][0] < now - _COUNTS:
            known.popleft()

    def check(self, old: Rollout | None, new: Rollout, service: Service, now: float) -> None:
        """`service`: as it is when its rollout is written."""
        name, uid, autoscale = service.metadata.name, service.metadata.uid, service.spec.autoscale
        before, after = old.scale if old is not None and old.service_uid == uid else None, new.scale
        if before == after:
            return
        if after is None or autoscale is None:
            if autoscale is not None or after is not None:
                raise Violation(f"service/{name} is autoscaled, or is not, and its rollout does not say so", name)
            return
        if not autoscale.min <= after.replicas <= autoscale.max:
            bounds = f"{autoscale.min} to {autoscale.max}"
            raise Violation(f"service/{name} was scaled to {after.replicas}, beyond its bounds of {bounds}", name)
        if before is not None and after.replicas < before.replicas <= autoscale.max:
            held = now - self._raised.get(uid, float("-inf"))
            if held < seconds(autoscale.stabilization.down) - _SLACK:
                raise Violation(f"service/{name} went from {before.replicas} to {after.replicas} in {held:.0f} s", name)
        if before is not None and before.replicas < after.replicas > autoscale.min:
            self._check_called_for(service, after.replicas, now)
        if before is None or after.replicas > before.replicas:
            self._raised[uid] = now

    def _check_called_for(self, service: Service, replicas: int, now: float) -> None:
        """By the most that each of its tasks was measured with lately."""
        most = 0.0
        for known in self._measured.get(service.metadata.uid, {}).values():
            lately = [usage for at, usage in known if at >= now - _COUNTS]
            most += max((load for each in lately if (load := _load(service, each)) is not None), default=0.0)
        if replicas > math.ceil(most - _EXACT):
            name = service.metadata.name
            raise Violation(f"service/{name} was scaled to {replicas}, and its tasks' load is that of {most:.1f}", name)

    def check_settled(self, service: Service, scale: Scale, tasks: Iterable[str], now: float) -> None:
        """There are as many as the last measurements call for, where there is one of each. `tasks`: the uids of those
        that it is to have and that are ready; what is measured of others says nothing."""
        autoscale, known = service.spec.autoscale, self._measured.get(service.metadata.uid, {})
        latest = [known[uid][-1] if known.get(uid) else None for uid in tasks]
        loads = [_load(service, each[1]) if each and each[0] > now - _COUNTS else None for each in latest]
        told = [load for load in loads if load is not None]
        if autoscale is None or not told or len(told) < max(len(loads), scale.replicas):
            return
        whole = sum(told)
        near = abs(whole / scale.replicas - 1) <= _TOLERATED + _EXACT
        wanted = min(max(math.ceil(whole - _EXACT), autoscale.min), autoscale.max)
        if not near and wanted != scale.replicas:
            name = service.metadata.name
            raise Violation(f"service/{name} has {scale.replicas} tasks, and their load is that of {whole:.1f}", name)


def _load(service: Service, usage: TaskUsage) -> float | None:
    """What it says, as a multiple of what one task is to have; None: nothing. Services here go by one thing each."""
    autoscale = service.spec.autoscale or Autoscale(max=1)
    for target in autoscale.metrics:
        value = usage.metrics.get(target.name)
        return None if value is None else value / target.target
    whole = service.spec.template.spec.resources.cpu
    if autoscale.cpu is None or whole is None:
        return None
    return usage.cpu_millis / cpu_millis(whole) * 100 / autoscale.cpu
