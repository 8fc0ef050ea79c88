"""Log records as single lines of `key=value`, for people and for programs alike. Set up once, in __main__."""

from __future__ import annotations

import json
import logging
import sys

from taskyard.clock import timestamp


class OneLine(logging.Formatter):
    """A traceback is one line as well: a log that is read line by line must not lose half of it."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "thread": record.threadName or "",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={_quoted(value)}" for key, value in fields.items())


def set_up(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _quoted(value: str) -> str:
    plain = value.isprintable() and not set(value) & {" ", '"', "="}
    return value if plain and value else json.dumps(value, ensure_ascii=False)
