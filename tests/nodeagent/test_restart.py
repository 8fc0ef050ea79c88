"""Whether and when an ended attempt is followed by another."""

from __future__ import annotations

import pytest

from nodeagent.restart import Again, Final, after_exit, wait_before
from taskyard.objects import Backoff, Restart

QUICK = Backoff(initial="2s", max="15s", reset="60s")


@pytest.mark.parametrize(
    ("policy", "limit", "succeeded", "ran", "restarts", "step", "verdict"),
    [
        pytest.param("always", None, True, 1.0, 0, 0, Again(2.0, 1), id="always-after-success"),
        pytest.param("always", None, False, 1.0, 3, 3, Again(15.0, 4), id="always-at-the-cap"),
        pytest.param("always", None, False, 60.0, 3, 3, Again(2.0, 1), id="a-long-run-starts-over"),
        pytest.param("always", 3, False, 1.0, 3, 3, Final(exhausted=True), id="limit-reached"),
        pytest.param("always", 3, False, 1.0, 2, 2, Again(8.0, 3), id="last-one-within-the-limit"),
        pytest.param("always", 0, False, 1.0, 0, 0, Final(exhausted=True), id="no-restarts-allowed"),
        pytest.param("on-failure", None, True, 1.0, 0, 0, Final(exhausted=False), id="on-failure-after-success"),
        pytest.param("on-failure", None, False, 1.0, 0, 0, Again(2.0, 1), id="on-failure-after-failure"),
        pytest.param("never", None, False, 1.0, 0, 0, Final(exhausted=False), id="never"),
    ],
)
def test_after_exit(
    policy: str, limit: int | None, succeeded: bool, ran: float, restarts: int, step: int, verdict: Again | Final
) -> None:
    restart = Restart(policy=policy, max_restarts=limit, backoff=QUICK)
    assert after_exit(restart, succeeded=succeeded, ran=ran, restarts=restarts, step=step) == verdict


@pytest.mark.parametrize(
    ("step", "wait"),
    [
        pytest.param(0, 0.0, id="none-yet"),
        pytest.param(1, 2.0, id="first"),
        pytest.param(3, 8.0, id="third"),
        pytest.param(4, 15.0, id="capped"),
        pytest.param(5000, 15.0, id="after-years"),
    ],
)
def test_waits_double_up_to_the_cap(step: int, wait: float) -> None:
    assert wait_before(QUICK, step) == wait
