"""What a node may be called: one rule for settings, keys and the agent's default; schemas/ has it as a pattern.

Host names are node names, so a DNS-1123 subdomain: unlike a task's name it may have dots. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache

ACCEPTED = (
    "1 to 253 lower-case ASCII letters, digits, '-' and '.'; each part between dots has at most 63, and starts and ends"
    " with a letter or digit"
)
_LONGEST, _LONGEST_PART = 253, 63
_PART = rf"[a-z0-9](?:[a-z0-9-]{{0,{_LONGEST_PART - 2}}}[a-z0-9])?"
_NAME = re.compile(rf"{_PART}(?:\.{_PART})*", re.ASCII)


@lru_cache(maxsize=16384)
def is_node_name(text: str) -> bool:
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def node_name(value: object) -> str:
    """The name itself. ValueError says what is accepted."""
    if isinstance(value, str) and is_node_name(value):
        return value
    raise ValueError(f"{value!r} is not a node's name: write {ACCEPTED}")


def of_host(host: str) -> str:
    """The host's name in lower case, with '-' for what a node's name cannot have; `local` when nothing is left."""
    parts = (re.sub(r"[^a-z0-9-]+", "-", part)[:_LONGEST_PART].strip("-") for part in host.lower().split("."))
    return ".".join(part for part in parts if part)[:_LONGEST].strip("-.") or "local"
