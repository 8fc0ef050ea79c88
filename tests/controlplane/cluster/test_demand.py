"""What is set aside for a task is what all of its containers ask for."""

from __future__ import annotations

import msgspec

from controlplane.cluster.demand import demand_of
from taskyard.objects import TaskSpec


def test_sidecars_count_with_the_task_and_init_tasks_share_what_is_its_own() -> None:
    beside = [
        {"name": "proxy", "resources": {"cpu": "250m", "memory": "64Mi"}},
        {"name": "shipper", "resources": {"memory": "36Mi"}},
        {"name": "idle"},
    ]
    own = {"image": "a", "init": [{"name": "first"}], "sidecars": beside}
    demand = demand_of(msgspec.convert(own | {"resources": {"cpu": 1, "memory": "100Mi"}}, TaskSpec))
    assert (demand.cpu, demand.memory) == (1250, 200 * 2**20)
    demand = demand_of(msgspec.convert(own, TaskSpec))
    assert (demand.cpu, demand.memory) == (250, 100 * 2**20)
