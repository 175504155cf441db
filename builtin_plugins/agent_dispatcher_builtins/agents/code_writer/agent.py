"""The code writer: writes the files of one task, from what the specification declares, or with a model from what it says."""

from __future__ import annotations

import asyncio

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.models import Task

from ..by_model.options import ModelOptions
from .acceptance import follows_from_behaviour
from .generating import generate_task

__all__ = ["CodeWriterAgent"]


class CodeWriterAgent(BaseAgent):
    """Generates what follows from declared behaviour, and asks the model for the rest; no stub, and nothing handed in that it knows to be wrong.

    Args:
        options: how it uses a model.
    """

    commands_write = False

    def __init__(self, options: ModelOptions | None = None) -> None:
        self._options = options or ModelOptions()

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """Write the files of ``task``; see :meth:`agent_dispatcher.agents.BaseAgent.execute`."""
        if context.llm is None or follows_from_behaviour(task, context.specification):
            return await asyncio.to_thread(generate_task, task, context)
        from .writing import write_task

        return await write_task(task, context, self._options)
