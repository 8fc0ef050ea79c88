"""All about one object, as text for a person: what `describe` prints. Pure; `now` is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from taskyard.cli.age import age, cores, share, size, until
from taskyard.cli.rows import node_status, pairs, taints
from taskyard.cli.table import Table, painted, state_colour
from taskyard.client.views import (
    ConditionView,
    EventView,
    MetadataView,
    NodeView,
    ObjectView,
    PortView,
    SidecarView,
    TaskView,
)

_LABEL_WIDTH = 14
_INDENT = 2
_MOST_EVENTS = 40
"""Of a job with thousands of tasks the newest are told."""
_MARKS = {"Warning": "!"}
_NARROWEST = 30
"""Columns that a message gets in any case."""


def task_story(
    task: TaskView,
    spec_yaml: str,
    events: Sequence[EventView],
    now: float,
    *,
    node_host: str = "",
    width: int = 100,
    colour: bool = False,
) -> list[str]:
    """`spec_yaml`: the spec as the server has it. `node_host`: where ports are reached that name no address."""
    status = task.status
    waits = status.next_attempt_at
    lines = [
        *_identity(task.metadata, now),
        *_fact("State", painted(status.state, state_colour(status.state), colour)),
        *_fact("Reason", status.reason),
        *_message("Why" if status.state == "Pending" else "Message", status.message),
        *_fact("Health", status.health),
        *_fact("Node", status.node),
    ]
    if status.epoch:
        lines += _fact("Epoch", f"{status.epoch} (attempt {status.attempt}, {_times(status.restarts, 'restart')})")
    lines += [
        *_fact("Container", status.container_id[:12]),
        *_fact("Image digest", status.image_digest),
        *_fact("Started", _when(status.started_at, now)),
        *_fact("Finished", _when(status.finished_at, now)),
        *_fact("Exit code", "" if status.exit_code is None else str(status.exit_code)),
        *_fact("Next attempt", f"{status.next_attempt_at} (in {until(status.next_attempt_at, now)})" if waits else ""),
    ]
    if last := status.last_exit:
        code = "no exit code" if last.exit_code is None else f"exit code {last.exit_code}"
        why = f", {last.reason}" if last.reason else ""
        lines += _fact("Last exit", f"attempt {last.attempt}: {code}{why}, {age(last.finished_at, now)} ago")
    if status.sidecars:
        lines += _block("Sidecars", [_sidecar(one) for one in status.sidecars])
    if shown := status.ports or task.spec.ports:
        lines += _block("Ports", [_port(one, node_host) for one in shown])
    lines += ["Spec:", *(f"  {line}" for line in spec_yaml.rstrip("\n").splitlines())]
    return lines + event_lines(events, task.metadata.name, now, width=width, colour=colour)


def object_story(
    found: ObjectView,
    parts: Mapping[str, str],
    events: Sequence[EventView],
    now: float,
    *,
    namespaced: bool = True,
    width: int = 100,
    colour: bool = False,
) -> list[str]:
    """`parts`: spec and status as YAML, where there are any. `namespaced`: whether it is in a namespace."""
    lines = _identity(found.metadata, now, namespaced=namespaced)
    for name, text in parts.items():
        lines += [f"{name.capitalize()}:", *(f"  {line}" for line in text.rstrip("\n").splitlines())]
    return lines + event_lines(events, found.metadata.name, now, width=width, colour=colour)


def _sidecar(one: SidecarView) -> str:
    restarted = f", {_times(one.restarts, 'restart')}" if one.restarts else ""
    return f"{one.name}: {one.state}{restarted}" + (f"; {one.message}" if one.message else "")


def _identity(metadata: MetadataView, now: float, *, namespaced: bool = True) -> list[str]:
    owner = metadata.owner
    return [
        *_fact("Name", metadata.name),
        *_fact("Namespace", metadata.namespace if namespaced else ""),
        *_fact("Labels", pairs(metadata.labels)),
        *_fact("Annotations", pairs(metadata.annotations)),
        *_fact("UID", metadata.uid),
        *_fact("Created", _when(metadata.created_at, now)),
        *_fact("Declared by", metadata.source),
        *_fact("Made for", f"{owner.kind.lower()}/{owner.name}" if owner else ""),
        *_fact("Deleted", _when(metadata.deletion_timestamp, now)),
    ]


def node_story(
    node: NodeView,
    tasks: Sequence[TaskView],
    events: Sequence[EventView],
    now: float,
    *,
    width: int = 100,
    colour: bool,
) -> list[str]:
    status = node.status
    state = node_status(node)
    have, taken = status.capacity, status.allocated
    lines = [
        *_fact("Name", node.metadata.name),
        *_fact("Status", painted(state, state_colour(state), colour)),
        *_message("Message", status.message or status.reason),
        *_fact("Address", status.address),
        *_fact("Runtime", status.runtime),
        *_fact("Version", status.version),
        *_fact("Registered", _when(status.registered_at, now)),
        *_fact("Taints", taints(node)),
        *_block("Conditions", _conditions(status.conditions, now)),
        *_block("Labels", [f"{key}={value}" for key, value in sorted(status.labels.items())]),
    ]
    amounts = [
        ["cpu", cores(have.cpu_millis), cores(taken.cpu_millis), share(taken.cpu_millis, have.cpu_millis)],
        ["memory", size(have.memory_bytes), size(taken.memory_bytes), share(taken.memory_bytes, have.memory_bytes)],
        ["disk", size(have.disk_bytes), size(taken.disk_bytes), share(taken.disk_bytes, have.disk_bytes)],
    ]
    lines += _block("Room", Table(["", "CAPACITY", "SET ASIDE", "SHARE"], colour=False).lines(amounts))
    rows = [[t.metadata.namespace, t.metadata.name, t.status.state, str(t.status.restarts)] for t in tasks]
    lines += _block(
        "Tasks", Table(["NAMESPACE", "NAME", "STATE", "RESTARTS"], colour=colour).lines(rows) if rows else []
    )
    return lines + event_lines(events, node.metadata.name, now, width=width, colour=colour)


def _conditions(conditions: Sequence[ConditionView], now: float) -> list[str]:
    rows = [[each.type, age(each.since, now), each.message] for each in conditions]
    return Table(["TYPE", "FOR", "MESSAGE"], colour=False).lines(rows) if rows else []


def event_lines(events: Sequence[EventView], name: str, now: float, *, width: int, colour: bool) -> list[str]:
    """The timeline, oldest first, within `width` columns, warnings marked by `!`. `name`: whose it is; what is about
    others says about what."""
    if not events:
        return _fact("Events", "none in the last hour")
    told = sorted(events, key=lambda event: event.last_seen)
    kept, earlier = told[-_MOST_EVENTS:], len(told[:-_MOST_EVENTS])
    titles = ["AGO", "", "REASON"]
    rows = [[age(event.last_seen, now), _MARKS.get(event.type, " "), event.reason] for event in kept]
    if any(event.about.name != name for event in kept):
        titles.append("OBJECT")
        rows = [[*row, f"{e.about.kind.lower()}/{e.about.name}"] for row, e in zip(rows, kept, strict=True)]
    table = Table([*titles, "MESSAGE"], colour=colour)
    room = width - _INDENT - table.room_before_last([[*row, ""] for row in rows])
    wrapped: list[list[str]] = []
    for row, event in zip(rows, kept, strict=True):
        first, *rest = wrap(_counted(event, now), max(room, _NARROWEST)) or ["-"]
        wrapped += [[*row, first], *([*[" "] * len(row), line] for line in rest)]
    note = [f"and {earlier} earlier ones: taskyard events tells all"] if earlier else []
    return _block("Events", [*note, *table.lines(wrapped)])


def _counted(event: EventView, now: float) -> str:
    """Of what happened again and again how often, and since when."""
    again = f" (x{event.count} over {age(event.first_seen, now)})" if event.count > 1 else ""
    return event.message + again


def _port(one: PortView, node_host: str) -> str:
    """`http: 10.0.0.5:32768 -> 80/tcp`"""
    name = f"{one.name}: " if one.name else ""
    inner = f"{one.container}/{one.protocol}"
    if not isinstance(one.host, int):
        return f"{name}{inner}" + (" (published once it runs)" if one.host else " (not published)")
    host = one.address if one.address not in ("", "0.0.0.0", "::") else node_host
    return f"{name}{host + ':' if host else 'port '}{one.host} -> {inner}"


def _fact(label: str, text: str) -> list[str]:
    """Nothing for what is empty: a description is read, not searched."""
    return [f"{label + ':':<{_LABEL_WIDTH}}{text}"] if text else []


def _message(label: str, text: str) -> list[str]:
    """On the label's line when it is one line, below it otherwise (one line for each node)."""
    lines = [line for line in text.splitlines() if line.strip()]
    return _fact(label, lines[0]) if len(lines) == 1 else _block(label, lines)


def _block(label: str, lines: Iterable[str]) -> list[str]:
    indented = [f"  {line}" for line in lines]
    return [f"{label}:", *indented] if indented else []


def _when(moment: str, now: float) -> str:
    return f"{moment} ({age(moment, now)} ago)" if moment else ""


def _times(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
