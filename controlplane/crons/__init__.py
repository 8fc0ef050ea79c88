"""The cron controller: makes jobs when their time has come, each once, whoever leads."""

from controlplane.crons.controller import CronController

__all__ = ["CronController"]
