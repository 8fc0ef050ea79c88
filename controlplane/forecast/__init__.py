"""What would happen: the control plane's own loops, run ahead in memory on a copy of the cluster.

Not a model of the scheduler but the scheduler itself, so what it is asked for here is what it will do. The store's
copy is thrown away afterwards. Used for plans.
"""

from controlplane.forecast.fork import Fork, Placed

__all__ = ["Fork", "Placed"]
