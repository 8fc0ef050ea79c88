"""etcd comes back empty, or as it was some time ago: containers go on, and what is in the backup is taken up again."""

from __future__ import annotations

import shutil

import pytest

from tests.support.cluster import LiveCluster
from tests.support.manifests import task

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


def test_an_etcd_that_lost_its_data_while_the_agent_was_away(live: LiveCluster) -> None:
    live.apply(task("old"))
    live.wait_state("old", "Running")
    before = live.containers(running=True)
    live.until((live.data_dir("agent") / "anchor").exists, 10, "the agent remembers it")
    live.kill("agent")
    live.kill("etcd")
    shutil.rmtree(live.etcd.folder / "data")
    live.restart("etcd")
    live.restart("agent")
    live.until(lambda: "StoreRestored" in live.http_text("/events?namespace=_cluster"), 60, "the agent says so")
    assert live.containers(running=True) == before


def test_an_etcd_without_its_data_and_then_with_a_backup(live: LiveCluster) -> None:
    live.apply(task("old"))
    old = live.wait_state("old", "Running")["metadata"]["uid"]
    data, backup = live.etcd.folder / "data", live.etcd.folder / "backup"
    live.kill("etcd")
    shutil.copytree(data, backup)
    live.restart("etcd")
    live.wait_ready()
    for index in range(10):
        live.apply(task(f"more-{index}"))
    before = live.until(
        lambda: found if len(found := sorted(live.containers(running=True))) == 11 else None, 60, "all of them run"
    )

    live.kill("etcd")
    shutil.rmtree(data)
    live.restart("etcd")
    live.until(lambda: "StoreRestored" in live.http_text("/events?namespace=_cluster"), 60, "the agent says so")
    assert sorted(live.containers(running=True)) == before

    live.kill("etcd")
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    live.restart("etcd")
    live.wait_state("old", "Running", 60)
    live.apply(task("new"))
    live.wait_state("new", "Running", 60)
    assert set(before) <= set(live.containers(running=True))
    assert len(live.containers(old, running=True)) == 1
    assert live.call("DELETE", "/tasks/old")[0] == 202
    live.until(lambda: not live.containers(old), 60, "the agent acts for it again")
