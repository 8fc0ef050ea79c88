"""`python -m chaos up`: the cluster by hand, with a prompt that breaks things. `soak --minutes N`: churn, to see what
grows. `down` removes what a crash left. `able` says whether this machine can do any of it.
"""

from __future__ import annotations

import argparse
import signal
import sys

from chaos import leftovers, network
from chaos.cluster import Cluster
from chaos.prompt import Prompt, write_doors
from chaos.soak import Soak, report
from chaos.witness import RuleBroken
from taskyard.local.errors import LocalError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="A cluster of three hosts, to break.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start it, with a prompt that breaks things")
    commands.add_parser("down", help="remove what a crash left")
    commands.add_parser("able", help="exit code 1, and why, when this machine cannot")
    soak = commands.add_parser("soak", help="churn and passing faults; exit code 1 when a process grows")
    soak.add_argument("--minutes", type=float, default=15.0, help="how long (default 15)")
    arguments = parser.parse_args()
    if arguments.command == "able":
        print(reason := network.unable() or "able")
        return int(reason != "able")
    # Whoever ends it gets everything that it started ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    cluster = Cluster()
    try:
        if arguments.command == "soak":
            return _soak(cluster, arguments.minutes)
        if arguments.command == "up":
            _up(cluster)
        else:
            cluster.lock()
            leftovers.remove(cluster.name, cluster.folder)
            cluster.unlock()
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def _up(cluster: Cluster) -> None:
    print("starting three hosts …")
    cluster.start()
    try:
        write_doors(cluster)
        Prompt(cluster).cmdloop()
    finally:
        print("ending all of it …")
        cluster.stop()


def _soak(cluster: Cluster, minutes: float) -> int:
    print("starting three hosts …", flush=True)
    cluster.start()
    try:
        verdicts = Soak(cluster, lambda line: print(line, flush=True)).run(minutes)
    except (AssertionError, RuleBroken) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        cluster.stop()
    print(report(verdicts))
    return 0 if all(verdict.flat for judged in verdicts.values() for verdict in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
