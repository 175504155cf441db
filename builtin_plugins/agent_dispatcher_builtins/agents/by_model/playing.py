"""What writing code and writing tests with a model have in common: how it begins, how the rounds are told, how it ends badly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult
from agent_dispatcher.models import Dispute, Task

from .briefing import Briefing
from .folder import Files
from .options import ModelOptions
from .rounds import Best, Rounds
from .trying import Tried, Trying

__all__ = ["in_rounds", "not_good", "nothing_to_try_with", "play_rounds", "without_room"]

_LONGEST_ERROR = 2000


def nothing_to_try_with() -> AgentResult:
    """The answer where no language is active."""
    return AgentResult(status="declined", error="no language is active, so that nothing that is written could be tried")


async def play_rounds(
    task: Task,
    context: AgentContext,
    options: ModelOptions,
    briefing: Briefing,
    trying: Trying,
    *,
    attempt: Callable[[Files, Files], Awaitable[Tried]] | None = None,
    disputed: Callable[[str, Tried], Dispute | str | None] = lambda text, tried: None,
) -> Best:
    """The rounds of one attempt; each is told as progress.

    Args:
        attempt: tries an answer; as ``trying`` does when not given.
        disputed: see :class:`Rounds`.
    """

    def told(number: int, tried: Tried) -> None:
        what = f"{len(tried.faults)} things wrong" if tried.faults else "nothing wrong"
        context.progress(min(0.95, number / (options.rounds + 1)), f"round {number}: {what}")
        context.log.debug("task %s, round %d: %s", task.id, number, "; ".join(tried.faults) or what)

    rounds = Rounds(
        llm=context.llm,
        options=options,
        purpose=task.type,
        opening=briefing.opening,
        repair=briefing.repair,
        expected=tuple(ref.name for ref in task.produces if ref.type == "path"),
        folder=trying.folder,
        attempt=attempt or trying.attempt,
        told=told,
        disputed=disputed,
        deadline=context.deadline,
    )
    return await rounds.play()


def not_good(best: Best) -> AgentResult:
    """The attempt has failed: what was still wrong with the best answer."""
    faults = "; ".join(best.tried.faults) or "the model gave no files"
    told = f"after {_rounds(best)} with the model: {faults}"
    return AgentResult(status="failed", error=told[:_LONGEST_ERROR])


def in_rounds(best: Best) -> str:
    """What was written, for the summary."""
    wrote = [path for path, text in best.files.items() if text is not None]
    removed = [path for path, text in best.files.items() if text is None]
    done = [f"{what} {', '.join(paths)}" for what, paths in (("wrote", wrote), ("removed", removed)) if paths]
    return f"{' and '.join(done)} in {_rounds(best)}"


def without_room(briefing: Briefing) -> tuple[str, ...]:
    """What was not shown to the model, for the summary; empty when all was."""
    count = len(briefing.shown.left_out)
    return (f"{count} files were not shown for want of room",) if count else ()


def _rounds(best: Best) -> str:
    return f"{best.rounds} round{'s' if best.rounds != 1 else ''}"
