"""Which running container is asked for which metrics. Pure over the agent's view."""

from __future__ import annotations

from collections.abc import Iterable

from nodeagent.metrics.scraper import Target
from nodeagent.names import MAIN
from nodeagent.view import ContainerView
from taskyard.objects import Assignment


def targets_of(view: ContainerView, assigned: Iterable[Assignment]) -> dict[str, Target]:
    """By the task's uid: its newest container, if that runs and its spec has any."""
    found = {}
    for each in assigned:
        if not each.spec.metrics:
            continue
        mains = [one for one in view.of(each.uid)[0] if one.run.step == MAIN]
        if mains and mains[-1].running:
            on_host = each.spec.network.mode == "host"
            found[each.uid] = Target(mains[-1].info, each.spec.metrics, on_host)
    return found
