"""How much of one node is spoken for: the sum over its assignments, kept up to date one task at a time.

A task counts from the moment its assignment is written until that is deleted or its status is terminal.
"""

from __future__ import annotations

from controlplane.cluster.demand import Demand, HostPortKey


class Usage:
    """Read it; only the cache charges and releases."""

    __slots__ = ("by_uid", "cpu", "disk", "generic", "memory", "nominal_cpu", "nominal_memory", "ports")

    def __init__(self) -> None:
        self.cpu = 0
        self.memory = 0
        self.disk = 0
        self.nominal_cpu = 0
        self.nominal_memory = 0
        self.generic: dict[str, int] = {}
        self.by_uid: dict[str, Demand] = {}
        """What each task that counts here holds."""
        self.ports: dict[HostPortKey, int] = {}
        """How many tasks hold each fixed host port; more than one only when somebody wrote assignments by hand."""

    def set(self, uid: str, demand: Demand | None) -> bool:
        """Charge the task with `demand` in place of what it held; None releases it. True when that changed anything."""
        held = self.by_uid.get(uid)
        if held == demand:
            return False
        if held is not None:
            self._add(held, -1)
            del self.by_uid[uid]
        if demand is not None:
            self._add(demand, 1)
            self.by_uid[uid] = demand
        return True

    def _add(self, demand: Demand, sign: int) -> None:
        self.cpu += sign * demand.cpu
        self.memory += sign * demand.memory
        self.disk += sign * demand.disk
        self.nominal_cpu += sign * demand.nominal_cpu
        self.nominal_memory += sign * demand.nominal_memory
        for name, amount in demand.generic:
            self.generic[name] = self.generic.get(name, 0) + sign * amount
        for port in demand.ports:
            count = self.ports.get(port, 0) + sign
            if count:
                self.ports[port] = count
            else:
                del self.ports[port]
