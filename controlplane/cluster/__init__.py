"""The cluster as the control plane sees it: every task, node, assignment and status, decoded, at one revision.

Reading only: whoever writes does so with a compare-and-swap on an `Entry` found here. Used by the scheduler, the
controllers and the API; imports none of them.
"""

from controlplane.cluster.cache import ClusterCache
from controlplane.cluster.counting import awaits_counting
from controlplane.cluster.demand import Demand, demand_of
from controlplane.cluster.effective import EffectiveStatus, Waiting, view
from controlplane.cluster.records import (
    AssignmentRecord,
    CacheChange,
    ChangeKind,
    MoveRecord,
    NodeRecord,
    ObjectRecord,
    ResultRecord,
    RolloutRecord,
    RunRecord,
    StatusRecord,
    TaskRecord,
    TicksRecord,
    owner_of,
)
from controlplane.cluster.unread import unread, unread_volumes
from controlplane.cluster.usage import Usage

__all__ = [
    "AssignmentRecord",
    "CacheChange",
    "ChangeKind",
    "ClusterCache",
    "Demand",
    "EffectiveStatus",
    "MoveRecord",
    "NodeRecord",
    "ObjectRecord",
    "ResultRecord",
    "RolloutRecord",
    "RunRecord",
    "StatusRecord",
    "TaskRecord",
    "TicksRecord",
    "Usage",
    "Waiting",
    "awaits_counting",
    "demand_of",
    "owner_of",
    "unread",
    "unread_volumes",
    "view",
]
