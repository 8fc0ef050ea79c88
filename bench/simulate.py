"""How much of a cluster's life the simulator gets through: twenty nodes, a hundred tasks, users and faults.

The limit is a fixed goal for one core. Counted in minutes of processor time, which on a core of its own are minutes:
the simulator is one thread that waits for nothing. Each repeat runs the same three seeds, as
`taskyard simulate --nodes 20 --tasks 100 --seeds 3` does, but for services, jobs and crons; and then the first of them
once more to see where the time goes, which does not count.
"""

from __future__ import annotations

import time

from bench.report import Figure, Goal, Report
from bench.simulate_parts import REST, Stopwatch
from simulator.cluster import Cluster
from simulator.settings import Settings

SETTINGS = Settings(nodes=20, tasks=100, services=0, jobs=0, crons=0, beside=False, files=False, hooks=False)
SEEDS = range(3)
GOAL = 500


def run(repeats: int) -> Report:
    rates: list[float] = []
    steps: list[float] = []
    watches: list[Stopwatch] = []
    for _ in range(repeats):
        began = time.process_time()
        outcomes = [Cluster(seed, SETTINGS).run() for seed in SEEDS]
        took = time.process_time() - began
        broken = [f"seed {outcome.seed}: {outcome.violation}" for outcome in outcomes if outcome.violation]
        if broken:
            raise AssertionError("; ".join(broken))
        rates.append(sum(outcome.minutes for outcome in outcomes) / took * 60)
        steps.append(took / sum(outcome.steps for outcome in outcomes) * 1e6)
        watches.append(Stopwatch())
        with watches[-1].attached():
            Cluster(SEEDS[0], SETTINGS).run()
    figures = [
        Figure("simulated", "cluster-minutes/min", rates),
        Figure("one step of one loop, with what it causes", "µs", steps),
        *(Figure(part, "µs", [each.per_call(part) for each in watches]) for part in watches[0].calls if part != REST),
    ]
    goal = Goal("cluster-minutes in a minute of one core", figures[0].median, GOAL, "at least")
    return Report("simulate", figures, [goal], [watches[0].shares()])
