"""The programs that a machine must have, and how a Debian gets them. Where it cannot be done, what to type instead.

`python -m taskyard.local.packages` installs all of them and what the tests need, for continuous integration.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from taskyard.local.errors import LocalError

_SBIN = "/usr/sbin:/usr/local/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    packages: tuple[str, ...]
    """Debian's."""


ETCD = Program("etcd", ("etcd-server", "etcd-client"))
DOCKER = Program("dockerd", ("docker.io", "ca-certificates"))
IPTABLES = Program("iptables", ("iptables",))
BUSYBOX = Program("busybox", ("busybox-static",))
IPROUTE = Program("ip", ("iproute2",))
REGISTRY = Program("docker-registry", ("docker-registry",))
"""Only for the tests of pulls."""
HAPROXY = Program("haproxy", ("haproxy",))
"""Only for the test of a proxy that follows a rolling update."""
PODMAN = Program("podman", ("podman", "netavark", "aardvark-dns", "catatonit"))
"""Only for the tests that run on it in Docker's place. The others are its networks, their names, and its init."""
STRACE = Program("strace", ("strace",))
FAKETIME = Program("faketime", ("faketime",))
"""Only for the tests that break a cluster: they slow a disk down, and set a clock."""


def missing(programs: Sequence[Program]) -> list[Program]:
    path = f"{os.environ.get('PATH', '')}:{_SBIN}"
    return [program for program in programs if shutil.which(program.name, path=path) is None]


def refusal(os_release: str, *, root: bool, apt: bool) -> str:
    """Why packages cannot be installed here, by the text of /etc/os-release; empty when they can."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    family = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
    if "debian" not in family or not apt:
        return f"this is not a Debian system but {fields.get('PRETTY_NAME', 'an unknown one')}".replace('"', "")
    return "" if root else "only root can install packages"


def ensure(programs: Sequence[Program], log: Path, say: Callable[[str], None]) -> None:
    """Installs what is missing. LocalError says what is, and how to get it, where that is not possible."""
    lacking = missing(programs)
    if not lacking:
        return
    names = ", ".join(program.name for program in lacking)
    packages = [package for program in lacking for package in program.packages]
    command = f"apt-get update && apt-get install {' '.join(packages)}"
    reason = refusal(_os_release(), root=os.geteuid() == 0, apt=shutil.which("apt-get") is not None)
    if reason:
        raise LocalError(f"not installed: {names}; and {reason}", hint=f"install them; on Debian, as root: {command}")
    say(f"installing {' '.join(packages)} (apt-get; log: {log})")
    _apt(log, "update")
    _apt(log, "install", "-y", "--no-install-recommends", *packages)
    left = missing(programs)
    if left:
        raise LocalError(f"apt-get succeeded, but there is still no {', '.join(p.name for p in left)}", log=log)


def _os_release() -> str:
    try:
        return Path("/etc/os-release").read_text()
    except OSError:
        return ""


def _apt(log: Path, *arguments: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output:
        result = subprocess.run(
            ["apt-get", "-q", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            check=False,
        )
    if result.returncode != 0:
        raise LocalError(
            f"apt-get {' '.join(arguments)} failed with exit code {result.returncode}",
            hint="the log says why; with no way to Debian's servers, install the packages by other means and try again",
            log=log,
        )


def _main() -> int:
    try:
        ensure(
            [ETCD, DOCKER, IPTABLES, BUSYBOX, IPROUTE, REGISTRY, HAPROXY, PODMAN, STRACE, FAKETIME],
            Path(".taskyard/logs/apt.log"),
            print,
        )
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
