"""Move: a wish that a task leave its node for another. The scheduler grants or refuses it; then it is gone."""

from __future__ import annotations

from taskyard.objects.base import Wire


class Move(Wire, frozen=True, kw_only=True):
    """The value of `moves/<namespace>/<name>`, written by the API, or by the relocation controller. It is about one
    binding: once the task has another epoch, it means nothing any more."""

    uid: str
    epoch: int
    to: str
    requested_at: str
    avoid: list[str] = []
    """Where it kept failing, its present node the last of them; empty when somebody asked."""
