"""The ``llm`` decomposer: asks part by part, checks every reply, and leaves the specification to the next when it cannot believe one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent_dispatcher.codec import to_json
from agent_dispatcher.extension import Declined, Decomposition, PlanningContext
from agent_dispatcher.models import Requirement, Scenario, Specification

from ...prompting.asking import Answer, Asking, Question, Readout, Unusable, ask, tokens
from ...prompting.templates import Prompt
from ..design import read_design
from ..file_tree import StatedFile
from ..sources import read_pages
from .judging import Bounds, judge
from .merging import decomposition, merged
from .options import LlmDecomposerOptions
from .parts import parts, weight
from .proposal import ARTIFACT_TYPES, EXAMPLE, Named, Proposal, Proposed, proposal_schema

__all__ = ["LlmDecomposer"]

#: The part of a question that may tell of tasks made before.
_EARLIER = 4

#: With something in every place that a template may show, so that a fault in it is found before anything is asked.
_SAMPLE = Specification(
    id="s",
    title="S",
    summary="A sample.",
    language="python",
    facts={"Storage": "files"},
    glossary={"Sample": "this"},
    requirements=(
        Requirement(
            id="R1",
            text="It holds.",
            scenarios=(Scenario(title="T", given=("a",), when=("b",), then=("c",)),),
            edge_cases=("none",),
            constraints=("none",),
            source="s.md:1",
        ),
        Requirement(id="R2", text="It holds as well."),
    ),
)
_MADE = Proposed(
    key="k",
    title="T",
    description="D",
    type="review",
    component="C",
    requirements=("R2",),
    produces=(Named(type="path", name="a.txt"),),
    consumes=(),
    depends_on=(),
    verifies=(),
    complexity=1,
)


_STATED = (StatedFile("a.py", "something", "s.md:2"),)
#: So many of the files that a design names are told of.
_MOST_FILES = 100


class LlmDecomposer:
    """Makes tasks of requirements in prose, with a model.

    Args:
        options: what is configured.
        types: the task types that exist here.

    Raises:
        ConfigError: the prompt template cannot be used.
    """

    def __init__(self, options: LlmDecomposerOptions, types: Sequence[str]) -> None:
        self._options = options
        self._types = tuple(types)
        context = PlanningContext(specification=_SAMPLE)
        values = self._values(_SAMPLE, context, _SAMPLE.requirements[:1], {"k": _MADE}, _STATED)
        self._prompt = Prompt(__package__, "decompose.jinja", options.template, {**values, "errors": ("x",)})

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        """The model's tasks; declines with the reason when it is not asked, or none of its replies can be used."""
        refusal = _not_for_a_model(specification, context)
        if refusal:
            return Declined(refusal)
        files = stated_files(specification)
        room = self._room(specification, context, files)
        largest = max(specification.requirements, key=weight)
        if weight(largest) > room:
            need = self._options.max_input_tokens + weight(largest) - room
            return Declined(
                f"a question about {largest.id} alone takes about {need} tokens, and max_input_tokens is {self._options.max_input_tokens}"
            )
        everyone: dict[str, Proposed] = {}
        warnings: list[str] = []
        asked = parts(specification.requirements, most_tokens=room, most=self._options.max_requirements_per_call)
        for number, part in enumerate(asked, 1):
            answer = await self._ask(specification, context, part, everyone, files)
            if isinstance(answer, Unusable):
                return Declined(answer.reason if len(asked) == 1 else f"part {number} of {len(asked)}: {answer.reason}")
            warnings += [f"the model's tasks: {flaw}" for flaw in answer.flaws]
            everyone = merged(everyone, answer.value.tasks)
            context.log.debug("part %d of %d: %d tasks so far", number, len(asked), len(everyone))
        return decomposition(
            everyone,
            specification,
            warnings,
            model=self._options.model or "the model",
            trust=self._options.trust,
        )

    async def _ask(
        self,
        specification: Specification,
        context: PlanningContext,
        part: Sequence[Requirement],
        everyone: Mapping[str, Proposed],
        files: Sequence[StatedFile],
    ) -> Answer[Proposal] | Unusable:
        bounds = Bounds(types=self._types, requirements=tuple(each.id for each in part), earlier=everyone)
        shown = _newest(everyone, self._options.max_input_tokens // _EARLIER)

        def read(data: dict[str, Any]) -> Readout[Proposal]:
            return judge(data, bounds)

        question: Question[Proposal] = Question(
            prompt=self._prompt,
            values=self._values(specification, context, part, shown, files),
            purpose="decompose",
            schema=proposal_schema(self._types, bounds.requirements),
            schema_name="tasks",
            read=read,
            about=bounds.requirements,
        )
        asking = Asking(
            model=self._options.model,
            max_output_tokens=self._options.max_output_tokens,
            repairs=self._options.repairs,
            timeout_s=self._options.timeout_s,
        )
        return await ask(context.llm, question, asking)

    def _room(self, specification: Specification, context: PlanningContext, files: Sequence[StatedFile]) -> int:
        """Tokens left for requirements in one question."""
        values = self._values(specification, context, (), {}, files)
        fixed = tokens(self._prompt.render("system", values)) + tokens(self._prompt.render("request", values))
        later = len(specification.requirements) > self._options.max_requirements_per_call
        whole = self._options.max_input_tokens - fixed
        if later or sum(map(weight, specification.requirements)) > whole:
            return whole - self._options.max_input_tokens // _EARLIER
        return whole

    def _values(
        self,
        specification: Specification,
        context: PlanningContext,
        part: Sequence[Requirement],
        earlier: Mapping[str, Proposed],
        files: Sequence[StatedFile],
    ) -> dict[str, Any]:
        """What the template is rendered with."""
        return {
            "specification": specification,
            "requirements": tuple(part),
            "partial": len(part) < len(specification.requirements),
            "earlier": tuple(earlier.values()),
            "files": tuple(files)[:_MOST_FILES],
            "types": self._types,
            "artifact_types": ARTIFACT_TYPES,
            "example": to_json(EXAMPLE),
            "language": specification.language or (context.language.name if context.language is not None else ""),
        }


def stated_files(specification: Specification) -> tuple[StatedFile, ...]:
    """The files that the documents of a specification say there are to be; those that stay as they are left out."""
    return tuple(
        file for file in read_design(read_pages(specification), repository=specification.id).files if not file.stays
    )


def _not_for_a_model(specification: Specification, context: PlanningContext) -> str:
    """Why the model is not asked, ``""`` if it is."""
    if context.llm is None:
        return "no language model is configured ([use] llm)"
    if specification.tasks:
        return "the specification lists its tasks itself"
    if specification.behaviour is not None:
        return "the specification declares its behaviour as data, which needs no model"
    if not specification.requirements:
        return "the specification has no requirements"
    return ""


def _newest(everyone: Mapping[str, Proposed], most_tokens: int) -> dict[str, Proposed]:
    """As many of the tasks as may be told of, those made last first in choice, in their order."""
    chosen: list[str] = []
    left = most_tokens
    for key, each in reversed(list(everyone.items())):
        left -= tokens(f"{key} {each.title} {each.type} {' '.join(made.name for made in each.produces)}") + 8
        if left < 0:
            break
        chosen.append(key)
    return {key: everyone[key] for key in reversed(chosen)}
