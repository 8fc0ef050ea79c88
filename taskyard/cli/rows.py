"""One object as one row: which columns each kind has, and what stands in them. Pure; `now` is passed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from taskyard.cli.age import age, cores, size
from taskyard.cli.kinds import Kind
from taskyard.client.service_views import AutoscaleStatusView, ServiceView
from taskyard.client.views import EventView, JobView, NodeView, ObjectView, PortView, TaskView, View
from taskyard.clock import timestamp

V = TypeVar("V", bound=View)


@dataclass(frozen=True, slots=True)
class Column(Generic[V]):
    title: str
    cell: Callable[[V, float], str]
    wide: bool = False
    """Only with `-o wide`."""


def columns(every: Sequence[Column[V]], *, wide: bool, namespaces: bool) -> list[Column[V]]:
    """Those to show; NAMESPACE only where objects of several may stand together."""
    return [c for c in every if (wide or not c.wide) and (namespaces or c.title != "NAMESPACE")]


def ready(task: TaskView) -> str:
    """`yes` while it does its work: running, and healthy when it has a health check. `-` once nothing more happens."""
    if task.status.state in ("Completed", "Failed"):
        return "-"
    return "yes" if task.status.state == "Running" and task.status.health in ("", "healthy") else "no"


def port(one: PortView) -> str:
    """`10.0.0.5:32768->80/tcp`, `32768->80/tcp`, `80/tcp`."""
    inner = f"{one.container}/{one.protocol}"
    if not one.host:
        return inner
    return f"{one.address}:{one.host}->{inner}" if one.address else f"{one.host}->{inner}"


def ports(task: TaskView) -> str:
    """Where they are reached once the container runs; until then, as asked for."""
    return ",".join(port(one) for one in task.status.ports or task.spec.ports)


def node_status(node: NodeView) -> str:
    state = "Ready" if node.status.ready else "NotReady"
    wrong = [condition.type for condition in node.status.conditions]
    said = [*(["Maintenance"] if node.spec.maintenance else []), *(["Cordoned"] if node.spec.cordoned else [])]
    return ",".join([state, *wrong, *said])


def pairs(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" if value else key for key, value in sorted(labels.items()))


def taints(node: NodeView) -> str:
    return ",".join(f"{t.key}{'=' + t.value if t.value else ''}:{t.effect}" for t in node.status.taints)


def values(named: dict[str, Any] | None) -> str:
    """The names of a secret's or a config's values."""
    return ",".join(named or ()) or "-"


def standing(found: ObjectView) -> str:
    return "Deleting" if found.metadata.deletion_timestamp else "Active"


def scaling(service: ServiceView) -> AutoscaleStatusView:
    return service.status.autoscale or AutoscaleStatusView()


def metrics(found: AutoscaleStatusView) -> str:
    """`cpu 83%/60%, queue_length 12.5/20, memory ?/80%`"""
    return ", ".join(
        f"{one.name} {_measured(one.value, one.unit)}/{_measured(one.target, one.unit)}" for one in found.metrics
    )


def _measured(value: float | None, unit: str) -> str:
    if value is None:
        return "?"
    return f"{value:.0f}{unit}" if unit else f"{value:.10g}"


def next_due(cron: ObjectView, now: float) -> str:
    """How long it is until then: `in 5h`."""
    from taskyard.schedule import BadSchedule, due_after

    spec = cron.spec or {}
    if spec.get("suspend"):
        return "-"
    try:
        due = next(due_after(str(spec.get("schedule")), str(spec.get("timeZone", "UTC")), now), None)
    except BadSchedule:
        return "-"
    return "-" if due is None else f"in {age(timestamp(2 * now - due), now)}"


def times(event: EventView, now: float) -> str:
    """`5m`, or `5m (x12 over 1h)` for what happened again and again."""
    last = age(event.last_seen, now)
    return last if event.count == 1 else f"{last} (x{event.count} over {age(event.first_seen, now)})"


def of_all(written: Callable[[int], str], part: int, whole: int) -> str:
    """What is set aside, of what there is: `250m/2`."""
    return f"{written(part)}/{written(whole)}" if whole else "-"


def memory(node: NodeView) -> str:
    return of_all(size, node.status.allocated.memory_bytes, node.status.capacity.memory_bytes)


TASK_COLUMNS: list[Column[TaskView]] = [
    Column("NAMESPACE", lambda task, _: task.metadata.namespace),
    Column("NAME", lambda task, _: task.metadata.name),
    Column("STATE", lambda task, _: task.status.state),
    Column("READY", lambda task, _: ready(task)),
    Column("NODE", lambda task, _: task.status.node),
    Column("RESTARTS", lambda task, _: str(task.status.restarts)),
    Column("AGE", lambda task, now: age(task.metadata.created_at, now)),
    Column("IMAGE", lambda task, _: task.spec.image, wide=True),
    Column("PORTS", lambda task, _: ports(task), wide=True),
    Column("EPOCH", lambda task, _: str(task.status.epoch or "-"), wide=True),
    Column("REASON", lambda task, _: reason(task), wide=True),
]
_NAMESPACE: Column[ObjectView] = Column("NAMESPACE", lambda found, _: found.metadata.namespace)
_NAME: Column[ObjectView] = Column("NAME", lambda found, _: found.metadata.name)
_AGE: Column[ObjectView] = Column("AGE", lambda found, now: age(found.metadata.created_at, now))
OBJECT_COLUMNS: dict[Kind, list[Column[ObjectView]]] = {
    Kind.SECRET: [
        _NAMESPACE,
        _NAME,
        Column("VALUES", lambda found, _: values((found.status or {}).get("sizes"))),
        _AGE,
    ],
    Kind.CRON: [
        _NAMESPACE,
        _NAME,
        Column("SCHEDULE", lambda found, _: str((found.spec or {}).get("schedule", ""))),
        Column("ZONE", lambda found, _: str((found.spec or {}).get("timeZone", "UTC"))),
        Column("SUSPENDED", lambda found, _: "yes" if (found.spec or {}).get("suspend") else "no"),
        Column("ACTIVE", lambda found, _: str(len((found.status or {}).get("active", ())))),
        Column("LAST", lambda found, now: age((found.status or {}).get("last", ""), now) or "-"),
        Column("NEXT", next_due),
        _AGE,
    ],
    Kind.CONFIG: [_NAMESPACE, _NAME, Column("VALUES", lambda found, _: values((found.spec or {}).get("data"))), _AGE],
    Kind.VOLUME: [
        _NAMESPACE,
        _NAME,
        Column("NODE", lambda found, _: str((found.spec or {}).get("node", ""))),
        Column("STATUS", lambda found, _: standing(found)),
        _AGE,
    ],
    Kind.NAMESPACE: [_NAME, Column("STATUS", lambda found, _: standing(found)), _AGE],
}
SERVICE_COLUMNS: list[Column[ServiceView]] = [
    Column("NAMESPACE", lambda service, _: service.metadata.namespace),
    Column("NAME", lambda service, _: service.metadata.name),
    Column("READY", lambda service, _: f"{service.status.ready}/{service.status.wanted}"),
    Column("UPDATED", lambda service, _: f"{service.status.updated}/{service.status.wanted}"),
    Column("REVISION", lambda service, _: str(service.status.revision or "-")),
    Column("STATUS", lambda service, _: service.status.phase),
    Column("AGE", lambda service, now: age(service.metadata.created_at, now)),
    Column("IMAGE", lambda service, _: service.spec.template.spec.image, wide=True),
    Column("MESSAGE", lambda service, _: " ".join(service.status.message.split()), wide=True),
]
AUTOSCALE_COLUMNS: list[Column[ServiceView]] = [
    Column("NAMESPACE", lambda service, _: service.metadata.namespace),
    Column("NAME", lambda service, _: service.metadata.name),
    Column("METRICS", lambda service, _: metrics(scaling(service))),
    Column("MIN", lambda service, _: str(service.spec.autoscale.min)),
    Column("MAX", lambda service, _: str(service.spec.autoscale.max)),
    Column("REPLICAS", lambda service, _: str(scaling(service).replicas)),
    Column("DECIDED", lambda service, now: age(scaling(service).decided_at, now)),
    Column("WHY", lambda service, _: scaling(service).why),
    Column("NOW", lambda service, _: f"{scaling(service).recommended}: {scaling(service).message}", wide=True),
]
JOB_COLUMNS: list[Column[JobView]] = [
    Column("NAMESPACE", lambda job, _: job.metadata.namespace),
    Column("NAME", lambda job, _: job.metadata.name),
    Column("DONE", lambda job, _: f"{job.status.succeeded}/{job.status.completions}"),
    Column("ACTIVE", lambda job, _: str(job.status.active)),
    Column("FAILED", lambda job, _: str(job.status.failures)),
    Column("STATUS", lambda job, _: job.status.phase),
    Column("AGE", lambda job, now: age(job.metadata.created_at, now)),
    Column("IMAGE", lambda job, _: job.spec.template.spec.image, wide=True),
    Column("MESSAGE", lambda job, _: " ".join(job.status.message.split()), wide=True),
]
NODE_COLUMNS: list[Column[NodeView]] = [
    Column("NAME", lambda node, _: node.metadata.name),
    Column("STATUS", lambda node, _: node_status(node)),
    Column("TASKS", lambda node, _: str(node.status.tasks)),
    Column("CPU", lambda node, _: of_all(cores, node.status.allocated.cpu_millis, node.status.capacity.cpu_millis)),
    Column(
        "MEMORY", lambda node, _: of_all(size, node.status.allocated.memory_bytes, node.status.capacity.memory_bytes)
    ),
    Column("AGE", lambda node, now: age(node.status.registered_at, now)),
    Column("ADDRESS", lambda node, _: node.status.address, wide=True),
    Column("RUNTIME", lambda node, _: node.status.runtime, wide=True),
    Column("VERSION", lambda node, _: node.status.version, wide=True),
    Column("TAINTS", lambda node, _: taints(node), wide=True),
    Column("LABELS", lambda node, _: pairs(node.status.labels), wide=True),
]
EVENT_COLUMNS: list[Column[EventView]] = [
    Column("NAMESPACE", lambda event, _: event.namespace),
    Column("LAST SEEN", times),
    Column("TYPE", lambda event, _: event.type),
    Column("REASON", lambda event, _: event.reason),
    Column("OBJECT", lambda event, _: f"{event.about.kind.lower()}/{event.about.name}"),
    Column("FROM", lambda event, _: event.component, wide=True),
    Column("MESSAGE", lambda event, _: event.message),
]


def reason(task: TaskView) -> str:
    """The reason, unless the state says it already, and the sentence that explains it, on one line."""
    word = "" if task.status.reason == task.status.state else task.status.reason
    message = " ".join(task.status.message.split())
    return f"{word}: {message}" if word and message else word or message
