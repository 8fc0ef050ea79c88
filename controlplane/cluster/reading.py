"""Entries into records: each checks that the value is valid and is about the thing that its key names.

Raises ValueError (BadValue and ManifestError are ones) with a sentence for whoever wrote the value. Pure.
"""

from __future__ import annotations

import re

from controlplane.cluster.known_specs import KnownSpecs
from controlplane.cluster.records import (
    AssignmentRecord,
    MoveRecord,
    ObjectRecord,
    ResultRecord,
    RolloutRecord,
    RunRecord,
    StatusRecord,
    TaskRecord,
    TicksRecord,
)
from taskyard.clock import parse_timestamp
from taskyard.indexes import Indexes
from taskyard.keys import NamedKey, NodeKey, ObjectKey
from taskyard.manifest import read_value
from taskyard.objects import (
    LONGEST_LEASE,
    BadValue,
    CronRun,
    JobRun,
    Metadata,
    Move,
    NodeLease,
    NodeSpec,
    Result,
    Rollout,
    TaskStatus,
    decode,
)
from taskyard.store.api import Entry

_INDEX = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)
MOST_COMPLETIONS = 100_000
"""As schemas/job.json has it."""
_UID = re.compile(r"[0-9a-f]{12}", re.ASCII)


def read_record(entry: Entry, key: ObjectKey, specs: KnownSpecs) -> TaskRecord | ObjectRecord:
    if key.kind != "Task":
        value = read_value(entry.value, key)
        _check_metadata(value.metadata)
        return ObjectRecord(value, entry)
    return read_task(entry, key, specs)


def read_task(entry: Entry, key: ObjectKey, specs: KnownSpecs) -> TaskRecord:
    task, demand, spec_hash = specs.task(entry.value, key)
    _check_metadata(task.metadata)
    return TaskRecord(NamedKey(task.metadata.namespace, task.metadata.name), task, entry, demand, spec_hash)


def _check_metadata(metadata: Metadata) -> None:
    """What the server fills in, which a schema for what people write does not look at closely."""
    if metadata.uid and not _UID.fullmatch(metadata.uid):
        raise BadValue(f"metadata.uid: {metadata.uid!r} is not 12 lower-case hex digits; leave it out and one is made")
    if metadata.created_at:
        try:
            parse_timestamp(metadata.created_at)
        except ValueError as error:
            raise BadValue(f"metadata.createdAt: {error}; leave it out and it is filled in") from error


def read_rollout(entry: Entry, _key: NamedKey) -> RolloutRecord:
    rollout = decode(entry.value, Rollout)
    numbers = [each.number for each in rollout.revisions]
    if rollout.target not in numbers or (rollout.stable and rollout.stable not in numbers):
        raise BadValue(f"target {rollout.target} and stable {rollout.stable} have to be among the revisions {numbers}")
    return RolloutRecord(rollout, entry)


def read_run(entry: Entry, _key: NamedKey) -> RunRecord:
    run = decode(entry.value, JobRun)
    for text in (run.succeeded, run.failed, run.unknown):
        Indexes.parse(text)
    for index, again in run.again.items():
        if not _INDEX.fullmatch(index) or not again.at:
            raise BadValue(f"again: {index!r} has to be one index, with a moment")
    if not 0 <= run.next <= MOST_COMPLETIONS:
        raise BadValue(f"next: {run.next} is not from 0 to {MOST_COMPLETIONS}")
    if run.phase.finished and not run.finished_at:
        raise BadValue(f"finishedAt is missing, where the phase is {run.phase}")
    for moment in (run.started_at, run.finished_at, *(each.at for each in run.again.values())):
        if moment:
            parse_timestamp(moment)
    return RunRecord(run, entry)


def read_ticks(entry: Entry, _key: NamedKey) -> TicksRecord:
    run = decode(entry.value, CronRun)
    if run.last:
        parse_timestamp(run.last)
    return TicksRecord(run, entry)


def read_result(entry: Entry, uid: str) -> ResultRecord:
    result = decode(entry.value, Result)
    if result.uid != uid:
        raise BadValue(f"uid says {result.uid!r}, the key says {uid!r}: they have to agree")
    return ResultRecord(result, entry)


def read_assignment(entry: Entry, key: NodeKey, specs: KnownSpecs) -> AssignmentRecord:
    assignment, demand = specs.assignment(entry.value)
    _same_uid(assignment.uid, key)
    return AssignmentRecord(key.node, assignment, entry, demand)


def read_status(entry: Entry, key: NodeKey) -> StatusRecord:
    status = decode(entry.value, TaskStatus)
    _same_uid(status.uid, key)
    return StatusRecord(key.node, status, entry)


def read_move(entry: Entry, _key: NamedKey) -> MoveRecord:
    return MoveRecord(decode(entry.value, Move), entry)


def read_node_spec(entry: Entry, key: NodeKey) -> NodeSpec:
    spec = decode(entry.value, NodeSpec)
    if spec.metadata.name != key.node:
        raise BadValue(f"metadata.name says {spec.metadata.name}, the key says {key.node}: they have to agree")
    return spec


def read_lease(entry: Entry, _key: NodeKey) -> NodeLease:
    lease = decode(entry.value, NodeLease)
    if not 0 < lease.ttl <= LONGEST_LEASE:
        # The longest of all leases says how long it takes until a loss of many nodes at once shows.
        raise BadValue(f"ttl: {lease.ttl:g} is not more than 0 and at most {LONGEST_LEASE:g} seconds")
    return lease


def _same_uid(uid: str, key: NodeKey) -> None:
    if uid != key.uid:
        raise BadValue(f"uid says {uid!r}, the key says {key.uid!r}: they have to agree")
