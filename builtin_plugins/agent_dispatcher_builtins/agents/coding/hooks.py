"""Offers the agent types ``acp`` and ``command-line``: used where the configuration names them, never by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from agent_dispatcher.agents.base_agent import BaseAgent
from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.extension.components import Services

from .options import AcpOptions, CommandLineOptions

__all__ = ["acp", "acp_agent_type", "command_line", "command_line_agent_type"]

#: What a coding agent can be asked to do; a configuration may give it more.
_TASK_TYPES: Final = ("code_writing", "debugging", "refactoring", "documentation", "testing")


def _make_acp(options: Any, services: Services) -> BaseAgent:
    try:
        from .acp.agent import AcpAgent
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("acp", "pydantic"):
            raise
        raise Unavailable(
            f"agent type {services.log.name.rpartition('.')[2]!r} needs the package agent-client-protocol",
            "pip install 'agent-dispatcher[acp]'",
        ) from error
    return AcpAgent(options, services)


def _make_command_line(options: Any, services: Services) -> BaseAgent:
    from .command_line.agent import CommandLineAgent

    return CommandLineAgent(options, services)


def acp_agent_type(name: str = "acp", options: type[AcpOptions] = AcpOptions) -> AgentType:
    """The agent type for programs that speak the Agent Client Protocol. A plugin that wants several of them offers it under several names."""
    return AgentType(
        name=name,
        summary="Runs a coding agent that speaks the Agent Client Protocol, in the sandbox.",
        factory=_make_acp,
        task_types=frozenset(_TASK_TYPES),
        needs=frozenset({"sandbox"}),
        options=options,
    )


def command_line_agent_type(
    name: str = "command-line", options: type[CommandLineOptions] = CommandLineOptions
) -> AgentType:
    """The agent type for programs that tell what they do in lines of JSON. A plugin may offer it under several names."""
    return AgentType(
        name=name,
        summary="Runs a command-line coding agent and reads its lines of JSON, in the sandbox.",
        factory=_make_command_line,
        task_types=frozenset(_TASK_TYPES),
        needs=frozenset({"sandbox"}),
        options=options,
    )


class _Acp:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """Offer ``acp``."""
        yield acp_agent_type()


class _CommandLine:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        """Offer ``command-line``."""
        yield command_line_agent_type()


acp = _Acp()
command_line = _CommandLine()
