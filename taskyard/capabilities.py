"""Which capabilities containers have, and may have with nobody's agreement: told here to both planes."""

from __future__ import annotations

USUAL_CAPABILITIES = frozenset(
    {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"}
)
"""What the images of common servers need to start as root, give up root, and bind to port 80."""

CAPABILITIES_ON_REQUEST = frozenset({"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SETPCAP", "SYS_CHROOT"})
"""The others that Docker gives to every container: no operator has to agree, and a namespace only if it lists any."""
