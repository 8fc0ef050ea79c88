"""Brings tasks back to a node that was lost and has returned, where their specs say so (onNodeLoss.onReturn)."""

from controlplane.returning.controller import ReturnController

__all__ = ["ReturnController"]
