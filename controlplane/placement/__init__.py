"""Where a task goes, and why not elsewhere: pure functions over a snapshot of the nodes.

No I/O, no clock, no order of dictionaries in any answer: the same snapshot and the same wants give the same decisions.
Used by the scheduler to decide and by the API to explain.
"""

from controlplane.placement.around import Around
from controlplane.placement.explanation import Explanation, NodeVerdict, explain, why_waiting
from controlplane.placement.filters import FILTERS, fits
from controlplane.placement.nodes import NodeFacts, NodeState, Snapshot
from controlplane.placement.pending import PendingReasons
from controlplane.placement.placing import Decision, Placer, in_order, place
from controlplane.placement.preempting import Preemption, by_node, cheapest, for_all, nearest
from controlplane.placement.refusing import Failure
from controlplane.placement.reserved import Reservation, kept_for_others, without_kept
from controlplane.placement.scores import SCORES, parts, total
from controlplane.placement.snapshots import SnapshotKeeper
from controlplane.placement.victims import Victim, names_of, victims_of
from controlplane.placement.want import Held, Want, gang_of, turn_of, want_of

__all__ = [
    "FILTERS",
    "SCORES",
    "Around",
    "Decision",
    "Explanation",
    "Failure",
    "Held",
    "NodeFacts",
    "NodeState",
    "NodeVerdict",
    "PendingReasons",
    "Placer",
    "Preemption",
    "Reservation",
    "Snapshot",
    "SnapshotKeeper",
    "Victim",
    "Want",
    "by_node",
    "cheapest",
    "explain",
    "fits",
    "for_all",
    "gang_of",
    "in_order",
    "kept_for_others",
    "names_of",
    "nearest",
    "parts",
    "place",
    "total",
    "turn_of",
    "victims_of",
    "want_of",
    "why_waiting",
    "without_kept",
]
