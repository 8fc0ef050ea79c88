"""Reading nodes, and writing what operators say about them, without HTTP. Blocking, for worker threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from controlplane.admission import NodeApplied, NodeWriter, Refused
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import not_found, refusal, unavailable
from controlplane.api.shown.objects import ShownNode, ShownNodeStatus, show_metadata, show_node, show_node_spec
from controlplane.api.shown.selectors import Selector, matches
from controlplane.api.watching.feeds import JoinedFeed, node_feed
from controlplane.cluster import ClusterCache
from taskyard.objects import NodeSpec


@dataclass(frozen=True, slots=True)
class NodeChange:
    applied: NodeApplied
    shown: ShownNode


@dataclass(slots=True)
class NodeService:
    cache: ClusterCache
    writer: NodeWriter
    freshness: Freshness
    feed: JoinedFeed[str, ShownNode] = field(init=False)

    def __post_init__(self) -> None:
        self.feed = node_feed(self.cache)

    def get(self, name: str, *, consistent: bool = False) -> ShownNode:
        self.ready(consistent=consistent)
        with self.cache.lock:
            node = self.cache.nodes.get(name)
            if node is None:
                raise not_found(f"node {name!r}", f"known are {', '.join(sorted(self.cache.nodes)[:5]) or 'none'}")
            return show_node(self.cache, node)

    def list(self, labels: Selector = (), *, consistent: bool = False) -> tuple[list[ShownNode], int]:
        """By name, and the revision."""
        self.ready(consistent=consistent)
        self.feed.begin()
        with self.cache.lock:
            nodes = [self.feed.shown[name] for name in sorted(self.feed.shown)]
            return [node for node in nodes if matches(labels, node.status.labels)], self.cache.revision

    def apply(
        self,
        spec: NodeSpec,
        source: str = "",
        *,
        dry_run: bool = False,
        force: bool = False,
        if_match: int | None = None,
    ) -> NodeChange:
        """Creates or replaces."""
        return self.change(spec.metadata.name, lambda _: spec, source, dry_run=dry_run, force=force, if_match=if_match)

    def change(
        self,
        name: str,
        change: Callable[[NodeSpec | None], NodeSpec],
        source: str = "",
        *,
        dry_run: bool = False,
        force: bool = False,
        if_match: int | None = None,
    ) -> NodeChange:
        """`change` makes the wanted spec of the stored one; what it raises comes out."""
        outcome = self.writer.apply(name, change, source, dry_run=dry_run, take_over=force, if_match=if_match)
        if isinstance(outcome, Refused):
            raise refusal(outcome)
        self.freshness.reach(outcome.revision)
        with self.cache.lock:
            node = self.cache.nodes.get(name)
            if node is not None and outcome.revision and node.spec_revision >= outcome.revision:
                return NodeChange(outcome, show_node(self.cache, node))
            status = show_node(self.cache, node).status if node else ShownNodeStatus(ready=False, reason="NoLease")
        shown = show_node_spec(outcome.spec)
        metadata = show_metadata(outcome.spec.metadata, outcome.revision)
        return NodeChange(outcome, ShownNode(kind="Node", metadata=metadata, spec=shown, status=status))

    def forget(self, name: str, *, force: bool = False, if_match: int | None = None) -> None:
        outcome = self.writer.forget(name, take_over=force, if_match=if_match)
        if isinstance(outcome, Refused):
            raise refusal(outcome)
        self.freshness.reach(outcome)

    def ready(self, *, consistent: bool = False) -> None:
        if not self.cache.informer.synced:
            raise unavailable("this server is starting: it has not read the cluster's state from etcd yet", "Starting")
        if consistent:
            self.freshness.reach_now()
