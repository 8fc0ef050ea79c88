"""The decision, made fast: the nodes as sets of bits, kept in the order of their room (docs/decisions).

Says what `filters` and `scores` say, node by node, only sooner; a property test holds it to that. Nothing outside
`controlplane.placement` imports from here.
"""

from controlplane.placement.engine.engine import Choice, Engine

__all__ = ["Choice", "Engine"]
