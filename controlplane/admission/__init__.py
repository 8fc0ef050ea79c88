"""Decides what an apply or a delete does to a stored object, and writes it. Used by the REST facade and the folder."""

from controlplane.admission.decide import Reason, Refused, Removal, Verdict, decide, decide_delete, removal_of
from controlplane.admission.nodes import NodeApplied, NodeWriter
from controlplane.admission.outcome import ANY, ROUNDS, Applied, Deleted, Unwanted, Wanted
from controlplane.admission.writer import ObjectWriter

__all__ = [
    "ANY",
    "ROUNDS",
    "Applied",
    "Deleted",
    "NodeApplied",
    "NodeWriter",
    "ObjectWriter",
    "Reason",
    "Refused",
    "Removal",
    "Unwanted",
    "Verdict",
    "Wanted",
    "decide",
    "decide_delete",
    "removal_of",
]
