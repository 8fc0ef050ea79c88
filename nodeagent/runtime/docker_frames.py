"""Docker's multiplexed stream, in which the output and the errors of a process without a terminal come. Pure.

Frames of eight bytes (which stream, three zeros, the length in network order) and that many bytes; see "Attach to a
container" in the Engine API's reference. A container's log has a frame for each line, so this is a tight loop.
"""

from __future__ import annotations

import struct

_HEAD = struct.Struct(">BxxxI")
STDOUT, STDERR = 1, 2


class Demultiplexer:
    """Takes pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""

    def payloads(self, data: bytes) -> bytes:
        """What was written, whichever stream it went to, in the order in which it came."""
        return b"".join([payload for _, payload in self.frames(data)])

    def frames(self, data: bytes) -> list[tuple[int, bytes]]:
        """Stream and payload of each frame that is complete by now."""
        if self._rest:
            data = self._rest + data
        found: list[tuple[int, bytes]] = []
        head, read = _HEAD.size, _HEAD.unpack_from
        at, end = 0, len(data)
        while (start := at + head) <= end:
            stream, size = read(data, at)
            stop = start + size
            if stop > end:
                break
            found.append((stream, data[start:stop]))
            at = stop
        self._rest = data[at:]
        return found
