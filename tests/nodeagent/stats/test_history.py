"""The agent keeps its last reports, and no more."""

from __future__ import annotations

from nodeagent.stats.history import KEPT, Sample, StatsHistory
from taskyard.objects import NodeStats, TaskUsage


def test_the_last_reports_are_kept_oldest_first() -> None:
    history = StatsHistory()
    for number in range(KEPT + 5):
        tasks = {"a": TaskUsage(cpu_millis=number, memory_bytes=7)} if number % 2 else {}
        history.add(NodeStats(at=str(number), cpu_millis=2 * number, tasks=tasks))
    assert [sample.at for sample in history.of_node()] == [str(number) for number in range(5, KEPT + 5)]
    assert history.of_task("a")[0] == Sample(at="5", cpu_millis=5, memory_bytes=7)
    assert len(history.of_task("a")) == KEPT // 2
    assert history.of_task("nobody") == []
