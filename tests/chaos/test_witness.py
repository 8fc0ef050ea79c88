"""The witness itself: what it is there to find, put there by hand, and what must not disturb it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chaos.cluster import Cluster
from chaos.witness import RuleBroken, Witness
from taskyard import keys
from tests.support.manifests import task

pytestmark = pytest.mark.chaos


def assign_twice(cluster: Cluster) -> None:
    cluster.apply(task("web", nodeSelector={"host": "h3"}))
    uid = cluster.wait_running(["web"])["web"]["metadata"]["uid"]
    (there,) = cluster.list(keys.assignment("h3", uid)).entries
    cluster.member(cluster.host("h1")).put(keys.assignment("h1", uid), there.value)


def lose_a_spec(cluster: Cluster) -> None:
    cluster.apply(task("web"))
    cluster.wait_running(["web"])
    cluster.member(cluster.host("h1")).delete(keys.task("default", "web"))


def disturb_others(cluster: Cluster) -> None:
    host = cluster.host("h2")
    host.kill_container("database")
    host.start_foreign()


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        pytest.param(assign_twice, "two assignments: h1, h3", id="a second assignment"),
        pytest.param(lose_a_spec, "the accepted task web is lost", id="a lost spec"),
        pytest.param(disturb_others, "the foreign container database on h2", id="a foreign container stopped"),
    ],
)
def test_it_finds(cluster: Cluster, harm: Callable[[Cluster], None], found: str) -> None:
    witness = Witness(cluster)
    witness.__enter__()
    harm(cluster)
    with pytest.raises((RuleBroken, AssertionError), match=found):
        witness.__exit__(None, None, None)


def test_it_misses_nothing_while_members_come_and_go(cluster: Cluster) -> None:
    with Witness(cluster) as witness:
        for host in cluster.hosts:
            host.etcd.restart()
            cluster.apply(task(f"after-{host.name}"))
            cluster.wait_state(f"after-{host.name}", "Running")
        witness.settled(30)
        for host in cluster.hosts:
            told = witness.times(keys.task("default", f"after-{host.name}"))
            assert len(told) == 2, "its creation and its binding"
