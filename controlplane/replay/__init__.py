"""Decisions over a stretch of the store's history, made again by this scheduler with this or another policy. Pure over
the store: it only reads.
"""

from controlplane.replay.decided import Again, compare
from controlplane.replay.span import Span, span_of
from controlplane.replay.walk import Replayed, replay

__all__ = ["Again", "Replayed", "Span", "compare", "replay", "span_of"]
