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
    "simulate": "bench.simulate",
    "reliability": "bench.reliability",
    "restart": "bench.restart",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Taskyard against its peers and limits."
    )
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    parser.add_argument("--repeats", type=int, default=3, help="how often the whole measurement is done (default 3)")
    arguments = parser.parse_args()
    report = importlib.import_module(BENCHMARKS[arguments.name]).run(arguments.repeats)
    print(report.to_json().decode() if arguments.json else report.to_text())
    return 1 if arguments.check and not report.met else 0


if __name__ == "__main__":
    sys.exit(main())
