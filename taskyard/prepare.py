"""Makes structs safe to decode in many threads: called where they are defined, at the end of the module.

msgspec describes a struct to itself when it is first decoded. In 0.22 another thread that decodes the same struct
meanwhile, also one that is nested in it, reads the unfinished description and the process dies with SIGSEGV. Modules
are imported by one thread at a time, so the description is finished here, before anybody can race for it.
"""

from __future__ import annotations

import msgspec


def prepare(*kinds: type[msgspec.Struct]) -> None:
    """`kinds`: what is passed to a decode; nested structs are prepared with them."""
    for kind in kinds:
        msgspec.json.Decoder(kind)
