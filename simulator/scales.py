"""What is promised of autoscaled services, by the decisions that are written: within their bounds, and steady.

The checker tells what it sees, by way of services.py.
"""

from __future__ import annotations

from simulator.story import Violation
from taskyard.objects import Rollout, Service
from taskyard.quantity import seconds

_SLACK = 1.0
"""Seconds by which clocks differ over a window."""


class Scales:
    def __init__(self) -> None:
        self._raised: dict[str, float] = {}
        """The service's uid → when it began, or got more tasks."""

    def restored(self) -> None:
        self._raised.clear()

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
        if before is None or after.replicas > before.replicas:
            self._raised[uid] = now
