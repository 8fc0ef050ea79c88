"""Loops are told of the kinds of changes that they name alone: nothing else may be work for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from controlplane.cluster import CacheChange, ClusterCache
from controlplane.leading import LeaderLoop
from simulator.cluster import Cluster
from simulator.settings import Settings


def test_no_loop_has_work_from_a_kind_of_change_that_it_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    tell, on_change, asked = LeaderLoop._mark, ClusterCache.on_change, set()

    def mark(self: LeaderLoop[Any], changes: Sequence[CacheChange]) -> None:
        if self.kinds is None or any(change.kind in self.kinds for change in changes):
            tell(self, changes)
        for change in changes:
            if self.leading and self.kinds is not None and change.kind not in self.kinds:
                asked.add(change.kind)
                assert not self.dirty([change]), f"{type(self).__name__} has work from a {change.kind}"

    monkeypatch.setattr(LeaderLoop, "_mark", mark)
    monkeypatch.setattr(ClusterCache, "on_change", lambda cache, callback, _kinds=None: on_change(cache, callback))
    outcome = Cluster(3, Settings(nodes=3, tasks=12, minutes=2.0, services=1, jobs=1)).run()
    assert not outcome.violation, f"{outcome.violation}\n{outcome.story}"
    assert {"stats", "node", "task", "object", "assignment", "status"} <= asked
