"""What the scheduler and the controllers share: a loop that only works while it leads, and commits that prove it.

Knows nothing of placement or of tasks; each of them brings its own decisions.
"""

from controlplane.leading.carrying import Step, Write, carry_out
from controlplane.leading.commits import Proposal, Results, Stale, commit_all, committing
from controlplane.leading.held import Held
from controlplane.leading.loop import SWEEP_EVERY, FencedOut, LeaderLoop
from controlplane.leading.means import Means
from controlplane.leading.owners import Look, OwnerLoop

__all__ = [
    "SWEEP_EVERY",
    "FencedOut",
    "Held",
    "LeaderLoop",
    "Look",
    "Means",
    "OwnerLoop",
    "Proposal",
    "Results",
    "Stale",
    "Step",
    "Write",
    "carry_out",
    "commit_all",
    "committing",
]
