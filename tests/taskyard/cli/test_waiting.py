"""What a wait after an apply takes for an answer."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from taskyard.cli.steady import Steadiness
from taskyard.cli.waiting import Awaited, awaited_after, judge_running
from taskyard.client.views import ApplyResult, FieldChange, MetadataView, StatusView, TaskView

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


def seen(state: str, attempt: int = 1, health: str = "", epoch: int = 1) -> TaskView:
    return TaskView(MetadataView("web"), status=StatusView(state, attempt=attempt, health=health, epoch=epoch))


WEB = Awaited("default", "web")


@pytest.mark.parametrize(
    ("later", "settled", "failed"),
    [
        pytest.param(seen("Running"), False, False, id="it goes on"),
        pytest.param(seen("Completed"), True, False, id="it completes"),
        pytest.param(seen("Failed"), True, True, id="it fails"),
        pytest.param(seen("Starting", 2), True, True, id="it waits for its restart"),
        pytest.param(seen("Running", 2), True, True, id="it was started again"),
        pytest.param(seen("Running", 1, epoch=2), True, True, id="somebody changed it"),
        pytest.param(None, True, True, id="it was deleted"),
    ],
)
def test_what_upsets_a_task_that_has_to_stay_up(later: TaskView | None, settled: bool, failed: bool) -> None:
    steadiness = Steadiness()
    assert steadiness.begins(WEB, seen("Running")).settled
    assert steadiness.unproven([WEB]) == [WEB]
    verdict = steadiness.holds(WEB, later)
    assert (verdict.settled, bool(verdict.failure)) == (settled, failed)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(seen("Running", health="healthy"), id="a check says so"),
        pytest.param(seen("Completed"), id="it is over"),
    ],
)
def test_what_needs_no_proof(first: TaskView) -> None:
    steadiness = Steadiness()
    assert steadiness.begins(WEB, first).settled
    assert steadiness.unproven([WEB]) == []
