"""/stats: what nodes and tasks use, as their agents measured it last."""

from __future__ import annotations

from dataclasses import dataclass

import falcon.asgi
import msgspec

from controlplane.api.http.answer import send
from controlplane.api.http.problem import unavailable
from controlplane.api.http.request import Params
from controlplane.api.http.workers import Workers
from controlplane.cluster import ClusterCache
from taskyard.objects import Amounts, Wire


class NodeUsage(Wire, frozen=True, kw_only=True):
    """`at` is when it was measured; empty for a node that reports nothing."""

    name: str
    at: str = ""
    usage: Amounts
    capacity: Amounts
    load: list[float] = msgspec.field(default_factory=list)
    tasks: int


class TaskUse(Wire, frozen=True, kw_only=True):
    namespace: str
    name: str
    node: str
    cpu_millis: int
    memory_bytes: int
    net_rx_bytes: int
    net_tx_bytes: int
    disk_bytes: int


class Usage(Wire, frozen=True, kw_only=True):
    nodes: list[NodeUsage]
    tasks: list[TaskUse]


@dataclass(frozen=True, slots=True)
class Stats:
    cache: ClusterCache
    workers: Workers

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        Params(request, ())
        send(response, await self.workers.read(self.usage))

    on_head = on_get

    def usage(self) -> Usage:
        if not self.cache.informer.synced:
            raise unavailable("this server is starting: it has not read the cluster's state from etcd yet", "Starting")
        nodes: list[NodeUsage] = []
        tasks: list[TaskUse] = []
        with self.cache.lock:
            for name in sorted(self.cache.nodes):
                node = self.cache.nodes[name]
                stats = node.stats
                nodes.append(
                    NodeUsage(
                        name=name,
                        at=stats.at if stats else "",
                        usage=Amounts(
                            cpu_millis=stats.cpu_millis, memory_bytes=stats.memory_bytes, disk_bytes=stats.disk_bytes
                        )
                        if stats
                        else Amounts(),
                        capacity=node.lease.capacity if node.lease else Amounts(),
                        load=stats.load if stats else [],
                        tasks=len(self.cache.usage(name).by_uid),
                    )
                )
                for uid, use in sorted(stats.tasks.items()) if stats else ():
                    record = self.cache.by_uid(uid)
                    if record is not None:
                        tasks.append(
                            TaskUse(
                                namespace=record.key.namespace,
                                name=record.key.name,
                                node=name,
                                cpu_millis=use.cpu_millis,
                                memory_bytes=use.memory_bytes,
                                net_rx_bytes=use.net_rx_bytes,
                                net_tx_bytes=use.net_tx_bytes,
                                disk_bytes=use.disk_bytes,
                            )
                        )
        return Usage(nodes=nodes, tasks=tasks)
