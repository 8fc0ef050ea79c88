"""`python -m chaos up`: the cluster by hand, with a prompt that breaks things. `down` removes what a crash left."""

from __future__ import annotations

import argparse
import sys

from chaos import leftovers
from chaos.cluster import Cluster
from chaos.prompt import Prompt, write_doors
from taskyard.local.errors import LocalError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="A cluster of three hosts, to break.")
    parser.add_argument("command", choices=["up", "down"])
    cluster = Cluster()
    try:
        if parser.parse_args().command == "up":
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


if __name__ == "__main__":
    sys.exit(main())
