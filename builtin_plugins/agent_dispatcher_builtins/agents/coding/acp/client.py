"""The dispatcher's side of a session: an agent's requests for files, commands and permission, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acp import RequestError
from acp.schema import (
    AllowedOutcome,
    CreateTerminalResponse,
    DeniedOutcome,
    KillTerminalResponse,
    ReadTextFileResponse,
    ReleaseTerminalResponse,
    RequestPermissionResponse,
    TerminalExitStatus,
    TerminalOutputResponse,
    WaitForTerminalExitResponse,
    WriteTextFileResponse,
)

from agent_dispatcher.agents.base_agent import AgentContext
from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import Limits

from ..progress import Teller
from .permission import chosen, inside, is_granted
from .terminals import Terminals

__all__ = ["SessionClient"]

_MOST_WORDS = 20_000
_MOST_CALLS = 1_000
_MOST_ASKED = 1_000


class SessionClient:
    """Answers one agent in one attempt.

    Args:
        context: of the attempt.
        folder: of the task, as the agent names it.
        limits, memory_bytes: of each command it wants run.

    Attributes:
        terminals: the commands it had run.
        refused: titles of what it was not permitted.
    """

    def __init__(self, context: AgentContext, folder: str, limits: Limits, memory_bytes: int | None = None) -> None:
        self._context = context
        self._folder = folder
        self.terminals = Terminals(context.sandbox, folder, limits, memory_bytes)
        self.refused: list[str] = []
        self._asked = 0
        self._words: list[str] = []
        self._calls: dict[str, dict[str, Any]] = {}
        self._teller = Teller(context.progress)

    @property
    def last_words(self) -> str:
        """What the agent said after its last tool call."""
        return "".join(self._words).strip()

    async def session_update(self, session_id: str, update: Any, **more: Any) -> None:
        """Progress: what it does becomes a line, a plan the share that is done."""
        kind = getattr(update, "session_update", "")
        if kind == "agent_message_chunk":
            text = getattr(update.content, "text", "")
            if sum(map(len, self._words)) < _MOST_WORDS:
                self._words.append(text)
        elif kind in ("tool_call", "tool_call_update"):
            self._see(_plain(update))
        elif kind == "plan":
            done = sum(entry.status == "completed" for entry in update.entries)
            self._teller.reached(done / max(1, len(update.entries)))
            now = next((entry.content for entry in update.entries if entry.status == "in_progress"), "")
            self._teller.tell(now or "planning")

    async def request_permission(
        self, session_id: str, tool_call: Any, options: Any, **more: Any
    ) -> RequestPermissionResponse:
        """By policy, see :mod:`.permission`; what is not clearly granted is refused."""
        call = self._see(_plain(tool_call))
        granted = is_granted(self._folder, call)
        title = str(call.get("title") or call.get("kind") or "something unnamed")
        self._record("permission", title, granted)
        if not granted:
            self.refused.append(title)
            self._context.log.info("task %s: refused the coding agent %r", self._context.task, self.refused[-1])
        option = chosen([_plain(each) for each in options], granted)
        if option is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=option))

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **more: Any
    ) -> ReadTextFileResponse:
        """A file of the task's folder, through the guard."""
        try:
            text = self._context.workspace.read_text(inside(self._folder, path))
            self._record("read", path, True)
        except FileNotFoundError:
            raise RequestError.resource_not_found(path) from None
        except PathRefused as error:
            self._record("read", path, False)
            raise RequestError.invalid_params({"reason": str(error)}) from None
        if line is not None or limit is not None:
            first = max(0, (line or 1) - 1)
            lines = text.splitlines(keepends=True)
            text = "".join(lines[first:] if limit is None else lines[first : first + limit])
        return ReadTextFileResponse(content=text)

    async def write_text_file(self, session_id: str, path: str, content: str, **more: Any) -> WriteTextFileResponse:
        """A file of the task's folder, through the guard."""
        try:
            self._context.workspace.write_text(inside(self._folder, path), content)
            self._record("write", path, True)
        except PathRefused as error:
            self._record("write", path, False)
            raise RequestError.invalid_params({"reason": str(error)}) from None
        return WriteTextFileResponse()

    async def create_terminal(
        self,
        session_id: str,
        command: str,
        args: list[str] | None = None,
        env: Any = None,
        cwd: str | None = None,
        output_byte_limit: int | None = None,
        **more: Any,
    ) -> CreateTerminalResponse:
        """A command in the sandbox."""
        variables = {each.name: each.value for each in env or ()}
        try:
            name = self.terminals.create(command, args or (), env=variables, cwd=cwd, most=output_byte_limit)
        except (PathRefused, ValueError) as error:
            raise RequestError.invalid_params({"reason": str(error)}) from None
        return CreateTerminalResponse(terminal_id=name)

    async def terminal_output(self, session_id: str, terminal_id: str, **more: Any) -> TerminalOutputResponse:
        """What it printed."""
        text, truncated, code = self.terminals.output(terminal_id)
        status = None if code is None else TerminalExitStatus(exit_code=code)
        return TerminalOutputResponse(output=text, truncated=truncated, exit_status=status)

    async def wait_for_terminal_exit(
        self, session_id: str, terminal_id: str, **more: Any
    ) -> WaitForTerminalExitResponse:
        """How it ended."""
        return WaitForTerminalExitResponse(exit_code=await self.terminals.wait(terminal_id))

    async def kill_terminal(self, session_id: str, terminal_id: str, **more: Any) -> KillTerminalResponse:
        """End it."""
        await self.terminals.kill(terminal_id)
        return KillTerminalResponse()

    async def release_terminal(self, session_id: str, terminal_id: str, **more: Any) -> ReleaseTerminalResponse:
        """Forget it."""
        await self.terminals.release(terminal_id)
        return ReleaseTerminalResponse()

    async def create_elicitation(self, message: str, mode: Any, **more: Any) -> Any:
        """Nobody is there to be asked."""
        raise RequestError.method_not_found("elicitation/create")

    async def complete_elicitation(self, elicitation_id: str, **more: Any) -> None:
        """Nothing was begun."""

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """No extension is known."""
        raise RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """No extension is known."""

    def on_connect(self, conn: Any) -> None:
        """Nothing to do."""

    def _record(self, what: str, subject: str, granted: bool) -> None:
        """An agent that asks without end does not fill the record."""
        self._asked += 1
        if self._asked <= _MOST_ASKED:
            self._context.asked(what, subject, granted)

    def _see(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """What is known of a tool call, where a later word replaces an earlier one; the first is progress."""
        name = str(call.get("toolCallId"))
        known = self._calls.setdefault(name, {})
        is_new = not known
        known.update(call)
        if is_new:
            self._words.clear()
            self._teller.tell(str(known.get("title") or known.get("kind") or "working"))
            while len(self._calls) > _MOST_CALLS:
                del self._calls[next(iter(self._calls))]
        return known


def _plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return plain
