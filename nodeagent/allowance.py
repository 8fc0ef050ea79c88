"""What a task may have on this node beyond the usual: the node's operator decides, by flags of the agent.

Pure. A policy of the task's namespace is to be laid over this: it can only take away from what the node allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from taskyard.objects import Security, TaskSpec

USUAL_CAPABILITIES = frozenset(
    {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"}
)
"""What the images of common servers need to start as root, give up root, and bind to port 80."""
ON_REQUEST = frozenset({"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SETPCAP", "SYS_CHROOT"})
"""The others that Docker gives to every container: no operator has to agree."""


@dataclass(frozen=True, slots=True)
class Allowance:
    capabilities: frozenset[str] = frozenset()
    """On top of the usual ones and those on request."""
    host_paths: tuple[str, ...] = ()
    """Folders of the node whose contents may be mounted."""
    host_network: bool = False

    def refusal(self, spec: TaskSpec) -> str:
        """Why a task with this spec must not run here, and what to do; empty when it may."""
        if spec.network.mode == "host" and not self.host_network:
            return (
                "this node does not allow its own network to tasks: start its agent with --allow-host-network, or take"
                " another node"
            )
        wanted = set(spec.security.cap_add) - USUAL_CAPABILITIES - ON_REQUEST - self.capabilities
        if not wanted:
            return ""
        names = ", ".join(sorted(wanted))
        return f"this node allows no capability {names}: start its agent with --allow-capability, or take another node"


NOTHING_MORE = Allowance()


def capabilities(security: Security) -> tuple[str, ...]:
    """All that the container has."""
    dropped = set(security.cap_drop)
    kept = set() if "ALL" in dropped else USUAL_CAPABILITIES - dropped
    return tuple(sorted(kept | set(security.cap_add)))
