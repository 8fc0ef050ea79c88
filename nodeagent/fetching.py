"""How the status of a task tells that an image is being fetched for it. Pure; called by decide.py."""

from __future__ import annotations

import msgspec

from nodeagent.actions import Happening, Report
from nodeagent.runtime.port import Transferred
from nodeagent.situation import ImagePulled
from taskyard.clock import timestamp
from taskyard.objects import TaskStatus
from taskyard.quantity import format_duration

PULLING = "Pulling"
"""The reason of a task whose image is being fetched; a new agent that finds it fetches on."""
_COME = ": "


def pulling(image: str, status: TaskStatus, now: float, *, runs_on: bool) -> Report:
    """`runs_on`: the version before is still there, and stays until the image is."""
    message = f"fetching image {image}"
    return Report(
        msgspec.structs.replace(
            status,
            reason=PULLING,
            message=f"{message}; the version before it runs on" if runs_on else message,
            next_attempt_at="",
            updated_at=timestamp(now),
        ),
        Happening(PULLING, message),
    )


def pulling_on(image: str, status: TaskStatus, amount: Transferred | None, now: float) -> Report | None:
    """None when there is nothing new."""
    if amount is None:
        return None
    come = f"{_mebibytes(amount.done)} of {_mebibytes(amount.total)} MiB have come"
    message = f"{status.message.partition(_COME)[0]}{_COME}{come}"
    if message == status.message:
        return None
    happening = Happening(PULLING, f"fetching image {image}{_COME}{come}")
    return Report(msgspec.structs.replace(status, message=message, updated_at=timestamp(now)), happening)


def pulled(image: str, status: TaskStatus, outcome: ImagePulled, now: float) -> Report:
    took = format_duration(round(outcome.seconds, 1))
    return Report(
        msgspec.structs.replace(status, reason="Starting", message="", updated_at=timestamp(now)),
        Happening("Pulled", f"fetched image {image} in {took}"),
        outcome=outcome,
    )


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f}"
