"""Which moves would improve a placement that was right once: pure, by the scheduler's own filters and scores.

It proposes; a move is carried out by the scheduler when the API asks it to (`controlplane.scheduler.moves`).
"""

from controlplane.rebalance.balance import Balance, balance_of
from controlplane.rebalance.movable import Movable, Pinned, movables
from controlplane.rebalance.moves import MIN_GAIN, ProposedMove, best_moves

__all__ = ["MIN_GAIN", "Balance", "Movable", "Pinned", "ProposedMove", "balance_of", "best_moves", "movables"]
