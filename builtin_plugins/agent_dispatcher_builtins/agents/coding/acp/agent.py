"""An agent that is a program speaking the Agent Client Protocol."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from acp import PROTOCOL_VERSION, RequestError, connect_to_agent, text_block
from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation

from agent_dispatcher.agents.base_agent import AgentContext
from agent_dispatcher.extension import Limits
from agent_dispatcher.models import Task

from ..agent import CodingAgent, Said, how_it_ended, short
from ..options import AcpOptions
from ..session import AgentProcess
from .client import SessionClient
from .messages import Messages

__all__ = ["AcpAgent"]

#: For an agent that was told that its turn is cancelled, to stop by itself.
_CANCEL_S = 1.0
#: Until there is a session; programs that start slowly on a busy machine were seen to take half a minute.
_ANSWER_S = 180.0
_WHY = {
    "max_tokens": "the model's reply was cut off",
    "max_turn_requests": "it may not ask the model more often in one turn",
    "refusal": "it would not do the task",
    "cancelled": "it says that it was cancelled",
}


class AcpAgent(CodingAgent):
    """One session, one prompt, in the task's folder."""

    options: AcpOptions

    async def converse(self, process: AgentProcess, prompt: str, task: Task, context: AgentContext) -> Said:
        """The whole session."""
        limits = Limits(memory_bytes=None, processes=self.options.processes)
        client = SessionClient(context, process.place.folder, limits, self.options.memory_bytes)
        messages = Messages(process.reader)
        sifting = asyncio.ensure_future(messages.sift())
        connection = connect_to_agent(client, process.writer, messages.reader)
        talking = asyncio.ensure_future(self._talk(connection, process, prompt))
        ending = asyncio.ensure_future(process.ended())
        try:
            await asyncio.wait({talking, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                return Said(summary=client.last_words, error=_with(how_it_ended(ending.result()), messages))
            reason = talking.result()
        except RequestError as error:
            return Said(summary=client.last_words, error=f"the coding agent failed: {_words(error)}")
        except TimeoutError:
            return Said(error=_with(f"the coding agent did not answer within {_ANSWER_S:.0f} s", messages))
        except ValueError as error:
            return Said(
                summary=client.last_words, error=f"the coding agent does not keep to the protocol: {short(str(error))}"
            )
        except (ConnectionError, EOFError):
            return Said(summary=client.last_words, error=_with(how_it_ended(await process.ended()), messages))
        finally:
            for each in (talking, ending, sifting):
                each.cancel()
            await asyncio.wait({talking, ending, sifting})
            await client.terminals.aclose()
            with suppress(Exception):
                await connection.close()
        await process.leave()
        refused = f" (refused: {'; '.join(client.refused[:5])})" if client.refused else ""
        if reason != "end_turn":
            return Said(
                summary=client.last_words, error=f"the coding agent stopped: {_WHY.get(reason, reason)}{refused}"
            )
        return Said(summary=client.last_words + refused)

    async def _talk(self, connection: Any, process: AgentProcess, prompt: str) -> str:
        """Why the agent stopped."""
        session = await asyncio.wait_for(self._greet(connection, process), _ANSWER_S)
        turn = asyncio.ensure_future(connection.prompt(prompt=[text_block(prompt)], session_id=session))
        try:
            ended = await asyncio.shield(turn)
        except asyncio.CancelledError:
            with suppress(Exception):
                await connection.cancel(session_id=session)
                await asyncio.wait({turn}, timeout=_CANCEL_S)
            raise
        finally:
            turn.cancel()
        return str(ended.stop_reason)

    async def _greet(self, connection: Any, process: AgentProcess) -> str:
        """The new session's id."""
        await connection.initialize(
            protocol_version=PROTOCOL_VERSION,
            client_capabilities=ClientCapabilities(
                fs=FileSystemCapabilities(read_text_file=True, write_text_file=True), terminal=True
            ),
            client_info=Implementation(name="agent-dispatcher", version="1"),
        )
        if self.options.auth_method:
            await connection.authenticate(method_id=self.options.auth_method)
        session = await connection.new_session(cwd=process.place.folder, mcp_servers=[])
        if self.options.mode:
            await connection.set_session_mode(mode_id=self.options.mode, session_id=session.session_id)
        return str(session.session_id)


def _words(error: RequestError) -> str:
    data = error.data
    more = data.get("details") or data.get("message") or data.get("reason") if isinstance(data, dict) else data
    return f"{error} ({more})" if more else str(error)


def _with(why: str, messages: Messages) -> str:
    """The reason, and what the agent printed that was no message: often the reason of the reason."""
    return f"{why}; it printed: {short(messages.noise)}" if messages.noise else why
