"""Tools of servers of the Model Context Protocol (https://modelcontextprotocol.io), through the protocol's own package."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Tool

from ..options import McpServer

__all__ = ["McpServers"]

_START_S = 30.0
_CALL_S = 60.0
_MAX_CHARACTERS = 200_000


class McpServers:
    """Servers that run while this is entered.

    A server is a program that the user configured, so it runs with the user's rights, outside the sandbox, but with next to nothing of the
    dispatcher's environment. What its tools return is data that strangers wrote.

    Args:
        servers: name to what is started.

    Raises:
        Unavailable: (on entry) the extra is not installed, or a server does not start.
    """

    def __init__(self, servers: Mapping[str, McpServer]) -> None:
        self._servers = servers
        self._stack = AsyncExitStack()
        self._calls: dict[str, tuple[Any, str, str]] = {}
        self.tools: tuple[Tool, ...] = ()

    async def __aenter__(self) -> McpServers:
        if not self._servers:
            return self
        try:
            from mcp import Client, StdioServerParameters
        except ImportError as error:
            raise Unavailable(
                "the researcher's MCP servers need the package mcp", "pip install 'agent-dispatcher[mcp]'"
            ) from error
        tools: list[Tool] = []
        try:
            for name, server in self._servers.items():
                parameters = StdioServerParameters(
                    command=server.command[0], args=list(server.command[1:]), env=_environment(server)
                )
                try:
                    async with asyncio.timeout(_START_S):
                        client = await self._stack.enter_async_context(Client(parameters))
                        offered = (await client.list_tools()).tools
                except (Exception, asyncio.CancelledError) as error:
                    if (
                        isinstance(error, asyncio.CancelledError)
                        and (task := asyncio.current_task())
                        and task.cancelling()
                    ):
                        raise
                    raise Unavailable(
                        f"MCP server {name!r} does not start: {type(error).__name__}: {error}",
                        f"run its command by hand: {' '.join(server.command)}",
                    ) from error
                for tool in offered:
                    if server.tools and tool.name not in server.tools:
                        continue
                    own = f"{name}_{tool.name}"
                    self._calls[own] = client, name, tool.name
                    tools.append(Tool(name=own, description=tool.description or "", parameters=dict(tool.input_schema)))
        except BaseException:
            await self._stack.aclose()
            raise
        self.tools = tuple(tools)
        return self

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
            raise ValueError(f"tool {name} of {server} failed: {error}") from error
        text = "\n".join(part.text for part in result.content if getattr(part, "type", "") == "text")
        if result.is_error:
            raise ValueError(f"tool {name} of {server} failed: {text[:500]}")
        if not text.strip():
            raise ValueError(f"tool {name} of {server} returned no text")
        return text[:_MAX_CHARACTERS]


def _environment(server: McpServer) -> dict[str, str]:
    """What a server sees: enough to start a program, and what the user gives it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **server.env}
