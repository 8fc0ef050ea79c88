"""Lost nodes: since when, whether too many vanished together to move anything, and what that means for a task.

`losses` and `outlook` decide and are pure; `NodeLosses` keeps the present state over the cache. The scheduler asks it
which tasks are to be placed again, the API what to tell of those that wait.
"""

from controlplane.nodeloss.announcing import LossAnnouncer
from controlplane.nodeloss.losses import PERIOD, Loss, Losses, MassLoss, Sighting, observe
from controlplane.nodeloss.outlook import Outlook, gone_for_good, outlook
from controlplane.nodeloss.tracker import NodeLosses

__all__ = [
    "PERIOD",
    "Loss",
    "LossAnnouncer",
    "Losses",
    "MassLoss",
    "NodeLosses",
    "Outlook",
    "Sighting",
    "gone_for_good",
    "observe",
    "outlook",
]
