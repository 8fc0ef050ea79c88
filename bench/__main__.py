"""`python -m bench NAME`: picks the benchmark, runs it, prints what it found."""

from __future__ import annotations

import argparse
import importlib
import sys

BENCHMARKS = {
    "controllers": "bench.controllers",
    "start-latency": "bench.start_latency",
    "burst": "bench.burst",
    "idle": "bench.idle",
    "decide": "bench.decide",
    "binpack": "bench.binpack",
    "logs": "bench.logs",
    "scheduler-drain": "bench.scheduler_drain",
    "scheduler-latency": "bench.scheduler_latency",
    "cold-start": "bench.cold_start",
    "simulate": "bench.simulate",
    "reliability": "bench.reliability",
    "restart": "bench.restart",
    "rollout": "bench.rollout",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Taskyard against its peers and limits."
    )
    kinds = parser.add_subparsers(dest="name", required=True)
    for name, module in sorted(BENCHMARKS.items()):
        kind = kinds.add_parser(name)
        kind.add_argument("--json", action="store_true", help="print one JSON object")
        kind.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
        kind.add_argument("--repeats", type=int, default=3, help="how often the whole measurement is done (default 3)")
        if name in sys.argv[1:2] and (more := getattr(importlib.import_module(module), "arguments", None)):
            more(kind)
    arguments = parser.parse_args()
    benchmark = importlib.import_module(BENCHMARKS[arguments.name])
    options = (arguments,) if hasattr(benchmark, "arguments") else ()
    report = benchmark.run(arguments.repeats, *options)
    print(report.to_json().decode() if arguments.json else report.to_text())
    return 1 if arguments.check and not report.met else 0


if __name__ == "__main__":
    sys.exit(main())
