"""Decides what an apply or a delete does to the stored task, and writes it. Used by the REST facade and the folder."""

from controlplane.admission.decide import Reason, Refused, Removal, Verdict, decide, decide_delete
from controlplane.admission.nodes import NodeApplied, NodeWriter
from controlplane.admission.outcome import ANY, Applied, Deleted, Wanted
from controlplane.admission.writer import TaskWriter

__all__ = [
    "ANY",
    "Applied",
    "Deleted",
    "NodeApplied",
    "NodeWriter",
    "Reason",
    "Refused",
    "Removal",
    "TaskWriter",
    "Verdict",
    "Wanted",
    "decide",
    "decide_delete",
]
