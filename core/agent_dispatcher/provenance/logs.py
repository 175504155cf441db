"""The log that an agent writes to, without keys."""

from __future__ import annotations

import logging
from typing import Any

from .scrubbing import Scrubber

__all__ = ["CleanLogger"]

_FORMATTER = logging.Formatter()


class CleanLogger(logging.Logger):
    """Stands before the logger of the same name and hands it every record without keys: in the message, in a traceback, in a stack.

    What is configured for that logger (levels, handlers, filters) counts, and what is set here is set there. It is made per run, since a run
    knows its keys, and is not registered: ``logging.getLogger`` gives the other one.
    """

    def __init__(self, name: str, scrubber: Scrubber) -> None:
        super().__init__(name)
        self._to = logging.getLogger(name)
        self._scrubber = scrubber

    def isEnabledFor(self, level: int) -> bool:
        """As the logger of the same name."""
        return self._to.isEnabledFor(level)

    def getEffectiveLevel(self) -> int:
        """As the logger of the same name."""
        return self._to.getEffectiveLevel()

    def setLevel(self, level: int | str) -> None:
        """Of the logger of the same name."""
        self._to.setLevel(level)

    def addHandler(self, hdlr: logging.Handler) -> None:
        """To the logger of the same name."""
        self._to.addHandler(hdlr)

    def removeHandler(self, hdlr: logging.Handler) -> None:
        """From the logger of the same name."""
        self._to.removeHandler(hdlr)

    def hasHandlers(self) -> bool:
        """As the logger of the same name."""
        return self._to.hasHandlers()

    def getChild(self, suffix: str) -> CleanLogger:
        """A clean one too."""
        return CleanLogger(f"{self.name}.{suffix}", self._scrubber)

    def handle(self, record: logging.LogRecord) -> None:
        """Take the keys out and pass the record on. It carries a traceback as text from here on: the exception itself could be asked for more."""
        clean = self._scrubber.text
        record.msg, record.args = clean(_said(record)), ()
        if record.exc_info:
            record.exc_text = clean(_FORMATTER.formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = clean(record.stack_info)
        self._to.handle(record)

    def __reduce__(self) -> Any:
        return logging.getLogger, (self.name,)


def _said(record: logging.LogRecord) -> str:
    """The message; of one whose arguments do not fit what there is of it, for a wrong call must not hide what it is about."""
    try:
        return record.getMessage()
    except Exception:
        return f"{record.msg} {record.args}"
