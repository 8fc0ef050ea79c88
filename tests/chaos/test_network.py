"""A host that is cut off and healed: what ran goes on, what is accepted meanwhile runs, and all converge afterwards."""

from __future__ import annotations

import pytest

from chaos.cluster import Cluster
from chaos.network import Cut
from tests.support.manifests import task

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize("how", ["both", "in", "out"])
def test_a_host_that_is_cut_off_for_a_moment_keeps_its_containers(cluster: Cluster, how: Cut) -> None:
    names = [f"steady-{number}" for number in range(6)]
    cluster.apply(*(task(name) for name in names))
    before = cluster.wait_running(names)
    victim = cluster.host("h3")

    victim.cut(how)
    cluster.apply(task("meanwhile"))
    cluster.wait_state("meanwhile", "Running")
    victim.heal()

    after = cluster.wait_running([*names, "meanwhile"])
    assert {name: after[name]["status"]["containerId"] for name in names} == {
        name: item["status"]["containerId"] for name, item in before.items()
    }
