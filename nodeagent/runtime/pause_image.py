"""The image of a program that does nothing until it is killed, as a tar archive: what holds a network for others.

The program is written out here instruction by instruction, so that nothing has to be fetched or compiled. As the first
process of its container it gets no signal but SIGKILL.
"""

from __future__ import annotations

import io
import struct
import tarfile

ENTRYPOINT = "/pause"
_ELF_MACHINES = {"amd64": 62, "arm64": 183}
"""By a machine's architecture, as Go spells it."""
_CODE = {
    # pause(): system call 34, over and over.
    "amd64": bytes.fromhex("b822000000 0f05 ebf7"),
    # ppoll(0, 0, 0, 0): system call 73, over and over.
    "arm64": struct.pack("<7I", 0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001, 0x17FFFFFA),
}
_BASE = 0x400000
_HEADER, _PROGRAM_HEADER = 64, 56


def archive(architecture: str) -> bytes | None:
    """The image's root; None for a kind of machine that it is not written for."""
    if architecture not in _CODE:
        return None
    program = _program(_ELF_MACHINES[architecture], _CODE[architecture])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(ENTRYPOINT.lstrip("/"))
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    return buffer.getvalue()


def _program(machine: int, code: bytes) -> bytes:
    """A static ELF executable: its header, one segment that is all of the file, and the code."""
    begin = _HEADER + _PROGRAM_HEADER
    size = begin + len(code)
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)  # 64 bits, little-endian.
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, _BASE + begin, _HEADER, 0, 0, _HEADER, _PROGRAM_HEADER, 1, 0, 0, 0
    )
    readable_and_executable = 5
    segment = struct.pack("<IIQQQQQQ", 1, readable_and_executable, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + code
