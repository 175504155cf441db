"""The work around a product's code: setting the project up, settling open questions, documentation and what else is required."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.models import ArtifactRef, Requirement, Task

from .clusters import Nearest
from .design import Design
from .effort import task_complexity
from .file_tree import is_manifest
from .making import Making
from .promising import Work
from .wording import imperative, plain_text, questions, shortened, subjects

__all__ = ["NEAR", "Code", "other_work", "research", "set_up"]

#: The tasks of the components, each with what it was made of.
Code = Sequence[tuple[Work, Task]]

#: What work that is not code has to share with a component to be about it.
NEAR = 2.5
#: So many orders of one task are suggested at most.
_MOST_SUGGESTED = 200
#: How large it is to settle a question.
_QUESTION = 1.5


def set_up(design: Design, code: Code, making: Making) -> list[Task]:
    """Only where a document states files that set the project up: before all code."""
    files = [each for each in design.files if is_manifest(each.path) and not each.stays]
    if not files or not code:
        return []
    what, source = ", ".join(each.path for each in files), files[0].source
    task = making.task(
        shortened(f"Set up the project: {what}"),
        "code_writing",
        (),
        task_complexity((), len(files)),
        [f"Write {what}."],
        produces=tuple(ArtifactRef(type="path", name=each.path) for each in files),
        source=source,
    )
    for _, each in code[:_MOST_SUGGESTED]:
        making.suggest(task, each, 0.7, f'"{each.title}" is built in the project that "{task.title}" sets up', source)
    return [task]


def research(
    requirements: Iterable[Requirement], design: Design, code: Code, nearest: Nearest, making: Making
) -> list[Task]:
    """A task for each question that requirements or documents leave open, before the work it is about."""
    made = []
    serving: dict[str, list[Task]] = {}
    for work, task in code:
        for name in dict.fromkeys(each.id for each in work.requirements):
            serving.setdefault(name, []).append(task)
    for requirement in requirements:
        for question in questions("\n".join((requirement.text, *requirement.edge_cases, *requirement.constraints))):
            made.append(_decide(question, (requirement,), requirement.source, making))
            for task in serving.get(requirement.id, ()):
                evidence = f'"{shortened(question, 120)}" is open, and "{task.title}" rests on the answer'
                making.suggest(made[-1], task, 0.7, evidence, requirement.source)
    for question, place in design.questions:
        made.append(_decide(question, (), place, making))
        number = nearest.to(dict.fromkeys(subjects(question), 1.0), NEAR)
        for work, task in code:
            if work.component == number:
                evidence = f'"{shortened(question, 120)}" is open, and "{task.title}" is about it'
                making.suggest(made[-1], task, 0.6, evidence, place)
    return made


def other_work(requirement: Requirement, kind: str, near: int | None, group: str, code: Code, making: Making) -> Task:
    """What is required and is not code, tied to the component ``near``, or to all of them.

    Tests verify what they are about, documentation comes behind it, research before it.
    """
    about = [task for work, task in code if near is None or work.component == near][:_MOST_SUGGESTED]
    task = making.task(
        imperative(requirement.text),
        kind,
        (requirement,),
        task_complexity([requirement]),
        verifies=tuple(each.id for each in about) if kind == "testing" else (),
        group=group,
    )
    quoted = f'"{shortened(plain_text(requirement.text), 120)}"'
    for each in about:
        if kind == "documentation":
            confidence = 0.6 if near is None else 0.8
            making.suggest(each, task, confidence, f'{quoted} documents what "{each.title}" makes', requirement.source)
        elif kind == "research" and near is not None:
            making.suggest(task, each, 0.6, f'{quoted} is to be known before "{each.title}"', requirement.source)
    return task


def _decide(question: str, requirements: Sequence[Requirement], source: str, making: Making) -> Task:
    return making.task(
        f"Decide: {shortened(question.rstrip('.'), 72)}",
        "research",
        requirements,
        _QUESTION,
        [f"Find out and write down, with reasons: {question}"],
        source=source,
    )
