"""What a container sees of the network, on a real Docker."""

from __future__ import annotations

import pytest

from nodeagent.names import Owner, group_labels
from tests.nodeagent.runtime.conftest import RealTasks

pytestmark = pytest.mark.docker


def test_tasks_of_a_group_find_each_other_by_name(tasks: RealTasks) -> None:
    owner = Owner(tasks.cluster, "n1")
    (network,) = group_labels(owner, "shop", "front").values()
    tasks.runtime.make_network(network, owner.labels)
    try:
        grouped = {"network": {"group": "front"}}
        tasks.start({"command": ["httpd", "-f", "-p", "80", "-h", "/etc"], **grouped})
        tasks.name = "client"
        ask = "for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://web/passwd && exit; sleep 1; done 2>&1"
        assert "nobody" in tasks.prints(ask, **grouped)
        assert "bad address" in tasks.prints("wget -q -O - http://web/passwd 2>&1")
    finally:
        for container in tasks.client.containers(all=True, filters={"label": f"taskyard/cluster={tasks.cluster}"}):
            tasks.runtime.remove(container["Id"], force=True)
        tasks.runtime.remove_network(network)


def test_no_network_and_the_node_s_own(tasks: RealTasks) -> None:
    script = "ls /sys/class/net"
    assert tasks.prints(script, network={"mode": "none"}) == "lo"
    assert len(tasks.prints(script, network={"mode": "host"}).split()) > 2
