"""What an agent says, line by line, before the protocol's package hears it: only objects of JSON get through.

Programs greet, warn and crash on their standard output. The package would stop listening at some of that, and report all of it where users look.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from ..session import MAX_LINE_BYTES

__all__ = ["Messages"]

_MOST_NOISE = 2_000


class Messages:
    """The lines of ``source`` that can be messages.

    Args:
        source: the agent's standard output.

    Attributes:
        reader: where they come out.
        noise: the beginning of what was no message.
    """

    def __init__(self, source: asyncio.StreamReader) -> None:
        self._source = source
        self.reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        self.noise = ""

    async def sift(self) -> None:
        """Until the source ends; to be run beside whoever reads."""
        with suppress(OSError):
            while True:
                try:
                    line = await self._source.readline()
                except ValueError:
                    self._ignore("a line that is too long")
                    continue
                if not line:
                    break
                if _is_message(line):
                    self.reader.feed_data(line)
                    await asyncio.sleep(0)  # whoever reads keeps up: nothing gathers here
                else:
                    self._ignore(line.decode("utf-8", "replace"))
        self.reader.feed_eof()

    def _ignore(self, text: str) -> None:
        if len(self.noise) < _MOST_NOISE and text.strip():
            self.noise = f"{self.noise} {text.strip()}".strip()[:_MOST_NOISE]


def _is_message(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
