"""What the tasks of a namespace may have set aside together, and whether one more would be too many. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from controlplane.cluster import ClusterCache, Demand
from taskyard.objects import Quota
from taskyard.quantity import byte_count, cpu_millis, format_bytes, format_cpu


class Amount(NamedTuple):
    """Millicores, bytes, bytes, tasks."""

    cpu: int = 0
    memory: int = 0
    disk: int = 0
    tasks: int = 0

    def plus(self, demand: Demand, sign: int = 1) -> Amount:
        return Amount(
            self.cpu + sign * demand.cpu,
            self.memory + sign * demand.memory,
            self.disk + sign * demand.disk,
            self.tasks + sign,
        )


class Allowance(NamedTuple):
    """As `Amount`; None: any."""

    cpu: int | None = None
    memory: int | None = None
    disk: int | None = None
    tasks: int | None = None


def allowance_of(quota: Quota) -> Allowance:
    return Allowance(
        None if quota.cpu is None else cpu_millis(quota.cpu),
        None if quota.memory is None else byte_count(quota.memory),
        None if quota.disk is None else byte_count(quota.disk),
        quota.tasks,
    )


def spent(quotas: Mapping[str, Allowance], tenants: Iterable[Demand]) -> dict[str, Amount]:
    """By namespace, of those that have a quota."""
    found = dict.fromkeys(quotas, Amount())
    for tenant in tenants:
        if tenant.counted and tenant.namespace in found:
            found[tenant.namespace] = found[tenant.namespace].plus(tenant)
    return found


def used_by(cache: ClusterCache, namespace: str) -> Amount:
    """What its tasks have set aside now. Call it under the cache's lock; it looks at each task that has a node."""
    tenants = (held for node in cache.nodes for held in cache.usage(node).by_uid.values())
    return spent({namespace: Allowance()}, tenants)[namespace]


def over(allowance: Allowance, had: Amount, demand: Demand) -> str:
    """What of it would be too much; empty: nothing. A task that asks for none of something never is."""
    then = had.plus(demand)
    asked = Amount().plus(demand)
    wrong = [
        f"{name} {spell(wanted)} of {spell(most)}"
        for name, spell, most, wanted, own in zip(Amount._fields, _SPELL, allowance, then, asked, strict=True)
        if most is not None and own and wanted > most
    ]
    return ", ".join(wrong)


_SPELL: tuple[Callable[[int], str], ...] = (format_cpu, format_bytes, format_bytes, str)
