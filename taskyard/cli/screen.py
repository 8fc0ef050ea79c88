"""Bytes that a container wrote, on their way to stdout: as they are into a file or a pipe, harmless on a terminal.

A terminal obeys what is printed on it: it can be made to retitle itself, to answer as if somebody had typed, or to hide
lines. So there only colours pass; other control characters are shown (`^[`). Whoever wants a terminal's full powers for
a container says so with `exec -t` or `attach`.
"""

from __future__ import annotations

import re
import sys
from typing import BinaryIO

_CONTROL = re.compile(rb"\x1b\[[0-9;:]*m|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
"""Colours first, which are kept; then C0 without tab and line ends, DEL, and C1 as UTF-8."""
_BEGUN = re.compile(rb"(?:\x1b(?:\[[0-9;:]{0,30})?|\xc2)\Z")
"""What may turn out to be one of these with the next piece."""


class Harmless:
    """Takes pieces of any size; one for each stream."""

    def __init__(self) -> None:
        self._begun = b""

    def __call__(self, data: bytes) -> bytes:
        data = self._begun + data
        begun = _BEGUN.search(data)
        self._begun = begun[0] if begun else b""
        return _CONTROL.sub(_shown, data[: len(data) - len(self._begun)])

    def rest(self) -> bytes:
        """What was held back, at the end."""
        begun, self._begun = self._begun, b""
        return _CONTROL.sub(_shown, begun)


class Screen:
    """One stream of bytes onto stdout or stderr."""

    def __init__(self, out: BinaryIO, *, terminal: bool) -> None:
        self._out = out
        self._harmless = Harmless() if terminal else None

    def write(self, data: bytes) -> None:
        self._out.write(self._harmless(data) if self._harmless else data)
        self._out.flush()

    def close(self) -> None:
        """At the end of the stream."""
        if self._harmless and (rest := self._harmless.rest()):
            self._out.write(rest)
            self._out.flush()


def stdout() -> Screen:
    return Screen(sys.stdout.buffer, terminal=sys.stdout.isatty())


def stderr() -> Screen:
    return Screen(sys.stderr.buffer, terminal=sys.stderr.isatty())


def _shown(match: re.Match[bytes]) -> bytes:
    found = match[0]
    if found.endswith(b"m") and len(found) > 1 and found.startswith(b"\x1b["):
        return found
    code = found[-1]
    return b"^?" if code == 0x7F else b"^" + bytes([(code & 0x1F) + 0x40]) if len(found) == 1 else b"\\x%x" % code
