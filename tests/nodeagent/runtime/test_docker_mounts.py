"""What is mounted into a container, on a real engine: the fake has no files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.preparation import Preparation
from tests.nodeagent.runtime.conftest import RealTasks

pytestmark = pytest.mark.docker


def test_any_user_may_write_to_a_tmpfs(tasks: RealTasks) -> None:
    """Where the image has nothing: over one of its directories, the mode is that directory's with an old runc."""
    volumes = [{"type": "tmpfs", "target": "/scratch", "size": "1Mi"}]
    assert tasks.prints("touch /scratch/file && echo written", user="65534:65534", volumes=volumes) == "written"


def test_a_path_of_the_node_is_mounted_as_it_was_resolved(tasks: RealTasks, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("from the node")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    asked = str(tmp_path / "link")
    said = tasks.output(
        {
            "command": ["sh", "-c", "cat /x/file; touch /x/new 2>&1 | grep -o Read-only"],
            "volumes": [{"type": "host", "path": asked, "target": "/x", "readOnly": True}],
        },
        Preparation(paths={asked: str(tmp_path / "data")}),
    )
    assert said.split("\n")[0] == "from the nodeRead-only"


def test_a_named_volume_outlives_its_containers(tasks: RealTasks) -> None:
    name = f"{tasks.cluster}-data"
    volumes = [{"name": name, "target": "/data", "onDelete": "remove"}]
    try:
        tasks.prints("echo kept > /data/file", volumes=volumes)
        assert tasks.prints("cat /data/file", volumes=volumes) == "kept"
        (volume,) = tasks.runtime.volumes({"taskyard/cluster": tasks.cluster})
        assert (volume.name, volume.labels["taskyard/uid"]) == (name, f"{1:012x}")
    finally:
        tasks.remove_all()
        tasks.runtime.remove_volume(name)
