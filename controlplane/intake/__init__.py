"""Takes in what people put into etcd by hand: completes what is valid, tells of what is not."""

from controlplane.intake.intake import Intake

__all__ = ["Intake"]
