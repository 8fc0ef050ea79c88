"""Takes tasks off nodes with a taint NoExecute that they do not tolerate, or no longer, as fast as budgets allow."""

from controlplane.evictions.controller import EvictionController

__all__ = ["EvictionController"]
