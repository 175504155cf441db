"""The decomposer that needs no list and no model: modules of declared behaviour, else one task per requirement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.extension import Declined, Decomposition, Layout, Module, PlanningContext
from agent_dispatcher.extension.components import CodeTools
from agent_dispatcher.models import ArtifactRef, Behaviour, Requirement, Specification, Task

from .drafting import draft
from .effort import SECONDS
from .identity import Identities
from .prose import classify, complexity, components, described, headline, priority

__all__ = ["PatternDecomposer"]


class PatternDecomposer:
    """Deterministic: equal specifications give equal tasks, and a task whose content stays keeps its id.

    Declared behaviour is laid out by the language: a task per module, with what it promises, needs and verifies. A requirement that no declaration
    refers to becomes a task that promises nothing (``produces`` is empty): only an agent that works from prose can do it. Without declared
    behaviour the requirements are gathered by component and cut into atomic tasks: see :mod:`.drafting`.
    """

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        """Tasks in reading order; declines when there is nothing to split or no language to lay behaviour out."""
        identities = Identities()
        if specification.behaviour is None:
            if not specification.requirements:
                return Declined("the specification has neither declared behaviour nor requirements")
            tools = context.language
            return draft(specification, tools.module if isinstance(tools, CodeTools) else _unknown)
        if context.language is None:
            return Declined("the specification declares behaviour, but no language is active to lay it out in files")
        layout = context.language.layout(specification)
        if layout is None:
            return Declined(f"the language {context.language.name} has no layout for the declared behaviour")
        tasks = _from_layout(layout, specification, identities)
        declared = _declared_requirements(specification.behaviour)
        rest = [each for each in specification.requirements if each.id not in declared]
        return Decomposition(tasks=(*tasks, *_from_prose(rest, specification, identities)))


def _unknown(path: str) -> str:
    """The module of a file where no language can tell."""
    return ""


def _from_layout(layout: Layout, specification: Specification, identities: Identities) -> tuple[Task, ...]:
    """A task per module."""
    by_id = {each.id: each for each in specification.requirements}
    ids = {
        module.name: identities.take(module.name, "\n".join((module.type, module.group, *module.paths)))
        for module in layout.modules
    }
    tasks = []
    for module in layout.modules:
        for name in module.verifies:
            if name not in ids:
                raise ValueError(f"the layout's module {module.name!r} verifies {name!r}, which is not in the layout")
        serves = [each for name, each in by_id.items() if name in module.requirements]
        tasks.append(
            Task(
                id=ids[module.name],
                title=module.title,
                description=_module_description(module, serves),
                type=module.type,
                requirements=tuple(each.id for each in serves),
                verifies=tuple(ids[name] for name in module.verifies),
                produces=(*(ArtifactRef(type="path", name=path) for path in module.paths), *module.produces),
                consumes=module.consumes,
                group=module.group,
                complexity=module.complexity,
                priority=max((priority(each) for each in serves), default=0),
                estimate_s=module.estimate_s,
            )
        )
    return tuple(tasks)


def _module_description(module: Module, serves: Sequence[Requirement]) -> str:
    parts = [f"Write {', '.join(module.paths)}."] if module.paths else []
    return "\n\n".join([*parts, *map(described, serves)])


def _from_prose(
    requirements: Sequence[Requirement], specification: Specification, identities: Identities
) -> tuple[Task, ...]:
    """A task per requirement that the declared behaviour leaves over."""
    group_of = components(requirements, specification.glossary)
    tasks = []
    for requirement in requirements:
        kind = classify(requirement.text)
        title = headline(requirement.text)
        size = complexity(requirement)
        tasks.append(
            Task(
                id=identities.take(title, f"{kind}\n{requirement.text}"),
                title=title,
                description=described(requirement),
                type=kind,
                requirements=(requirement.id,),
                group=group_of[requirement.id],
                complexity=size,
                priority=priority(requirement),
                estimate_s=SECONDS * size,
                source=requirement.source,
            )
        )
    return tuple(tasks)


def _declared_requirements(behaviour: Behaviour) -> set[str]:
    """Ids of the requirements that an entity, operation or example refers to."""
    declaring: Iterable[Sequence[str]] = (
        each.requirements for group in (behaviour.entities, behaviour.operations, behaviour.examples) for each in group
    )
    return {name for names in declaring for name in names}
