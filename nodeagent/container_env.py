"""The environment of an attempt's container: the user's variables, those from the task's own fields, and ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent.names import Owner, Run
from taskyard.objects import JOB_LABELS, Assignment, Port, TaskSpec

PORT_FIELD = "ports."
_JOB_ENV = {
    "job.name": "TASKYARD_JOB",
    "job.index": "TASKYARD_JOB_INDEX",
    "job.attempt": "TASKYARD_JOB_ATTEMPT",
    "job.completions": "TASKYARD_JOB_COMPLETIONS",
}

Assigned = Mapping[tuple[int, str], int]
"""Host ports that were chosen before the container is created, by container port and protocol."""


def environment(
    assignment: Assignment, run: Run, owner: Owner, assigned: Assigned, values: Mapping[str, str]
) -> dict[str, str]:
    """`values`: of Secrets and Configs, by variable. Ours are stronger than the user's; the epoch fences."""
    spec, own = assignment.spec, own_fields(assignment, run, owner)
    ports = {f"{PORT_FIELD}{port.name}": str(_host_port(port, assigned)) for port in spec.ports if port.name}
    from_fields = {name: (own | ports).get(source.field, "") for name, source in spec.env_from.items() if source.field}
    ours = {} if not assignment.result_of else {_JOB_ENV[name]: value for name, value in job_fields(assignment).items()}
    return (
        spec.env
        | from_fields
        | dict(values)
        | {
            "TASKYARD_NODE": owner.node,
            "TASKYARD_TASK": f"{assignment.namespace}/{assignment.name}",
            "TASKYARD_UID": run.uid,
            "TASKYARD_EPOCH": str(run.epoch),
            "TASKYARD_ATTEMPT": str(run.attempt),
        }
        | ours
    )


def own_fields(assignment: Assignment, run: Run, owner: Owner) -> dict[str, str]:
    """What `envFrom: {NAME: {field: …}}` can name, but for ports."""
    return {
        "name": assignment.name,
        "namespace": assignment.namespace,
        "uid": run.uid,
        "node": owner.node,
        "epoch": str(run.epoch),
        "attempt": str(run.attempt),
        **job_fields(assignment),
    }


def job_fields(assignment: Assignment) -> dict[str, str]:
    """Of a job's task, as the job controller has labelled it; nothing of any other."""
    return {name: assignment.labels[label] for name, label in JOB_LABELS.items() if label in assignment.labels}


def ports_to_choose(spec: TaskSpec) -> tuple[Port, ...]:
    """Those with an automatic host port that the environment speaks of: they must be known before the container is."""
    told = {source.field.removeprefix(PORT_FIELD) for source in spec.env_from.values()}
    return tuple(port for port in spec.ports if port.host == "auto" and port.name and port.name in told)


def _host_port(port: Port, assigned: Assigned) -> int | str:
    chosen = assigned.get((port.container, port.protocol), port.host)
    return chosen if isinstance(chosen, int) else ""
