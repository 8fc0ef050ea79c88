"""Who sits at the command line, for the history of what is changed from there. Nobody checks it: it is a note."""

from __future__ import annotations

import getpass


def login_name() -> str:
    """As the machine knows the user; empty where it knows no name (a container without an entry in passwd)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
