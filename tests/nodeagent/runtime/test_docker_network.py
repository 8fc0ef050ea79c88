"""What a container sees of the network, on a real Docker."""

from __future__ import annotations

import contextlib
import os

import docker
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
        tasks.remove_all()
        tasks.runtime.remove_network(network)


@pytest.mark.parametrize("used", [0, 1])
def test_of_two_networks_with_one_name_the_one_in_use_stays(tasks: RealTasks, used: int) -> None:
    """A create whose answer was lost may have made another one."""
    labels, name = {"taskyard/cluster": tasks.cluster}, f"ty-{tasks.cluster[:12]}"
    for _ in range(2):
        with contextlib.suppress(docker.errors.APIError):  # Later versions of Docker make no second one.
            tasks.client.create_network(name, labels=labels)
    ids = [one["Id"] for one in tasks.client.networks(names=[name])]
    container = tasks.start({"command": ["sleep", "60"]})
    kept = ids[used % len(ids)]
    tasks.client.connect_container_to_network(container, kept)
    try:
        tasks.runtime.make_network(name, labels)
        assert [one["Id"] for one in tasks.client.networks(names=[name])] == [kept]
    finally:
        tasks.runtime.remove(container, force=True)
        tasks.runtime.remove_network(name)
    assert tasks.runtime.networks(labels) == ()


def test_no_network_and_the_node_s_own(tasks: RealTasks) -> None:
    assert tasks.prints("ls /sys/class/net", network={"mode": "none"}) == "lo"
    said = tasks.prints("readlink /proc/self/ns/net", network={"mode": "host"})
    assert said == os.readlink("/proc/self/ns/net")
