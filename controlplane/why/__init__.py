"""Why a task is where it is, or nowhere: what stands in its way on all nodes, in few lines, and what would help. Pure.

It explains what `controlplane.placement` decides, and decides nothing itself. Used by the API and by plans.
"""

from controlplane.why.groups import Group, grouped
from controlplane.why.line import Standing, standing
from controlplane.why.needs import Change, Need, smallest_changes
from controlplane.why.never import nearest_to_ever

__all__ = ["Change", "Group", "Need", "Standing", "grouped", "nearest_to_ever", "smallest_changes", "standing"]
