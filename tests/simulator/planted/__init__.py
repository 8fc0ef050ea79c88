"""Guards of the protocol, switched off one at a time: what the simulator has to catch."""

from __future__ import annotations

from tests.simulator.planted import (
    alone,
    company,
    compares,
    deciding,
    draining,
    hearing,
    hooking,
    identity,
    mounting,
    running,
    scaling,
    waiting,
    writing,
)
from tests.simulator.planted.plant import Plant

PLANTED: dict[str, Plant] = {
    name: plant
    for theme in (
        writing,
        compares,
        identity,
        hearing,
        running,
        company,
        mounting,
        alone,
        deciding,
        waiting,
        hooking,
        scaling,
        draining,
    )
    for name, plant in theme.PLANTS.items()
}
