"""Waiting for services: until every task has what was declared and is ready, or the rollout has failed."""

from __future__ import annotations

from collections.abc import Sequence

from taskyard.cli.kinds import Kind
from taskyard.cli.progress import Progress
from taskyard.cli.waiting import Awaited, Verdict, complaints
from taskyard.client.api import Client
from taskyard.client.service_views import ServiceView
from taskyard.clock import Clock


def awaited_service(namespace: str, name: str) -> Awaited:
    return Awaited(namespace, name, kind=Kind.SERVICE)


def judge_rolled_out(_awaited: Awaited, service: ServiceView | None) -> Verdict:
    if service is None:
        return Verdict(True, "Deleted", "it was deleted meanwhile")
    status = service.status
    text = progress_of(service)
    if status.phase in ("Failed", "RolledBack"):
        return Verdict(True, text, f"its rollout has failed: {status.message}")
    if status.phase == "AwaitingPromotion" and service.spec.update.canary.promote_after is None:
        return Verdict(True, text)
    if status.phase == "Paused":
        return Verdict(True, text, "it is paused: taskyard rollout resume")
    if status.phase == "Complete" and status.failing and status.failing + status.ready >= status.wanted:
        return Verdict(True, text, status.message)
    done = status.updated == status.ready == status.tasks == status.wanted
    return Verdict(done and status.phase == "Complete", text)


def progress_of(service: ServiceView) -> str:
    """`Progressing: 2 of 5 updated, 4 ready; waits for task/web-2`"""
    status = service.status
    what = f"{status.phase}: {status.updated} of {status.wanted} updated, {status.ready} ready"
    return f"{what}; {status.message}" if status.message else what


def wait_for_rollouts(
    client: Client, awaited: Sequence[Awaited], *, clock: Clock, timeout: float | None, progress: Progress
) -> list[str]:
    """Why it is not as it should be, a sentence for each service; none when all is well."""
    return complaints(
        client, awaited, judge_rolled_out, clock=clock, timeout=timeout, progress=progress, late="rolled out"
    )
