"""When a node's maintenance is over, and what is written then. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from controlplane.leading import Proposal
from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.objects import Maintenance, NodeSpec, encode
from taskyard.store.api import Put, unchanged_since


def left(maintenance: Maintenance, now: float) -> float:
    """Seconds. 0 as well where the moment is none: such a value was put by hand, and would never end."""
    try:
        return max(parse_timestamp(maintenance.until) - now, 0.0)
    except ValueError:
        return 0.0


def end(node: str, spec: NodeSpec, revision: int) -> Proposal[str]:
    """Nothing else that is said about the node is touched."""
    metadata = replace(spec.metadata, generation=spec.metadata.generation + 1)
    key = keys.node_spec(node)
    over = replace(spec, metadata=metadata, maintenance=None)
    return Proposal(node, (unchanged_since(key, revision),), (Put(key, encode(over)),))
