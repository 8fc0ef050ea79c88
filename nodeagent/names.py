"""How a task's containers are named and labelled, and how they are told from everybody else's.

Pure. A container counts as ours only when its labels carry our cluster and node and its name is the one that the
labels lead to: a container that merely imitates some of them is foreign and is never touched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

_PREFIX = "taskyard/"
CLUSTER = _PREFIX + "cluster"
NODE = _PREFIX + "node"
UID = _PREFIX + "uid"
EPOCH = _PREFIX + "epoch"
ATTEMPT = _PREFIX + "attempt"
SPEC_HASH = _PREFIX + "spec-hash"
TASK = _PREFIX + "task"

DEVICES = _PREFIX + "devices"
STEP = _PREFIX + "step"
CONTAINER = _PREFIX + "container"
"""The name of an init task or sidecar."""
NETWORK = 99
"""The step that is the container which holds the network of a task with sidecars."""
MAIN = 100
"""The step that is the task itself: after all of its init tasks, which count from 1. Sidecars count on from here."""
PRE_STOP = _PREFIX + "pre-stop"
STOP_DELAY = _PREFIX + "stop-delay"
GROUP = _PREFIX + "group"
NOT_ON_ALL = (DEVICES, STEP, CONTAINER, PRE_STOP, STOP_DELAY, GROUP)
"""Empty where a container has no use for them, never missing: a runtime fills in what the image has under that name."""

_UID = re.compile(r"[0-9a-f]{12}", re.ASCII)
_COUNT = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Owner:
    """The agent whose containers are meant: several may share one runtime."""

    cluster: str
    node: str

    @property
    def labels(self) -> dict[str, str]:
        return {CLUSTER: self.cluster, NODE: self.node}


class Run(msgspec.Struct, frozen=True, order=True, gc=False):
    """One attempt at one epoch of one task, or one of the containers beside it; newer ones sort last."""

    uid: str
    epoch: int
    attempt: int
    step: int = MAIN

    @property
    def container_name(self) -> str:
        name = f"ty-{self.uid}-{self.epoch}-{self.attempt}"
        if self.step == MAIN:
            return name
        if self.step == NETWORK:
            return f"{name}-net"
        return f"{name}-init{self.step}" if self.step < MAIN else f"{name}-side{self.step - MAIN}"


def group_labels(owner: Owner, namespace: str, group: str) -> dict[str, str]:
    """Name the network that a group's tasks share on this node: several agents may share one runtime. Empty without a
    group."""
    if not group:
        return {}
    digest = hashlib.sha256(f"{owner.cluster}/{owner.node}".encode()).hexdigest()[:8]
    return {GROUP: f"ty-{digest}-{namespace}-{group}"}


def run_of(owner: Owner, name: str, labels: Mapping[str, str]) -> Run | None:
    """Which run of ours this container is; None when it is not one."""
    if labels.get(CLUSTER) != owner.cluster or labels.get(NODE) != owner.node:
        return None
    uid, epoch, attempt = labels.get(UID, ""), labels.get(EPOCH, ""), labels.get(ATTEMPT, "")
    if not (_UID.fullmatch(uid) and _COUNT.fullmatch(epoch) and _COUNT.fullmatch(attempt)):
        return None
    step = labels.get(STEP) or str(MAIN)
    if not _COUNT.fullmatch(step):
        return None
    run = Run(uid, int(epoch), int(attempt), int(step))
    return run if name == run.container_name else None


def uid_of(owner: Owner, labels: Mapping[str, str]) -> str:
    """The task that an event about a container with these labels concerns; empty when it is not ours."""
    if labels.get(CLUSTER) != owner.cluster or labels.get(NODE) != owner.node:
        return ""
    return labels.get(UID, "")
