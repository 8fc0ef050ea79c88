"""What a namespace has for tasks that do not say: filled in where specs enter, and told from what is written."""

from controlplane.defaults.admitted import admitted, as_written
from controlplane.defaults.filling import filled, unfilled

__all__ = ["admitted", "as_written", "filled", "unfilled"]
