"""Whether and when an ended attempt is followed by another."""

from __future__ import annotations

import pytest

from nodeagent.restart import Again, Final, after_exit, luck, wait_before
from taskyard.objects import Backoff, ExitCodes, Restart

QUICK = Backoff(initial="2s", max="15s", reset="60s", jitter=0.5)


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
    code = 0 if succeeded else 1
    found = after_exit(restart, code=code, succeeded=succeeded, ran=ran, restarts=restarts, step=step, luck=0.0)
    assert found == verdict


@pytest.mark.parametrize(
    ("policy", "code", "goes_on"),
    [
        pytest.param("always", 64, False, id="never-over-always"),
        pytest.param("on-failure", 64, False, id="never-over-on-failure"),
        pytest.param("never", 75, True, id="always-over-never"),
        pytest.param("on-failure", 0, True, id="always-after-success"),
        pytest.param("never", 1, False, id="another-code"),
        pytest.param("always", None, True, id="no-code"),
    ],
)
def test_exit_codes_decide_before_the_policy(policy: str, code: int | None, goes_on: bool) -> None:
    restart = Restart(policy=policy, exit_codes=ExitCodes(never=[64], always=[75, 0]))
    found = after_exit(restart, code=code, succeeded=code == 0, ran=1.0, restarts=0, step=0, luck=0.0)
    assert isinstance(found, Again) == goes_on


def test_chance_shortens_a_wait_by_its_share_at_most() -> None:
    assert wait_before(QUICK, 3, 0.5) == 6.0
    lucks = [luck("0123456789ab", attempt, attempt) for attempt in range(1, 500)]
    assert luck("0123456789ab", 1, 1) == lucks[0] != luck("ba9876543210", 1, 1)
    assert all(0 <= one < 1 for one in lucks)
    assert 0.4 < sum(lucks) / len(lucks) < 0.6


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
