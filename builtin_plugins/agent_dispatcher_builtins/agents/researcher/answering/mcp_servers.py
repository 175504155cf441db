"""Tools of servers of the Model Context Protocol (https://modelcontextprotocol.io), through the protocol's own package."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Tool

from ..options import McpServer
from .mcp_tools import offered_tool, tool_names
from .server_log import ServerLog

__all__ = ["McpServers"]

_START_S = 30.0
_CALL_S = 60.0
_MAX_CHARACTERS = 200_000
_MAX_TOOLS = 100


class McpServers:
    """Servers that run while this is entered, with all that they start.

    A server is a program that the user configured, so it runs with the user's rights, outside the sandbox, but with next to nothing of the
    dispatcher's environment. What it says on its standard error goes to the log. What its tools return is data that strangers wrote.

    Args:
        servers: name to what is started.
        log: where servers' own messages go.
        reserved: names that no tool of a server may bear.

    Raises:
        Unavailable: (on entry) the extra is not installed, or a server does not start.
    """

    def __init__(
        self, servers: Mapping[str, McpServer], log: logging.Logger | None = None, reserved: Iterable[str] = ()
    ) -> None:
        self._servers = servers
        self._log = log or logging.getLogger(__name__)
        self._reserved = tuple(reserved)
        self._stack = AsyncExitStack()
        self._calls: dict[str, tuple[Any, str, str]] = {}
        self.tools: tuple[Tool, ...] = ()

    async def __aenter__(self) -> McpServers:
        if not self._servers:
            return self
        try:
            import mcp  # noqa: F401 - only whether it is there
        except ImportError as error:
            raise Unavailable(
                "the researcher's MCP servers need the package mcp", "pip install 'agent-dispatcher[mcp]'"
            ) from error
        try:
            offered = [
                (client, name, tool)
                for name, server in self._servers.items()
                for client, tool in await self._start(name, server)
            ]
        except BaseException:
            await self._stack.aclose()
            raise
        own = tool_names([(name, tool.name) for _, name, tool in offered], self._reserved)
        tools = []
        for called, (client, name, tool) in zip(own, offered, strict=True):
            shown = offered_tool(called, name, tool.description or "", tool.input_schema)
            if shown is None:
                self._log.warning(
                    "MCP server %s: tool %a is left out: what it takes cannot be shown to a model", name, tool.name
                )
                continue
            self._calls[called] = client, name, tool.name
            tools.append(shown)
        self.tools = tuple(tools)
        return self

    async def _start(self, name: str, server: McpServer) -> list[tuple[Any, Any]]:
        """The client of a server with each tool that may be called."""
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client

        said = await self._stack.enter_async_context(ServerLog(name, self._log, server.env.values()))
        command = _held(server.command)
        parameters = StdioServerParameters(command=command[0], args=command[1:], env=_environment(server))
        try:
            async with asyncio.timeout(_START_S):
                client = await self._stack.enter_async_context(Client(stdio_client(parameters, errlog=said.stream)))
                offered = (await client.list_tools()).tools
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and (task := asyncio.current_task()) and task.cancelling():
                raise
            what = said.last() or f"{type(error).__name__}: {error}"
            raise Unavailable(
                f"MCP server {name!r} does not start: {what}", f"run its command by hand: {' '.join(server.command)}"
            ) from error
        wanted = [tool for tool in offered if not server.tools or tool.name in server.tools]
        return [(client, tool) for tool in wanted[:_MAX_TOOLS]]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def offers(self, tool: str) -> bool:
        """Whether a tool of that name is there."""
        return tool in self._calls

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """The text a tool returns.

        Raises:
            ValueError: the tool failed, did not answer in time, or returned no text.
        """
        client, server, name = self._calls[tool]
        try:
            async with asyncio.timeout(_CALL_S):
                result = await client.call_tool(name, dict(arguments))
        except TimeoutError as error:
            raise ValueError(f"tool {name} of {server} did not answer within {_CALL_S:g} s") from error
        except Exception as error:
            raise ValueError(f"tool {name} of {server} failed: {str(error)[:500]}") from error
        text = "\n".join(part.text for part in result.content if getattr(part, "type", "") == "text")
        if result.is_error:
            raise ValueError(f"tool {name} of {server} failed: {text[:500]}")
        if not text.strip():
            raise ValueError(f"tool {name} of {server} returned no text")
        return text[:_MAX_CHARACTERS]


def _environment(server: McpServer) -> dict[str, str]:
    """What a server sees besides what the protocol's package hands on (``PATH``, ``HOME``, ``SHELL``, ``TERM``, ``USER``, ``LOGNAME``)."""
    kept = {name: os.environ[name] for name in ("LANG",) if name in os.environ}
    return {**kept, **server.env}


def _held(command: tuple[str, ...]) -> list[str]:
    """The command, so started that nothing of it is left when it has ended or the dispatcher has, where the system can do that."""
    if sys.platform != "linux":
        return list(command)
    from ....sandboxes import _launcher

    limits = {"parent": os.getpid(), "memory_bytes": None, "file_bytes": None, "cpu_s": None}
    return [sys.executable, "-I", _launcher.__file__, json.dumps(limits), *command]
