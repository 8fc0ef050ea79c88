"""Whether the word that a program was killed for its memory may still be on its way, and what it changes. Pure.

Engines hear of the kernel's kill apart from the end, and the end may come first. What is over for good waits for the
word, which costs nobody anything; what runs again does not, and the reason of its last end is put right when the word
comes. Called by decide.py and sidecars.py.
"""

from __future__ import annotations

import msgspec

from nodeagent.actions import Happening, Report
from nodeagent.names import MAIN
from nodeagent.runtime.port import ContainerInfo
from nodeagent.situation import Situation
from nodeagent.wording import KILLED, described_exit
from taskyard.clock import timestamp
from taskyard.objects import Assignment, TaskStatus

MEMORY_NEWS = 0.5
"""Seconds that the word may take."""
ERROR, OOM_KILLED = "Error", "OOMKilled"


def is_limited(assignment: Assignment) -> bool:
    return bool(assignment.spec.limits.memory or assignment.spec.resources.memory)


def out_of_memory(assignment: Assignment) -> str:
    limit = assignment.spec.limits.memory or assignment.spec.resources.memory
    return "ran out of memory" + (f" (limit {limit})" if limit is not None else "")


def news_due(situation: Situation, ended: ContainerInfo, *, limited: bool) -> float:
    """Seconds until it is known whether a kill that nobody here asked for was for the memory; 0: it is known."""
    killed = ended.exit_code == KILLED and not ended.oom_killed and ended.id not in situation.signalled
    left = ended.finished_at + MEMORY_NEWS - situation.now
    # More than all of it: the wall clock was set back.
    return left if limited and killed and 0 < left <= MEMORY_NEWS else 0.0


def put_right(situation: Situation, assignment: Assignment, status: TaskStatus) -> Report | None:
    """The word has come, after it was told that the attempt before had been killed."""
    last = status.last_exit
    if last is None or last.reason != ERROR or status.state.terminal:
        return None
    run = (status.epoch, last.attempt)
    known = (one for one in situation.containers if (one.run.epoch, one.run.attempt) == run and one.run.step == MAIN)
    if not any(one.info.oom_killed for one in known):
        return None
    how = out_of_memory(assignment)
    told = msgspec.structs.replace(
        status,
        message=status.message.replace(described_exit(last.exit_code), how, 1),
        last_exit=msgspec.structs.replace(last, reason=OOM_KILLED),
        updated_at=timestamp(situation.now),
    )
    return Report(told, Happening(OOM_KILLED, f"attempt {last.attempt} {how}", warning=True))
