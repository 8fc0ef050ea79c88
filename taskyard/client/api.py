"""The calls of the REST facade, one method each, with typed answers.

How they travel is taskyard/client/transport.py's, what is in them taskyard/client/views.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from taskyard.client.past_views import DifferencesView, PastView, UndoneView
from taskyard.client.plan_views import PlanDone, PlanView
from taskyard.client.rebalance_views import RebalanceView
from taskyard.client.replay_views import ReplayView
from taskyard.client.resources import ENDPOINTS, EVENTS, JOBS, NODES, SERVICES, TASKS, objects_of
from taskyard.client.selection import EventSelection, Selection
from taskyard.client.service_views import RevisionsView, ServiceView
from taskyard.client.transport import Query, Timeouts, Transport
from taskyard.client.views import (
    ApplyAnswer,
    EndpointsView,
    EventView,
    FileView,
    HistoryView,
    JobView,
    NodeView,
    ObjectView,
    RemovalAnswer,
    RemovalResult,
    StatsView,
    TaskView,
    VersionView,
)
from taskyard.client.watch import Change, Item, Items, Patience, V, decoded, list_once, watch
from taskyard.client.why_views import NodeWhyView, WhyView
from taskyard.kinds import BY_KIND, KindNames

if TYPE_CHECKING:
    from taskyard.client.console import Console

_MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Sent:
    """A manifest to apply, and where it was read from (`web.yaml:1`), for the server's messages."""

    source: str
    data: Any


class Named(msgspec.Struct, frozen=True):
    """An object to delete, by name or uid."""

    kind: str
    namespace: str
    name: str
    uid: str = ""


