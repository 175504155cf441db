"""An agent that is a command: it reads what is to be done, works in its folder, tells what it does in lines of JSON, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from attrs import evolve

from agent_dispatcher.agents.base_agent import AgentContext
from agent_dispatcher.models import Task

from ..agent import CodingAgent, Said, how_it_ended
from ..options import CommandLineOptions
from ..progress import Teller
from ..session import AgentProcess
from .lines import Heard

__all__ = ["CommandLineAgent"]


class CommandLineAgent(CodingAgent):
    """One command for each attempt."""

    options: CommandLineOptions

    def words(self, prompt: str) -> Mapping[str, str]:
        """What is to be done can stand in the command."""
        return {"prompt": prompt}

    async def converse(self, process: AgentProcess, prompt: str, task: Task, context: AgentContext) -> Said:
        """From the prompt to the exit code."""
        heard = Heard(self.options.events, Teller(context.progress).tell)
        feeding = asyncio.ensure_future(self._feed(process, prompt))
        try:
            await _listen(process.reader, heard)
            ended = await process.ended()
        finally:
            feeding.cancel()
            await asyncio.wait({feeding})
        said = heard.said()
        if ended.limit_hit is not None or ended.code not in self.options.good_codes:
            why = how_it_ended(ended)
            return evolve(said, error=f"{why} ({said.error})" if said.error else why)
        return said

    async def _feed(self, process: AgentProcess, prompt: str) -> None:
        with suppress(OSError):
            if not any("{prompt}" in part for part in self.options.command):
                process.writer.write(prompt.encode())
                await process.writer.drain()
            process.writer.write_eof()


async def _listen(reader: asyncio.StreamReader, heard: Heard) -> None:
    """Every line; one that is too long is passed over."""
    while True:
        try:
            line = await reader.readline()
        except ValueError:
            continue
        except OSError:
            return
        if not line:
            return
        heard.take(line.decode("utf-8", "replace"))
