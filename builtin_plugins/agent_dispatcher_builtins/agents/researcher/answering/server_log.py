"""What a server says on its standard error: a line of the log each, without what would steer a terminal and without the keys it was given."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from types import TracebackType
from typing import TextIO

from agent_dispatcher.provenance import Scrubber

from ....checks.citing import shown

__all__ = ["ServerLog"]

#: A server that says more than so many lines, or such long ones, is not heard to the end.
_MAX_LINES = 200
_MAX_LINE_BYTES = 16_384
#: Values of variables shorter than this are no keys, and would cut words out of everything that is said.
_SHORTEST_KEY = 8


class ServerLog:
    """Has a stream for a server while it is entered; must be entered in the loop that runs the server.

    Args:
        server: its name, before each line.
        log: where the lines go, at ``info``.
        keys: values that are not shown.
    """

    def __init__(self, server: str, log: logging.Logger, keys: Iterable[str]) -> None:
        self._server = server
        self._log = log
        self._scrubber = Scrubber.of(key for key in keys if len(key) >= _SHORTEST_KEY)
        self._lines = 0
        self._rest = b""
        self._last = ""

    def last(self) -> str:
        """The last line that was said, ``""`` when nothing was."""
        self._read()
        return shown(self._scrubber.text(self._rest.decode("utf-8", "replace"))) or self._last

    async def __aenter__(self) -> ServerLog:
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        self.stream: TextIO = os.fdopen(writing, "w", encoding="utf-8")
        asyncio.get_running_loop().add_reader(self._reading, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._reading)
        self.stream.close()
        self._read()
        self._say(self._rest)
        os.close(self._reading)

    def _read(self) -> None:
        try:
            data = os.read(self._reading, 65536)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._reading)
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._say(line)
        self._rest = rest[-_MAX_LINE_BYTES:]

    def _say(self, line: bytes) -> None:
        text = shown(self._scrubber.text(line.decode("utf-8", "replace")))
        if not text:
            return
        self._last = text
        self._lines += 1
        if self._lines <= _MAX_LINES:
            self._log.info("MCP server %s: %s", self._server, text)
        elif self._lines == _MAX_LINES + 1:
            self._log.info("MCP server %s says more than %d lines, which are left out", self._server, _MAX_LINES)
