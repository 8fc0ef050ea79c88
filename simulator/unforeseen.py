"""An exception that a component caught because nobody foresaw it is a violation: read from its log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from simulator.story import Violation

_LOGGERS = ("taskyard", "controlplane", "nodeagent")


class Unforeseen(logging.Handler, AbstractContextManager["Unforeseen"]):
    """Tells `fail` of each, and silences all other logging meanwhile."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        super().__init__(logging.ERROR)
        self._fail = fail
        self._before: list[tuple[bool, int]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            error = record.exc_info[1]
            self._fail(Violation(f"{record.name}: {record.getMessage()}: {type(error).__name__}: {error}"))

    def __enter__(self) -> Unforeseen:
        for logger in map(logging.getLogger, _LOGGERS):
            self._before.append((logger.propagate, logger.level))
            logger.propagate = False
            logger.setLevel(logging.ERROR)
            logger.addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for logger, (propagate, level) in zip(map(logging.getLogger, _LOGGERS), self._before, strict=True):
            logger.propagate = propagate
            logger.setLevel(level)
            logger.removeHandler(self)
