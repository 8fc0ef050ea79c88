"""Small files of the agent's data folder that a power cut leaves whole: the old text or the new, never half."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """One line. Raises OSError."""
    temporary = path.with_name(f"{path.name}.new")
    with open(temporary, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
