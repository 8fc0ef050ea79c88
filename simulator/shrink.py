"""A failing seed made small: fewer faults, then fewer requests of users, as long as the same thing goes wrong.

Delta debugging (Zeller and Hildebrandt, 2002): parts are left out, first large ones, then ever smaller ones, until
nothing that is left can be spared or the budget of runs is spent. Faults and requests are numbered, and leaving one
out changes no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from simulator.cluster import Cluster
from simulator.outcome import Outcome
from simulator.settings import Settings

BUDGET = 150
"""Runs."""


def shrink(seed: int, settings: Settings, found: Outcome, budget: int = BUDGET) -> tuple[Settings, Outcome]:
    """The smallest settings that were found under which the seed still violates the same rule, and that run."""
    kind, runs, best = kind_of(found.violation), 0, found

    def fails(candidate: Settings) -> bool:
        nonlocal runs, best
        if runs >= budget:
            return False
        runs += 1
        outcome = Cluster(seed, candidate).run()
        if kind_of(outcome.violation) != kind:
            return False
        best = outcome
        return True

    faults = settings.only_faults if settings.only_faults is not None else frozenset(range(found.faults))
    requests = settings.only_requests if settings.only_requests is not None else frozenset(range(found.requests))
    faults = _spared(faults, lambda only: fails(replace(settings, only_faults=only)))
    settings = replace(settings, only_faults=faults)
    requests = _spared(requests, lambda only: fails(replace(settings, only_requests=only)))
    return replace(settings, only_requests=requests), best


def kind_of(violation: str) -> str:
    """The violation without what differs from run to run: names, uids, numbers."""
    return re.sub(r"\b(?=\w*\d)[\w.-]+", "#", violation)


def _spared(numbers: frozenset[int], fails: Callable[[frozenset[int]], bool]) -> frozenset[int]:
    """A subset that still fails, from which no single part of the size tried last can be taken."""
    left, parts = sorted(numbers), 2
    while left:
        size = -(-len(left) // parts)
        for start in range(0, len(left), size):
            fewer = left[:start] + left[start + size :]
            if fails(frozenset(fewer)):
                left, parts = fewer, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(left))
    return frozenset(left)
