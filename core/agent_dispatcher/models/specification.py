"""A specification as every later step sees it, whatever format it was written in."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import gt, le

from .behaviour import Behaviour
from .task import Task

__all__ = ["PRIORITIES", "PhaseOrder", "Requirement", "Scenario", "Specification", "TaskPhase"]

#: Priorities of requirements, most urgent first.
PRIORITIES = ("critical", "high", "medium", "low")


@frozen(kw_only=True)
class Scenario:
    """A described situation: prose, not behaviour as data."""

    title: str = ""
    given: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    source: str = ""


@frozen(kw_only=True)
class Requirement:
    """Something that must be true of the finished work.

    Attributes:
        id: unique in the specification, as its author wrote it.
        text: the requirement in words.
        priority: one of :data:`PRIORITIES`.
        source: ``file:line``.
    """

    id: str
    text: str
    priority: str = "medium"
    scenarios: tuple[Scenario, ...] = ()
    edge_cases: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    source: str = ""


@frozen(kw_only=True)
class PhaseOrder:
    """The source puts another phase first.

    Attributes:
        phase: name of the phase that comes first.
        why: a sentence that says how the source does so.
        source: ``file:line``.
        confidence: how far it is to be trusted; 1.0 where the source says so outright, less where it only gives a schedule.
    """

    phase: str
    why: str = ""
    source: str = ""
    confidence: float = field(default=1.0, validator=[gt(0), le(1)])


@frozen(kw_only=True)
class TaskPhase:
    """Tasks that the source lists together, and what it says about their order by putting them there.

    Two phases of which neither is after the other, directly or not, are independent: the source lets their tasks run side by side.

    Attributes:
        name: unique in the specification.
        tasks: ids, in the order of the source. They keep that order among themselves,
        parallel: except these, whose place in the phase means nothing.
        after: phases whose tasks all come before any of this one.
        source: ``file:line`` of its heading.
        free: whether being listed together says nothing about them: they have no order among themselves, and nothing says that they are
            independent of each other or of other phases. Only ``after`` counts. A task may be in several phases of this sort.
    """

    name: str
    tasks: tuple[str, ...] = ()
    parallel: tuple[str, ...] = ()
    after: tuple[PhaseOrder, ...] = ()
    source: str = ""
    free: bool = False


@frozen(kw_only=True)
class Specification:
    """What is to be built.

    Attributes:
        id: a slug, stable for the same title.
        title: one line.
        format: the name of the specification format it was read with.
        path: where it was read from, ``""`` for one that was built in memory.
        digest: ``sha256:`` and the hex digest of what was read.
        requirements: in the order of the source.
        tasks: tasks that the source itself lists; empty when it leaves them to a decomposer.
        phases: how the source arranges those tasks, in its order; empty when it does not.
        behaviour: what it declares as data, if anything.
        language: the programming language to build in, ``""`` for the configured one.
        glossary: terms and their meaning.
        facts: what the source says about the means, as it says it (``Storage`` -> ``PostgreSQL``).
        documents: further files that belong to it, relative to its folder, sorted.
        blockers: why it is not finished, each with its place. It can be planned; it is not run before they are settled.
        warnings: what was found but not understood, each with its place.
    """

    id: str
    title: str
    format: str = ""
    path: str = ""
    digest: str = ""
    summary: str = ""
    requirements: tuple[Requirement, ...] = ()
    tasks: tuple[Task, ...] = ()
    phases: tuple[TaskPhase, ...] = ()
    behaviour: Behaviour | None = None
    language: str = ""
    glossary: dict[str, str] = field(factory=dict)
    tags: tuple[str, ...] = ()
    facts: dict[str, str] = field(factory=dict)
    documents: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def requirement(self, requirement_id: str) -> Requirement:
        """The requirement with that id; :class:`KeyError` if there is none."""
        for requirement in self.requirements:
            if requirement.id == requirement_id:
                return requirement
        raise KeyError(requirement_id)