class Client:
    """One server. Inert until the first call. Every call raises the errors of taskyard/client/errors.py.

    `trace` is told of each request and each answer, in a line; `warn` why an answer may be out of date. `at`: objects
    are read as they were at that revision or RFC 3339 moment; nothing else is changed by it.
    """

    def __init__(
        self,
        url: str,
        timeouts: Timeouts | None = None,
        trace: Callable[[str], None] | None = None,
        *,
        at: str = "",
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._transport = Transport(url, timeouts, trace, warn)
        self._at = at

    @property
    def url(self) -> str:
        return self._transport.url

    def close(self) -> None:
        self._transport.close()

    def apply(
        self, documents: Sequence[Sent], *, dry_run: bool = False, force: bool = False, source: str = ""
    ) -> ApplyAnswer:
        """All of them or none. `force` takes over what another source (a watched folder) declares."""
        body = _enveloped(documents)
        query: Query = {"dryRun": dry_run, "force": force, "source": source}
        return self._ask(ApplyAnswer, "POST", "/apply", query, body).view

    def plan(
        self, documents: Sequence[Sent], *, source: str = "", prune: bool = False, force: bool = False
    ) -> Item[PlanView]:
        """What an apply of these would do; `prune` removes what the source declares no more."""
        query: Query = {"source": source, "prune": prune, "force": force}
        return self._ask(PlanView, "POST", "/plan", query, _enveloped(documents))

    def apply_plan(self, plan: bytes) -> PlanDone:
        """A plan as `plan` answered it. Raises Conflict, with all that has changed, when it is stale."""
        return self._ask(PlanDone, "POST", "/plan/apply", body=plan).view

    def tasks(self, selection: Selection | None = None) -> Items[TaskView]:
        return list_once(self._transport, TASKS, self._query(selection))

    def watch_tasks(
        self, selection: Selection | None = None, patience: Patience | None = None
    ) -> Iterator[list[Change[TaskView]]]:
        return watch(self._transport, TASKS, (selection or Selection()).query(), patience or Patience())

    def task(self, namespace: str, name: str) -> Item[TaskView]:
        """By name or by uid."""
        return self._ask(TaskView, "GET", f"/tasks/{_segment(name)}", {"namespace": namespace, "at": self._at})

    def objects(self, names: KindNames, selection: Selection | None = None) -> Items[ObjectView]:
        return list_once(self._transport, objects_of(names), self._query(selection))

    def watch_objects(
        self, names: KindNames, selection: Selection | None = None, patience: Patience | None = None
    ) -> Iterator[list[Change[ObjectView]]]:
        query = (selection or Selection()).query()
        return watch(self._transport, objects_of(names), query, patience or Patience())

    def object(self, names: KindNames, namespace: str, name: str) -> Item[ObjectView]:
        """By name or by uid."""
        path = f"/{names.plural}/{_segment(name)}"
        return self._ask(ObjectView, "GET", path, {"namespace": namespace, "at": self._at})

    def services(self, selection: Selection | None = None) -> Items[ServiceView]:
        return list_once(self._transport, SERVICES, self._query(selection))

    def watch_services(
        self, selection: Selection | None = None, patience: Patience | None = None
    ) -> Iterator[list[Change[ServiceView]]]:
        return watch(self._transport, SERVICES, (selection or Selection()).query(), patience or Patience())

    def service(self, namespace: str, name: str) -> Item[ServiceView]:
        found = self.object(BY_KIND["Service"], namespace, name)
        return Item(decoded(self.url, found.raw, ServiceView), found.raw)

    def jobs(self, selection: Selection | None = None) -> Items[JobView]:
        return list_once(self._transport, JOBS, (selection or Selection()).query())

    def watch_jobs(
        self, selection: Selection | None = None, patience: Patience | None = None
    ) -> Iterator[list[Change[JobView]]]:
        return watch(self._transport, JOBS, (selection or Selection()).query(), patience or Patience())

    def job(self, namespace: str, name: str) -> Item[JobView]:
        found = self.object(BY_KIND["Job"], namespace, name)
        return Item(decoded(self.url, found.raw, JobView), found.raw)

    def create_object(self, names: KindNames, namespace: str, manifest: Any) -> Item[ObjectView]:
        """Raises Conflict when there is one of that name."""
        body = msgspec.json.encode(manifest)
        return self._ask(ObjectView, "POST", f"/{names.plural}", {"namespace": namespace}, body)

    def dispatch(self, namespace: str, job: str, body: Any) -> Item[ObjectView]:
        path, raw = f"/jobs/{_segment(job)}/dispatch", msgspec.json.encode(body)
        return self._ask(ObjectView, "POST", path, {"namespace": namespace}, raw)

    def endpoints(self, selection: Selection | None = None) -> Items[EndpointsView]:
        """Where services are reached right now."""
        return list_once(self._transport, ENDPOINTS, (selection or Selection()).query())

    def watch_endpoints(
        self, selection: Selection | None = None, patience: Patience | None = None
    ) -> Iterator[list[Change[EndpointsView]]]:
        return watch(self._transport, ENDPOINTS, (selection or Selection()).query(), patience or Patience())

    def revisions(self, namespace: str, service: str) -> RevisionsView:
        path = f"/services/{_segment(service)}/revisions"
        return self._ask(RevisionsView, "GET", path, {"namespace": namespace}).view

    def replace_object(
        self, names: KindNames, namespace: str, name: str, manifest: Any, *, if_match: str = "", force: bool = False
    ) -> Item[ObjectView]:
        """The whole object; `if_match` is the revision that it was read at."""
        query: Query = {"namespace": namespace, "force": force}
        path = f"/{names.plural}/{_segment(name)}"
        return self._ask(ObjectView, "PUT", path, query, msgspec.json.encode(manifest), if_match=if_match)

    def patch_object(
        self, names: KindNames, namespace: str, name: str, patch: Any, *, force: bool = False
    ) -> Item[ObjectView]:
        """A JSON merge patch: what is null goes."""
        query: Query = {"namespace": namespace, "force": force}
        path = f"/{names.plural}/{_segment(name)}"
        return self._ask(ObjectView, "PATCH", path, query, msgspec.json.encode(patch), content_type=_MERGE_PATCH)

    def delete(
        self, named: Sequence[Named], *, grace_period: float | None = None, force: bool = False
    ) -> list[RemovalResult]:
        """Of each, whether it is gone, is going (a task goes once its container has stopped, an owner after all that it
        owns), or was refused."""
        query: Query = {"gracePeriod": None if grace_period is None else f"{grace_period:g}", "force": force}
        body = msgspec.json.encode({"objects": named})
        return self._ask(RemovalAnswer, "POST", "/delete", query, body).view.results

    def logs(
        self,
        namespace: str,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float | None = None,
        timestamps: bool = False,
        previous: bool = False,
        container: str = "",
    ) -> AbstractContextManager[Iterator[bytes]]:
        """What the container wrote, as it comes; `container` names one of the task's init tasks or sidecars. A log
        that is followed may be silent for as long as it likes."""
        query: Query = {
            "namespace": namespace,
            "follow": follow,
            "tail": None if tail is None else str(tail),
            "since": None if since is None else f"{since:g}",
            "timestamps": timestamps,
            "previous": previous,
            "container": container or None,
        }
        idle = None if follow else self._transport.timeouts.idle
        return self._transport.stream(f"/tasks/{_segment(name)}/logs", query=query, idle=idle)

    def read_files(self, namespace: str, name: str, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """A file or folder of the task's container as a tar stream."""
        query = {"namespace": namespace, "path": path}
        return self._transport.stream(f"/tasks/{_segment(name)}/files", query=query, idle=self._transport.timeouts.idle)

    def write_files(self, namespace: str, name: str, folder: str, archive: Iterator[bytes]) -> None:
        """Unpacks a tar stream in a folder of the task's container."""
        query = {"namespace": namespace, "path": folder}
        self._transport.request(
            "PUT", f"/tasks/{_segment(name)}/files", query=query, body=archive, content_type="application/x-tar"
        )

    def stat_file(self, namespace: str, name: str, path: str) -> FileView:
        query: Query = {"namespace": namespace, "path": path, "stat": True}
        return self._ask(FileView, "GET", f"/tasks/{_segment(name)}/files", query).view

    def inspect(self, namespace: str, name: str, *, previous: bool = False) -> bytes:
        """What the runtime says of the task's container, as JSON."""
        query: Query = {"namespace": namespace, "previous": previous}
        return self._transport.request("GET", f"/tasks/{_segment(name)}/inspect", query=query).body

    def console(self, namespace: str, name: str, route: str, opening: Any, container: str = "") -> Console:
        """A conversation: `route` is exec, attach or port, `opening` the struct of taskyard/channels.py for it,
        `container` an init task or sidecar."""
        from taskyard.client.console import open_console

        query = {"namespace": namespace} | ({"container": container} if container else {})
        path = f"/tasks/{_segment(name)}/{route}?{urlencode(query)}"
        return open_console(f"{self.url}{path}", opening, self._transport.timeouts.connect)

    def rebalance(self, max_moves: int) -> Item[RebalanceView]:
        """The moves that would improve the placement most; nothing is moved."""
        return self._ask(RebalanceView, "GET", "/rebalance", {"maxMoves": max_moves})

    def move_task(self, namespace: str, name: str, to: str, epoch: int = 0) -> None:
        """Asks for it: the scheduler does it, or says in an event why not. `epoch`: of the binding to leave."""
        body = msgspec.json.encode({"to": to, "epoch": epoch})
        self._transport.request("POST", f"/tasks/{_segment(name)}/move", query={"namespace": namespace}, body=body)

    def replay(self, start: str, end: str, policy: str = "") -> Item[ReplayView]:
        """What was decided from `start` to `end` (revisions, RFC 3339 moments, or empty), decided again."""
        return self._ask(ReplayView, "GET", "/replay", {"from": start, "to": end, "policy": policy})

    def history(self, names: KindNames, namespace: str, name: str, most: int) -> Item[PastView]:
        """Every change of one object, of which the newest `most`."""
        path = f"/{names.plural}/{_segment(name)}/history"
        return self._ask(PastView, "GET", path, {"namespace": namespace, "limit": most})

    def differences(self, start: str, end: str, namespace: str) -> DifferencesView:
        """Of what is declared, between two moments; an empty namespace is all of them, and nodes."""
        query = {"from": start, "to": end, "namespace": namespace}
        return self._ask(DifferencesView, "GET", "/differences", query).view

    def undo(
        self,
        names: KindNames,
        namespace: str,
        name: str,
        to: str,
        *,
        by: str = "",
        dry_run: bool = False,
        force: bool = False,
    ) -> UndoneView:
        """Declares the object as it was at the moment `to`, or before its last change; `by`: who does."""
        query: Query = {"namespace": namespace, "to": to, "by": by, "dryRun": dry_run, "force": force}
        return self._ask(UndoneView, "POST", f"/{names.plural}/{_segment(name)}/undo", query).view

    def nodes(self, selection: Selection | None = None) -> Items[NodeView]:
        """By label alone: nodes are in no namespace."""
        query = {"labelSelector": (selection or Selection()).labels, "at": self._at}
        return list_once(self._transport, NODES, query)

    def watch_nodes(
        self, selection: Selection | None = None, patience: Patience | None = None
    ) -> Iterator[list[Change[NodeView]]]:
        query = {"labelSelector": (selection or Selection()).labels}
        return watch(self._transport, NODES, query, patience or Patience())

    def node(self, name: str) -> Item[NodeView]:
        return self._ask(NodeView, "GET", f"/nodes/{_segment(name)}", {"at": self._at})

    def patch_node(self, name: str, patch: Any) -> Item[NodeView]:
        """A JSON merge patch of the node's spec: what is null goes."""
        path, body = f"/nodes/{_segment(name)}", msgspec.json.encode(patch)
        return self._ask(NodeView, "PATCH", path, body=body, content_type=_MERGE_PATCH)

    def delete_node(self, name: str, *, force: bool = False) -> None:
        """What was said about a node whose agent is gone; refused while it runs."""
        self._transport.request("DELETE", f"/nodes/{_segment(name)}", query={"force": force})

    def why(self, namespace: str, name: str, node: str = "") -> Item[WhyView]:
        """Why the task is where it is, or nowhere; with a `node`, what that one says."""
        return self._ask(WhyView, "GET", f"/tasks/{_segment(name)}/why", {"namespace": namespace, "node": node})

    def why_node(self, name: str) -> Item[NodeWhyView]:
        return self._ask(NodeWhyView, "GET", f"/nodes/{_segment(name)}/why")

    def events(self, selection: EventSelection) -> Items[EventView]:
        return list_once(self._transport, EVENTS, selection.query)

    def watch_events(self, selection: EventSelection, patience: Patience) -> Iterator[list[Change[EventView]]]:
        return watch(self._transport, EVENTS, selection.query, patience)

    def stats(self) -> StatsView:
        return self._ask(StatsView, "GET", "/stats").view

    def task_stats(self, namespace: str, name: str) -> HistoryView:
        """Of the last quarter of an hour."""
        return self._ask(HistoryView, "GET", f"/tasks/{_segment(name)}/stats", {"namespace": namespace}).view

    def node_stats(self, name: str) -> HistoryView:
        return self._ask(HistoryView, "GET", f"/nodes/{_segment(name)}/stats").view

    def version(self) -> VersionView:
        return self._ask(VersionView, "GET", "/version").view

    def _query(self, selection: Selection | None) -> Query:
        return {**(selection or Selection()).query(), "at": self._at}

    def _ask(
        self,
        view: type[V],
        method: str,
        path: str,
        query: Query | None = None,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        if_match: str = "",
    ) -> Item[V]:
        answer = self._transport.request(
            method, path, query=query, body=body, content_type=content_type, if_match=if_match
        )
        return Item(decoded(self.url, answer.body, view), answer.body)


def _enveloped(documents: Sequence[Sent]) -> bytes:
    return msgspec.json.encode({"documents": [{"source": each.source, "object": each.data} for each in documents]})


def _segment(name: str) -> str:
    """As one segment of a path, whatever is in it."""
    return quote(name, safe="")
