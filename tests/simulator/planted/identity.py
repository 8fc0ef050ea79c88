"""What a task is: its uid, not its name, which another may have after it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from controlplane.admission import writer
from controlplane.tasks import controller
from tests.simulator.planted.invariants import DELETED_STAYS_SO
from tests.simulator.planted.plant import Plant


def _told_apart_by_name_alone(patch: pytest.MonkeyPatch) -> None:
    """Whoever has a name is who had it before."""
    start = writer.ObjectWriter._start

    def named(self: writer.ObjectWriter, *args: Any) -> Any:
        pending = start(self, *args)
        pending.uid = sha256(pending.key.encode()).hexdigest()[:12]
        return pending

    patch.setattr(writer.ObjectWriter, "_start", named)


def _leftovers_stay(patch: pytest.MonkeyPatch) -> None:
    """What is left of a task that is gone is nobody's, whoever has its name now."""
    decide = controller.decide
    patch.setattr(controller, "decide", lambda situation: decide(situation) if situation.task is not None else None)


PLANTS: dict[str, Plant] = {
    "told apart by name alone": Plant(_told_apart_by_name_alone, (DELETED_STAYS_SO,)),
    "leftovers stay": Plant(_leftovers_stay, (r"is assigned on n\d+, and no task that has this uid is",)),
}
