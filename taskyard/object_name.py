"""What an object and a namespace may be called: one rule for queries; schemas/common.json has it as a pattern.

A node's name has a rule of its own: taskyard/node_name.py. Pure.
"""

from __future__ import annotations

import re

ACCEPTED = "1 to 63 lower-case ASCII letters, digits and '-', starting and ending with a letter or digit"
_LONGEST = 63
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)


def is_object_name(text: str) -> bool:
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None
