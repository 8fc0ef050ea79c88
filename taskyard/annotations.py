"""Annotations that mean something: what people write on an object, and the control plane and the command line read."""

from __future__ import annotations

from collections.abc import Mapping

CHANGED_BY = "taskyard/changed-by"
CHANGE_CAUSE = "taskyard/change-cause"
RESUMED_AT = "taskyard/resumed-at"
PROMOTED_REVISION = "taskyard/promoted-revision"
"""Who changed an object, why, and, of a service, that a rollout which failed is to go on, and the number of the
revision that is to go beyond its canaries: a promotion that comes late promotes no other one."""


def but_who(annotations: Mapping[str, str]) -> dict[str, str]:
    """Without who said it: who says again what is there changes nothing."""
    return {name: value for name, value in annotations.items() if name != CHANGED_BY}


COLLECTED = "taskyard/collected"
"""Why the garbage collector has asked for its deletion; written by it alone."""

STANDS_IN_FOR = "taskyard/stands-in-for"
"""Of a task beyond the replicas of a service: the slot of the one that a drain drives off its node, and that is stopped
once this one is ready. Written by the service controller."""

OUT_OF_SERVICE = "taskyard/out-of-service"
"""Of a node: with the value "true", that it is gone for good, which counts only while it is lost."""

HTTP_HOST = "taskyard/http-host"
HTTP_PORT = "taskyard/http-port"
"""Of a service: the host names whose requests are its (with commas), and to which of its ports they go (name or number;
else the first)."""
