"""What one task of a namespace may ask for: held against what is applied, and against what waits for a node."""

from controlplane.limits.beyond import beyond, beyond_of, templates_of
from controlplane.limits.held import held_by_limits

__all__ = ["beyond", "beyond_of", "held_by_limits", "templates_of"]
