"""What may become of the store's data: lost altogether, or set back to a backup."""

from __future__ import annotations

from simulator.faults.scene import Scene
from taskyard.store.memory import Backup


def restore(scene: Scene) -> str:
    cluster = scene.cluster
    if not cluster.may_lose_data():
        return ""
    made = scene.random.choice(list(cluster.storage.backups))
    age = cluster.clock.monotonic() - made.at
    cluster.restore(made.backup)
    return f"the store is restored from a backup that is {age:.0f} s old"


def wipe(scene: Scene) -> str:
    """It comes up empty, and is restored from its last backup a moment later, or never."""
    cluster = scene.cluster
    if not cluster.may_lose_data():
        return ""
    last, seconds = cluster.storage.backups[-1], scene.random.uniform(0.2, 20.0)
    cluster.restore(Backup())
    if scene.random.random() < 0.3:
        return "the store is wiped"

    def restore_last() -> None:
        if cluster.healed:
            return
        cluster.note("the store is restored from the last backup before it was wiped")
        cluster.restore(last.backup)

    cluster.later(seconds, restore_last)
    return f"the store is wiped; its backup comes {seconds:.1f} s later"
