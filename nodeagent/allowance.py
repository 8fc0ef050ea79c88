"""What a task may have on this node beyond the usual: the node's operator decides, by flags of the agent.

Pure. The limits of a task's namespace have to allow it as well, and hold before a task gets to a node: see
`controlplane.limits`.
"""

from __future__ import annotations

from dataclasses import dataclass

from taskyard.capabilities import CAPABILITIES_ON_REQUEST, USUAL_CAPABILITIES
from taskyard.objects import Security, TaskSpec


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
        wanted = set(spec.security.cap_add) - USUAL_CAPABILITIES - CAPABILITIES_ON_REQUEST - self.capabilities
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
