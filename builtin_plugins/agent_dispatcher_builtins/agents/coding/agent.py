"""What coding agents of every sort share: the sandbox, the model server in it, the time there is, and the verdict on what was done."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve, frozen

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Completed
from agent_dispatcher.extension.components import Services
from agent_dispatcher.models import Task

from .changes import artifacts, changes, pictured
from .disputing import dispute_in, may_dispute
from .instructions import instructions
from .options import MAX_CALLS, CodingAgentOptions
from .proxy.connections import TooManyCalls
from .proxy.server import ModelProxy
from .proxy.unmetered import UnmeteredProxy
from .session import AgentProcess, started

__all__ = ["CodingAgent", "Said", "how_it_ended", "short"]

_LAST_WORDS = 600
_NOT_HELD = (
    "a coding agent is a program that nobody vouches for: it runs in a sandbox that isolates or not at all, and this run's"
    " is of tier {} (install bubblewrap, or give the task to another agent type)"
)
_NO_MODEL = (
    "the coding agent is configured to ask a model ({base_url}), and none is configured: name a backend in [use] llm"
)


@frozen(kw_only=True)
class Said:
    """What came of an agent's turn, as far as it is known before anybody looks into the folder.

    Attributes:
        summary: in its own words.
        error: why it failed; ``""`` when it ended well.
        tokens: what it says it used.
    """

    summary: str = ""
    error: str = ""
    tokens: int = 0


class CodingAgent(BaseAgent):
    """Starts the program, has a subclass talk to it, and judges by the folder.

    Args:
        options: which program, and how.
        services: of the agent type.

    Raises:
        Unavailable: an unmetered server is configured, and not allowed.
    """

    def __init__(self, options: CodingAgentOptions, services: Services) -> None:
        self.options = options
        if options.unmetered_url and not services.config.budget.allow_unmetered:
            raise Unavailable(
                f"{options.unmetered_url} would be asked past count and budget",
                "set budget.allow_unmetered, or leave out unmetered_url",
            )

    async def converse(self, process: AgentProcess, prompt: str, task: Task, context: AgentContext) -> Said:
        """Have the program do the task; to be overridden."""
        raise TypeError(f"{type(self).__name__} does not override converse()")

    def words(self, prompt: str) -> Mapping[str, str]:
        """What else is replaced in the command."""
        return {}

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """One attempt.

        Raises:
            BudgetExceeded: a call to the model did not fit.
            BackendError: the model failed, and so the agent did.
            SandboxUnavailable: nothing was run.
        """
        if context.sandbox.tier != "isolated":
            return AgentResult(status="failed", error=_NOT_HELD.format(context.sandbox.tier), permanent=True)
        if context.llm is None and not self.options.unmetered_url and self.options.wants_model:
            return AgentResult(status="failed", error=_NO_MODEL, permanent=True)
        before = await asyncio.to_thread(pictured, context.workspace)
        prompt = instructions(task, context)
        timeout_s = max(1.0, min(self.options.timeout_s, context.deadline - time.monotonic()))
        async with self._model(context) as model:
            serving = started(
                context.sandbox,
                self.options,
                timeout_s=timeout_s,
                model=None if model is None else model.connections.serve,
                more=self.words(prompt),
            )
            async with serving as process:
                said = await self._until_stopped(self.converse(process, prompt, task, context), model)
        return await self._judged(said, task, context, before, model)

    @asynccontextmanager
    async def _model(self, context: AgentContext) -> AsyncIterator[ModelProxy | UnmeteredProxy | None]:
        options = self.options
        model: ModelProxy | UnmeteredProxy | None = None
        if options.unmetered_url:
            key = os.environ.get(options.unmetered_key_env) if options.unmetered_key_env else None
            model = UnmeteredProxy(
                options.unmetered_url,
                key,
                max_calls=options.max_calls,
                max_request_bytes=options.max_request_bytes,
            )
        elif context.llm is not None:
            model = ModelProxy(
                context.llm,
                max_output_tokens=options.max_output_tokens,
                max_calls=options.max_calls or MAX_CALLS,
                max_request_bytes=options.max_request_bytes,
            )
        try:
            yield model
        finally:
            if model is not None:
                await model.connections.aclose()

    async def _until_stopped(
        self, conversing: Coroutine[Any, Any, Said], model: ModelProxy | UnmeteredProxy | None
    ) -> Said:
        """What was said; a call that was refused for good ends the conversation."""
        talk: asyncio.Future[Said] = asyncio.ensure_future(conversing)
        stopped = asyncio.get_running_loop().create_future() if model is None else model.connections.stopped
        try:
            await asyncio.wait({talk, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                error = stopped.result()
                if isinstance(error, TooManyCalls):
                    return Said(error=str(error))
                raise error
            return talk.result()
        finally:
            talk.cancel()
            await asyncio.wait({talk})
            if not talk.cancelled():
                talk.exception()

    async def _judged(
        self,
        said: Said,
        task: Task,
        context: AgentContext,
        before: Mapping[str, str],
        model: ModelProxy | UnmeteredProxy | None,
    ) -> AgentResult:
        """The verdict, by the folder: without a change nothing was done, whatever was said. An objection to a test is all that words can bring about."""
        said = evolve(
            said, summary=context.scrub(said.summary), error=context.scrub(said.error)
        )  # before they are shortened
        made = changes(before, await asyncio.to_thread(pictured, context.workspace))
        tokens = said.tokens if isinstance(model, UnmeteredProxy) else 0
        if not said.error and may_dispute(task, context.feedback):
            dispute = dispute_in(said.summary, context.task_context(task).to_text(), context.feedback)
            if dispute is not None:
                told = f"disputes {dispute.test}: the specification says “{dispute.quote}”"
                return AgentResult(status="failed", error=told, tokens=tokens, dispute=dispute)
        if said.error or not made:
            if isinstance(model, ModelProxy) and model.failure is not None:
                raise model.failure
            words = f" ({short(said.summary)})" if said.summary else ""
            error = said.error or f"the agent ended without changing a file{words}"
            return AgentResult(status="failed", error=error, tokens=tokens)
        calls = f"; asked the model {model.calls} times" if model is not None else ""
        past = ", past count and budget" if isinstance(model, UnmeteredProxy) else ""
        summary = f"{made}{calls}{past}" + (f": {short(said.summary)}" if said.summary else "")
        return AgentResult(
            status="done", summary=summary, artifacts=artifacts(made, task.id, context.language), tokens=tokens
        )


def how_it_ended(ended: Completed) -> str:
    """Why a program that should have gone on did not, in words."""
    if ended.limit_hit is not None:
        return f"the coding agent reached its limit of {ended.limit_hit}"
    last = " ".join(ended.stderr.strip().splitlines()[-3:])
    return f"the coding agent ended with code {ended.code}" + (f": {short(last)}" if last else "")


def short(text: str) -> str:
    """In one line, and not too long a one."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _LAST_WORDS else plain[: _LAST_WORDS - 1] + "…"
