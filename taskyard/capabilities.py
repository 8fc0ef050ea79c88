"""The capabilities that each container has unless its task says otherwise: told here to both planes."""

from __future__ import annotations

USUAL_CAPABILITIES = frozenset(
    {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"}
)
"""What the images of common servers need to start as root, give up root, and bind to port 80."""
