"""A network bridge for a dockerd beside another one: each needs its own, and `docker0` is the first one's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from taskyard.local.errors import LocalError

DEFAULT = "docker0"


@dataclass(frozen=True, slots=True)
class Bridge:
    """`address` is the bridge's own, with the prefix length of its network: `10.213.77.1/24`."""

    name: str
    address: str

    def create(self) -> None:
        """Nothing changes when it is there already."""
        self._ip("link", "add", self.name, "type", "bridge", accept="File exists")
        self._ip("addr", "replace", self.address, "dev", self.name)
        self._ip("link", "set", self.name, "up")

    def delete(self) -> None:
        self._ip("link", "del", self.name, accept="Cannot find device")

    def _ip(self, *arguments: str, accept: str = "") -> None:
        if shutil.which("ip") is None:
            raise LocalError("the command `ip` is not installed", hint="apt-get install iproute2")
        result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        if result.returncode != 0 and not (accept and accept in result.stderr):
            raise LocalError(f"ip {' '.join(arguments)} failed: {result.stderr.strip()}", hint="run as root")


def used_by(command: Sequence[str]) -> str:
    """The bridge that a dockerd with this command line owns."""
    for option, value in zip(command, [*command[1:], ""], strict=True):
        name, equals, inline = option.partition("=")
        if name in ("--bridge", "-b"):
            return inline if equals else value
    return DEFAULT
