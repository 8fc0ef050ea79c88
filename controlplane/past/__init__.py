"""The cluster as it was at an earlier revision, how it came to be as it is, and what the scheduler decided.

Reading goes as far back as the store's history, of which the leader keeps a stated time (keeper.py).
"""

from controlplane.past.bindings import BoundThen, bound_at, bound_by, state_before
from controlplane.past.cluster import cluster_at
from controlplane.past.keeper import HistoryKeeper, Retention
from controlplane.past.marks import Marked, last_mark_before, mark_at
from controlplane.past.moments import BadMoment, Moment, earliest, moment_of, revision_at
from controlplane.past.story import Change, changes_of, events_of, lives_of, states_of

__all__ = [
    "BadMoment",
    "BoundThen",
    "Change",
    "HistoryKeeper",
    "Marked",
    "Moment",
    "Retention",
    "bound_at",
    "bound_by",
    "changes_of",
    "cluster_at",
    "earliest",
    "events_of",
    "last_mark_before",
    "lives_of",
    "mark_at",
    "moment_of",
    "revision_at",
    "state_before",
    "states_of",
]
