"""Plans: what an apply would do, where everything would go, and what would not fit; saved, and later done just so.

Pure over looks at a forecast (`controlplane.forecast`) before and after. The API makes plans and carries them out.
"""

from controlplane.planning.build import Declared, build, digest_of
from controlplane.planning.document import Effect, Item, Plan, PlannedDocument, RestsOn, SavedChange
from controlplane.planning.look import Look, look_at, node_digests, node_facts
from controlplane.planning.stale import differences

__all__ = [
    "Declared",
    "Effect",
    "Item",
    "Look",
    "Plan",
    "PlannedDocument",
    "RestsOn",
    "SavedChange",
    "build",
    "differences",
    "digest_of",
    "look_at",
    "node_digests",
    "node_facts",
]
