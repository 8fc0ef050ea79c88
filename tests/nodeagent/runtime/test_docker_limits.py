"""What a container is held to, measured in it, on a real Docker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodeagent.runtime.docker_disk import disk_under
from nodeagent.runtime.port import RuntimeRefused
from nodeagent.stats.disk import DiskUse
from taskyard.clock import ManualClock
from tests.nodeagent.runtime.conftest import RealTasks
from tests.nodeagent.runtime.harness import RealHarness

pytestmark = pytest.mark.docker
_EATS = "x=x; while :; do x=$x$x; done"


def host_config(tasks: RealTasks, container: str) -> dict[str, Any]:
    found: dict[str, Any] = tasks.client.inspect_container(container)["HostConfig"]
    return found


def test_a_request_is_a_share_and_a_limit_a_quota(tasks: RealTasks) -> None:
    made = tasks.start({"resources": {"cpu": "250m", "memory": "16Mi"}, "limits": {"cpu": 1, "memory": "32Mi"}})
    config = host_config(tasks, made)
    assert (config["CpuShares"], config["NanoCpus"]) == (256, 10**9)
    assert (config["Memory"], config["MemoryReservation"], config["MemorySwap"]) == (2**25, 2**24, 2**25)


def test_more_processors_than_there_are_is_no_limit(tasks: RealTasks) -> None:
    assert host_config(tasks, tasks.start({"limits": {"cpu": 5000}}))["NanoCpus"] == 0


def test_swap_comes_on_top_of_the_memory(tasks: RealTasks) -> None:
    made = tasks.start({"limits": {"memory": "16Mi", "swap": "8Mi"}})
    assert host_config(tasks, made)["MemorySwap"] == 24 * 2**20


def test_processes_are_limited(tasks: RealTasks) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done 2>/dev/null; wait"
    assert tasks.ended(tasks.start({"command": ["sh", "-c", script], "limits": {"pids": 5}})).exit_code != 0
    assert host_config(tasks, tasks.create({}))["PidsLimit"] == 2048


@pytest.mark.parametrize(
    ("script", "out_of_memory"),
    [
        pytest.param(_EATS, True, id="out-of-memory", marks=pytest.mark.differs_on_podman),
        pytest.param("exit 137", False, id="exit-137"),
    ],
)
def test_out_of_memory_is_told_apart_from_exit_137(tasks: RealTasks, script: str, out_of_memory: bool) -> None:
    container = tasks.start({"command": ["sh", "-c", script], "limits": {"memory": "16Mi"}})
    tasks.ended(container)

    def told() -> bool:
        found = tasks.runtime.inspect(container)
        return found is not None and (found.exit_code, found.oom_killed) == (137, out_of_memory)

    RealHarness(tasks.runtime).until(told)


def test_a_task_that_talks_without_end_fills_no_disk(tasks: RealTasks) -> None:
    lines = "i=0; while [ $i -lt 3000 ]; do echo a line of some length that goes on for a while yet; i=$((i+1)); done"
    container = tasks.start({"command": ["sh", "-c", lines], "logs": {"maxSize": "8Ki", "maxFiles": 2}})
    assert tasks.ended(container).exit_code == 0
    log = Path(tasks.client.inspect_container(container)["LogPath"])
    assert sum(file.stat().st_size for file in log.parent.glob(f"{log.name}*")) < 20_000


def test_block_io_is_limited_or_refused_with_the_reason(tasks: RealTasks) -> None:
    """Rates are in every kernel that Docker runs on, weights are not."""
    disk = disk_under(tasks.client.info()["DockerRootDir"])
    made = tasks.start({"limits": {"io": {"writeRate": "1Mi", "readOps": 100}}})
    config = host_config(tasks, made)
    assert config["BlkioDeviceWriteBps"] == [{"Path": disk, "Rate": 2**20}]
    assert config["BlkioDeviceReadIOps"] == [{"Path": disk, "Rate": 100}]
    made = tasks.client.containers(all=True, filters={"label": f"taskyard/cluster={tasks.cluster}"})
    refused = _refusal(tasks, {"limits": {"io": {"weight": 100}}})
    after = tasks.client.containers(all=True, filters={"label": f"taskyard/cluster={tasks.cluster}"})
    assert ("weight" in refused) == (len(after) == len(made))


def _refusal(tasks: RealTasks, spec: dict[str, Any]) -> str:
    try:
        tasks.create(spec)
    except RuntimeRefused as error:
        return str(error)
    return ""


def test_the_disk_that_a_container_uses_is_counted(tasks: RealTasks) -> None:
    container = tasks.start({"command": ["sh", "-c", "dd if=/dev/zero of=/file bs=1M count=3; echo done; sleep 1000"]})
    disk = DiskUse(ManualClock(), tasks.runtime.folders)
    tasks.until_printed(container, "done")
    assert 3 * 2**20 <= disk.of([container])[container] < 4 * 2**20
