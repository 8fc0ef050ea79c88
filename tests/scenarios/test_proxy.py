"""A stock HAProxy with a configuration that `taskyard endpoints` keeps up to date: no request fails while a service is
brought to another version under load."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.scenarios.test_command_line import taskyard
from tests.scenarios.test_services import web
from tests.support.cluster import LiveCluster
from tests.support.proxy import GRACEFUL, followed_by_haproxy, under_load

pytestmark = [pytest.mark.docker, pytest.mark.etcd]


def test_no_request_fails_while_a_service_is_updated(live: LiveCluster, tmp_path: Path) -> None:
    manifest = web("one", order="start-first", minReady="2s")
    manifest["spec"]["template"]["spec"] |= GRACEFUL
    live.apply(manifest)
    assert taskyard(live, "rollout", "status", "web", "--timeout", "120s").returncode == 0

    with followed_by_haproxy(live, "web", tmp_path) as url, under_load(url) as loads:
        manifest["spec"]["template"]["spec"]["command"] = web("two")["spec"]["template"]["spec"]["command"]
        live.apply(manifest)
        rolled = taskyard(live, "rollout", "status", "web", "--timeout", "180s")
        assert rolled.returncode == 0, rolled.stderr
        live.until(lambda: all(load.answers["two"] > 0 for load in loads), 60, "the new version answers")
    assert [failure for load in loads for failure in load.failures] == []
    assert set(sum((load.answers for load in loads), Counter[str]())) == {"one", "two"}
