"""The ``llm`` rule: asks about the tasks batch by batch, and goes on when a question fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent_dispatcher.errors import BudgetExceeded, DispatcherError
from agent_dispatcher.extension import Note, PlanningContext, Requires
from agent_dispatcher.models import DEPENDENCY_KINDS, ArtifactRef, Specification, Task

from ...prompting.asking import Answer, Asking, Question, Readout, Unusable, ask
from ...prompting.templates import Prompt
from .batches import batches
from .claims import Claim, claims_schema, judge, weighed
from .options import LlmRuleOptions

__all__ = ["LlmRule"]

#: With something in every place that a template may show, so that a fault in it is found before anything is asked.
_FILE = (ArtifactRef(type="path", name="a.txt"),)
_SAMPLE = {
    "t1": Task(id="a", title="A", description="It writes.", group="g", produces=_FILE),
    "t2": Task(id="b", title="B", description="It reads.", type="testing", consumes=_FILE, verifies=("a",)),
}


class LlmRule:
    """Asks a model which tasks need which. Not deterministic: the same tasks may get other answers tomorrow.

    Args:
        options: what is configured.

    Raises:
        ConfigError: the prompt template cannot be used.
    """

    def __init__(self, options: LlmRuleOptions) -> None:
        self._options = options
        values = self._values(Specification(id="s", title="S"), _SAMPLE)
        self._prompt = Prompt(__package__, "dependencies.jinja", options.template, {**values, "errors": ("x",)})

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires | Note]:
        """What the model could be believed, and a note for each question that came to nothing; one task alone is not asked about."""
        if len(tasks) < 2:
            return ()
        if context.llm is None:
            return [Note("no language model is configured ([use] llm), so nothing was asked")]
        every = batches(tasks, self._options.max_tasks_per_call)
        asked = every[: self._options.max_calls]
        claims: list[tuple[Claim, Task, Task]] = []
        notes: list[Note] = []
        for number, batch in enumerate(asked, 1):
            named = {f"t{place}": task for place, task in enumerate(batch, 1)}
            which = f"question {number} of {len(asked)} " if len(asked) > 1 else "the question "
            try:
                answer = await self._ask(specification, context, named)
            except BudgetExceeded as error:
                notes.append(Note(f"{which}was not asked, nor any after it: {error}"))
                break
            except DispatcherError as error:
                notes.append(Note(f"{which}failed: {error}"))
                continue
            if isinstance(answer, Answer):
                claims += [(claim, named[claim.before], named[claim.after]) for claim in answer.value]
            else:
                notes.append(Note(f"{which}came to nothing: {answer.reason}"))
        if len(every) > len(asked):
            notes.append(
                Note(
                    f"{len(every) - len(asked)} of {len(every)} questions were not asked (option max_calls): "
                    "orders between tasks of different groups may be missing"
                )
            )
        return [*weighed(claims, tasks, model=self._options.model or "the model", trust=self._options.trust), *notes]

    async def _ask(
        self, specification: Specification, context: PlanningContext, named: Mapping[str, Task]
    ) -> Answer[tuple[Claim, ...]] | Unusable:
        def read(data: dict[str, Any]) -> Readout[tuple[Claim, ...]]:
            return judge(data, named)

        question: Question[tuple[Claim, ...]] = Question(
            prompt=self._prompt,
            values=self._values(specification, named),
            purpose="dependencies",
            schema=claims_schema(named),
            schema_name="dependencies",
            read=read,
            about=tuple(task.id for task in named.values()),
        )
        asking = Asking(
            model=self._options.model,
            max_output_tokens=self._options.max_output_tokens,
            repairs=self._options.repairs,
            timeout_s=self._options.timeout_s,
        )
        return await ask(context.llm, question, asking)

    def _values(self, specification: Specification, named: Mapping[str, Task]) -> dict[str, Any]:
        """What the template is rendered with."""
        names = {task.id: name for name, task in named.items()}
        return {
            "specification": specification,
            "tasks": tuple(
                {
                    "name": name,
                    "task": task,
                    "description": " ".join(task.description.split())[: self._options.max_description_chars],
                    "verifies": tuple(names[each] for each in task.verifies if each in names),
                }
                for name, task in named.items()
            ),
            "kinds": DEPENDENCY_KINDS,
        }
