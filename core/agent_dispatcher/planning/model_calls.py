"""What was asked of a model while a plan was made, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from attrs import define, evolve

from ..errors import BackendError, PlanError, Problem
from ..extension.llm import LlmReply, LlmRequest, PricedAs
from ..llm.budget import Charge
from ..llm.metering import LlmCall, MeteredLlm
from ..llm.prices import priced_as, usd_of
from ..models import ExecutionPlan, ModelUse, PlanningCall, Task
from ..provenance import Archive
from .reusing import Reusing

__all__ = ["PlanningLlm", "PlanningRecord", "Watch", "calls_about"]

#: Told of each question for as long as it is asked.
Watch = Callable[[LlmRequest], AbstractContextManager[None]]


class PlanningRecord:
    """The calls of one plan, as their meter tells of them (it is an :class:`agent_dispatcher.llm.metering.Journal`).

    Args:
        backend: its name.
        archive: holds the texts, in memory; ``None`` for none of them.
    """

    def __init__(self, backend: str, archive: Archive | None = None) -> None:
        self._backend = backend
        self._archive = archive
        self._calls: dict[str, PlanningCall] = {}

    async def reserved(self, charge: Charge, request: LlmRequest) -> str:
        """Note what is about to be asked."""
        number = str(len(self._calls) + 1)
        self._calls[number] = PlanningCall(
            number=number,
            purpose=request.purpose,
            backend=self._backend,
            about=request.about,
            request=None if self._archive is None else self._archive.request(request),
        )
        return number

    def settled(self, number: str, call: LlmCall, reply: LlmReply | None = None) -> None:
        """Note what came of it."""
        kept = None if reply is None or self._archive is None else self._archive.reply(reply)
        self._calls[number] = evolve(
            self._calls[number],
            model=call.model,
            tokens=call.tokens,
            cost_usd=None if call.nano_usd is None else usd_of(call.nano_usd),
            error=call.error,
            reply=kept,
        )

    def reused(self, request: LlmRequest, reply: LlmReply) -> None:
        """Note that a question was answered by what is kept."""
        number = str(len(self._calls) + 1)
        self._calls[number] = PlanningCall(
            number=number,
            purpose=request.purpose,
            backend=self._backend,
            model=reply.model or request.model,
            about=request.about,
            cost_usd=0.0,
            request=None if self._archive is None else self._archive.request(request),
            reply=None if self._archive is None else self._archive.reply(reply),
            reused=True,
        )

    def in_vain(self) -> None:
        """Nothing came of all that was asked so far: another goes about it in its own way."""
        self._calls = {number: evolve(call, used=False) for number, call in self._calls.items()}

    def into(self, plan: ExecutionPlan, meter: MeteredLlm) -> ExecutionPlan:
        """The plan with what was asked for it."""
        return evolve(
            plan,
            planning_usage=self._with_reused(meter.used()),
            planning_calls=tuple(self._calls.values()),
            said={} if self._archive is None else self._archive.texts,
        )

    def _with_reused(self, uses: Iterable[ModelUse]) -> tuple[ModelUse, ...]:
        """Rows of what was asked, with what was used again."""
        rows = {(use.purpose, use.model): use for use in uses}
        for call in self._calls.values():
            if call.reused:
                place = call.purpose, call.model
                none = ModelUse(purpose=call.purpose, backend=call.backend, model=call.model, cost_usd=0.0)
                row = rows.get(place, none)
                rows[place] = evolve(row, reused=row.reused + 1)
        return tuple(rows[place] for place in sorted(rows))


@define
class PlanningLlm:
    """The model as whoever plans sees it. It is a :class:`agent_dispatcher.extension.LlmBackend`.

    Attributes:
        meter: counts what is asked.
        record: keeps it.
        watch: told of each question; ``None`` for nobody.
        reusing: answers what was answered before; ``None``: everything is asked.
        useless: with what the backend refused a call as it would every other, or that nobody was there; ``None`` where that is not so.
    """

    meter: MeteredLlm
    record: PlanningRecord
    watch: Watch | None = None
    reusing: Reusing | None = None
    useless: BackendError | None = None

    async def complete(self, request: LlmRequest) -> LlmReply:
        """What the model answers, or has answered before; errors as those of :meth:`agent_dispatcher.llm.MeteredLlm.complete`."""
        if self.reusing is None:
            return await self._ask(request)
        key = self.reusing.key(request)
        kept = self.reusing.answer(key)
        if kept is not None:
            self.record.reused(request, kept)
            return kept
        reply = await self._ask(request)
        self.reusing.answered(key, reply)
        return reply

    async def _ask(self, request: LlmRequest) -> LlmReply:
        try:
            with nullcontext() if self.watch is None else self.watch(request):
                reply = await self.meter.complete(request)
        except BackendError as error:
            if error.whatever_is_asked or error.unreached:
                self.useless = error
            raise
        if self.useless is not None and self.useless.unreached:
            self.useless = None  # somebody is there after all
        return reply

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """As the backend says."""
        return priced_as(self.meter.backend, request)

    def ensure_useful(self) -> None:
        """Planning may go on: somebody is there, and no call was refused as every other would be.

        Whoever asked may have made do without an answer. The agents of the run would ask the same backend, so there is no use in beginning.

        Raises:
            PlanError: with the backend's words.
        """
        if self.useless is not None:
            mend = "start it or mend its address" if self.useless.unreached else "mend its options or its key"
            remedy = f"{mend}, or leave [use] llm out to work without a model"
            what = f"the language model {self.meter.name} cannot be asked: {self.useless}"
            raise PlanError(Problem(what, remedy=remedy)) from self.useless

    def in_vain(self) -> None:
        """Nothing came of all that was asked so far, and nothing of it is kept."""
        self.record.in_vain()
        if self.reusing is not None:
            self.reusing.in_vain()

    def into(self, plan: ExecutionPlan) -> ExecutionPlan:
        """The plan with what was asked for it, which is kept for the next time."""
        if self.reusing is not None:
            self.reusing.planned()
        return self.record.into(plan, self.meter)


def calls_about(task: Task, calls: Iterable[PlanningCall]) -> tuple[PlanningCall, ...]:
    """Those that were about a task: about itself, or about a requirement that it serves."""
    subjects = {task.id, *task.requirements}
    return tuple(call for call in calls if not subjects.isdisjoint(call.about))
