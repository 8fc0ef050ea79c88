"""What a wait after an apply takes for an answer."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from taskyard.cli.waiting import awaited_after, judge_running
from taskyard.client.views import ApplyResult, FieldChange, TaskView

FAILED = (
    b'{"metadata":{"name":"web","uid":"u1"},"spec":{},"status":{"state":"Failed","epoch":3,"reason":"RestartLimit"}}'
)


@pytest.mark.parametrize(
    ("result", "path", "settled"),
    [
        pytest.param("configured", "spec.ports[0].host", False, id="the old version's failure says nothing of the new"),
        pytest.param("configured", "metadata.labels.app", True, id="no new version comes"),
        pytest.param("unchanged", "", True, id="unchanged"),
    ],
)
def test_a_failure_counts_when_it_is_of_the_version_applied(
    result: Literal["configured", "unchanged"], path: str, settled: bool
) -> None:
    changes = [FieldChange(path=path)] if path else []
    applied = ApplyResult(
        kind="Task", name="web", namespace="default", result=result, changes=changes, object=msgspec.Raw(FAILED)
    )
    verdict = judge_running(awaited_after(applied), msgspec.json.decode(FAILED, type=TaskView))
    assert verdict.settled is settled
