"""What JSON Schema cannot state: duplicates, amounts (in amounts), sizes. One table, run on every manifest.

Each rule is handed whole manifests, right or wrong in other ways, and must not stumble over them. Used by check to
accept and by explain to report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from taskyard.kinds import BY_KIND
from taskyard.manifest.amounts import (
    broken_backoff,
    broken_grace_period,
    broken_health_check_times,
    broken_limits,
    broken_log_size,
    broken_node_loss_delay,
    broken_quota,
    broken_resources,
    broken_shm_size,
    broken_sidecar_resources,
    broken_task_limits,
    broken_tmpfs_sizes,
    broken_ttl,
    broken_update_times,
    broken_windows,
)
from taskyard.manifest.check_rules import broken_checks, broken_hooks, broken_sidecar_checks
from taskyard.manifest.constraints import broken_constraints, broken_tolerations
from taskyard.manifest.container_rules import (
    broken_addresses,
    broken_capabilities,
    broken_container_names,
    broken_env_sources,
    broken_network,
    broken_port_addresses,
    broken_pull_secret,
    broken_relocation,
    broken_ulimits,
)
from taskyard.manifest.cron_rules import broken_schedule
from taskyard.manifest.default_rules import broken_defaults
from taskyard.manifest.dependency_rules import broken_dependencies
from taskyard.manifest.job_rules import broken_job, broken_job_name, broken_once
from taskyard.manifest.metric_rules import broken_metrics, broken_targets
from taskyard.manifest.problem import Path, path_text, shown
from taskyard.manifest.rule_parts import Broken, items, part

LONGEST_OWNER = 57
"""Characters of the name of what makes tasks: a dash and up to five digits follow."""
LARGEST_SPEC = 512 * 1024
"""etcd takes 1.5 MiB in one request, and a binding writes the spec twice: in the task and in the assignment."""

_encode = msgspec.json.Encoder().encode

Rule = Callable[[dict[str, Any]], Iterator[Broken]]


def broken_rules(manifest: dict[str, Any]) -> Iterator[Broken]:
    """Everything the table finds in one manifest of a known kind."""
    spec, kind = manifest.get("spec"), manifest.get("kind")
    if isinstance(spec, dict):
        for field, rule in _RULES.get(str(kind), ()):
            if not field or field in spec:
                yield from rule(spec)
    if kind == "Service":
        yield from _service_name(manifest)
    if kind in ("Job", "Cron"):
        yield from broken_job_name(manifest)
    names = BY_KIND.get(str(kind))
    if names is not None and not names.namespaced:
        yield from _without_namespace(manifest, names.singular)


def _twice(found: Iterable[tuple[Path, object, str]], hint: str) -> Iterator[Broken]:
    """Of (path, key, what) the later ones whose key was there before."""
    first: dict[object, Path] = {}
    for path, key, what in found:
        if key in first:
            yield Broken(path, f"{what} is given twice, first in {path_text(first[key][:-1])}", hint)
        else:
            first[key] = path


def _protocol(port: dict[str, Any]) -> str:
    protocol = port.get("protocol", "tcp")
    return protocol if isinstance(protocol, str) else "tcp"


def _is_port(value: object) -> bool:
    return type(value) is int and 1 <= value <= 65535


def _host_ports(spec: dict[str, Any]) -> Iterator[Broken]:
    found = (
        (
            ("spec", "ports", at, "host"),
            (port["host"], _protocol(port), str(port.get("address") or "")),
            f"host port {port['host']}/{_protocol(port)}",
        )
        for at, port in items(spec, "ports")
        if _is_port(port.get("host"))
    )
    yield from _twice(found, "give each its own host port, or write host: auto")


def _container_ports(spec: dict[str, Any]) -> Iterator[Broken]:
    found = (
        (
            ("spec", "ports", at, "container"),
            (port["container"], _protocol(port)),
            f"container port {port['container']}/{_protocol(port)}",
        )
        for at, port in items(spec, "ports")
        if _is_port(port.get("container"))
    )
    yield from _twice(found, "list each container port once")


def _port_names(spec: dict[str, Any]) -> Iterator[Broken]:
    found = (
        (("spec", "ports", at, "name"), port["name"], f"the port name {shown(port['name'])}")
        for at, port in items(spec, "ports")
        if isinstance(port.get("name"), str) and port["name"]
    )
    yield from _twice(found, "give each port its own name")


def _volume_targets(spec: dict[str, Any]) -> Iterator[Broken]:
    volumes = [(at, item) for at, item in items(spec, "volumes") if isinstance(item.get("target"), str)]
    for at, volume in volumes:
        if ".." in volume["target"].split("/") or "." in volume["target"].split("/"):
            message = f"the target {shown(volume['target'])} holds '.' or '..'"
            yield Broken(("spec", "volumes", at, "target"), message, "write the path without them")
    found = (
        (
            ("spec", "volumes", at, "target"),
            "/".join(step for step in volume["target"].split("/") if step),
            f"the target {shown(volume['target'])}",
        )
        for at, volume in volumes
    )
    yield from _twice(found, "mount one volume at each target")


def _exit_codes(spec: dict[str, Any]) -> Iterator[Broken]:
    codes = part(spec, "restart", "exitCodes")
    never = codes.get("never")
    always = codes.get("always")
    for at, code in enumerate(always if isinstance(always, list) else ()):
        if isinstance(never, list) and code in never:
            path = ("spec", "restart", "exitCodes", "always", at)
            yield Broken(path, f"{shown(code)} is in never as well", "keep it in one of the two")


def _program(spec: dict[str, Any]) -> Iterator[Broken]:
    command = spec.get("command")
    if isinstance(command, list) and command and command[0] == "":
        yield Broken(("spec", "command", 0), "the program's name is empty", "write the program to run")


def _health_check_program(spec: dict[str, Any]) -> Iterator[Broken]:
    for broken in _program(part(spec, "healthCheck")):
        yield broken._replace(path=("spec", "healthCheck", "command", 0))


def _spec_size(spec: dict[str, Any]) -> Iterator[Broken]:
    try:
        size = len(_encode(spec))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return  # Not JSON at all: the schema says so.
    if size > LARGEST_SPEC:
        message = f"the spec has {size} bytes; etcd's requests have room for {LARGEST_SPEC}"
        yield Broken(("spec",), message, "move large data into the image or a volume")


def _run_once(spec: dict[str, Any]) -> Iterator[Broken]:
    if spec["runOnce"] is True and part(spec, "restart").get("policy", "always") != "never":
        yield Broken(("spec", "runOnce"), "a task that runs once is not restarted", "add restart: {policy: never}")
    if spec["runOnce"] is True:
        yield from broken_once(spec, ("spec",), "a task that runs once is never started again")


def _taints(spec: dict[str, Any]) -> Iterator[Broken]:
    found = (
        (("spec", "taints", at, "key"), (taint["key"], str(taint.get("effect"))), f"the taint {shown(taint['key'])}")
        for at, taint in items(spec, "taints")
        if isinstance(taint.get("key"), str)
    )
    yield from _twice(found, "list each key and effect once")


def _drain(spec: dict[str, Any]) -> Iterator[Broken]:
    drain = part(spec, "drain")
    if drain.get("force") is True and not drain.get("deadline"):
        message = "force says what happens at the deadline, and there is none"
        yield Broken(("spec", "drain", "force"), message, "add deadline: when what is left is stopped")


def _without_namespace(manifest: dict[str, Any], what: str) -> Iterator[Broken]:
    if "namespace" in part(manifest, "metadata") and manifest["metadata"]["namespace"] != "default":
        yield Broken(("metadata", "namespace"), f"a {what} belongs to no namespace", "remove the line")


_TASK_RULES: tuple[tuple[str, Rule], ...] = (
    ("ports", _host_ports),
    ("ports", _container_ports),
    ("ports", _port_names),
    ("ports", broken_port_addresses),
    ("volumes", _volume_targets),
    ("volumes", broken_tmpfs_sizes),
    ("resources", broken_resources),
    ("constraints", broken_constraints),
    ("tolerations", broken_tolerations),
    ("restart", broken_backoff),
    ("restart", _exit_codes),
    ("runOnce", _run_once),
    ("dependsOn", broken_dependencies),
    ("stop", broken_grace_period),
    ("onNodeLoss", broken_node_loss_delay),
    ("ttlAfterFinish", broken_ttl),
    ("healthCheck", broken_health_check_times),
    ("envFrom", broken_env_sources),
    ("pullSecret", broken_pull_secret),
    ("restart", broken_relocation),
    ("", broken_container_names),
    ("process", broken_shm_size),
    ("process", broken_ulimits),
    ("network", broken_addresses),
    ("network", broken_network),
    ("security", broken_capabilities),
    ("limits", broken_limits),
    ("sidecars", broken_sidecar_resources),
    ("sidecars", broken_sidecar_checks),
    ("logs", broken_log_size),
    ("checks", broken_checks),
    ("metrics", broken_metrics),
    ("hooks", broken_hooks),
    ("command", _program),
    ("healthCheck", _health_check_program),
    ("", _spec_size),
)
"""Each with the field of the spec that it is about: without that field it is not run."""


def _job_template(spec: dict[str, Any]) -> Iterator[Broken]:
    """What is wrong with a template's spec, which is a job's."""
    job = part(spec, "template", "spec")
    for field, rule in _JOB_RULES:
        if not field or field in job:
            for broken in rule(job):
                yield broken._replace(path=("spec", "template", *broken.path))


def _template(spec: dict[str, Any]) -> Iterator[Broken]:
    """What is wrong with a template's spec, which is a task's."""
    task = part(spec, "template", "spec")
    for field, rule in _TASK_RULES:
        if not field or field in task:
            for broken in rule(task):
                yield broken._replace(path=("spec", "template", *broken.path))
    if "ttlAfterFinish" in task:
        message = "a task that was made for another object goes when that says so"
        path = ("spec", "template", "spec", "ttlAfterFinish")
        yield Broken(path, message, "remove the line; a job has ttlAfterFinish and keepTasks beside its template")


def _update(spec: dict[str, Any]) -> Iterator[Broken]:
    update = part(spec, "update")
    surge, unavailable = update.get("maxSurge"), update.get("maxUnavailable")
    starts_first = update.get("order") == "start-first"
    if spec.get("mode") == "per-node" and (starts_first or surge):
        field = "order" if starts_first else "maxSurge"
        message = "with mode: per-node there is one task on each node, so none can start before another has stopped"
        yield Broken(("spec", "update", field), message, "write order: stop-first, and no maxSurge")
    surges = surge != 0 if starts_first else bool(surge)
    misses = bool(unavailable) if starts_first else unavailable != 0
    if not surges and not misses:
        field = "maxUnavailable" if "maxUnavailable" in update else "maxSurge"
        message = "with neither a task beyond the replicas nor one missing, nothing can be updated"
        yield Broken(("spec", "update", field), message, "let one of maxSurge and maxUnavailable be at least 1")
    canary = part(update, "canary")
    if "tasks" in canary and "percent" in canary:
        message = "tasks and percent both say how many canaries there are"
        yield Broken(("spec", "update", "canary", "percent"), message, "write only one of them")


def _autoscale(spec: dict[str, Any]) -> Iterator[Broken]:
    """Bounds the wrong way round, nothing to go by, and percents of nothing."""
    autoscale = part(spec, "autoscale")
    place, resources = ("spec", "autoscale"), part(spec, "template", "spec", "resources")
    least, most = autoscale.get("min", 1), autoscale.get("max")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Broken(
            (*place, "max"), f"max ({most}) is less than min ({least})", "write a max that is not less than min"
        )
    if not {"cpu", "memory"} & autoscale.keys() and not autoscale.get("metrics"):
        message = "it says nothing to go by"
        hint = "add cpu: 60, for so many percent of resources.cpu, memory: 80, or metrics: [{name: ..., target: ...}]"
        yield Broken(place, message, hint)
    for name in ("cpu", "memory"):
        if name in autoscale and name not in resources:
            message = f"percent of nothing: the template sets no {name} aside"
            yield Broken((*place, name), message, f"add resources: {{{name}: ...}} to spec.template.spec")
    yield from broken_targets(spec)
    yield from broken_windows(spec)


def _service_name(manifest: dict[str, Any]) -> Iterator[Broken]:
    name = part(manifest, "metadata").get("name")
    if isinstance(name, str) and len(name) > LONGEST_OWNER <= 63 >= len(name):
        message = f"{shown(name)} has {len(name)} characters; the tasks' names are longer by a dash and a number"
        yield Broken(("metadata", "name"), message, f"shorten it to {LONGEST_OWNER} characters")


_JOB_RULES: tuple[tuple[str, Rule], ...] = (("template", _template), ("", broken_job), ("", _spec_size))
_RULES: dict[str, tuple[tuple[str, Rule], ...]] = {
    "Task": _TASK_RULES,
    "Node": (("taints", _taints), ("drain", _drain)),
    "Namespace": (
        ("ttlAfterFinish", broken_ttl),
        ("quota", broken_quota),
        ("limits", broken_task_limits),
        ("defaults", broken_defaults),
    ),
    "Service": (
        ("template", _template),
        ("update", _update),
        ("update", broken_update_times),
        ("autoscale", _autoscale),
        ("", _spec_size),
    ),
    "Job": _JOB_RULES,
    "Cron": (("template", _job_template), ("", broken_schedule)),
    "Secret": (("", _spec_size),),
    "Config": (("", _spec_size),),
}
