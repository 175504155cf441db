"""A change to a plan that is being carried out, and what a run remembers of it. What each part means: ``planning.patching``."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen
from attrs.validators import ge, min_len

from .plan import Dependency
from .task import Task

__all__ = ["Dispute", "PlanPatch", "PlanRevision", "TaskPair", "TaskSplit"]


@frozen(kw_only=True)
class Dispute:
    """An objection to a test: it contradicts the specification. What follows: :mod:`agent_dispatcher.planning.disputes`.

    Attributes:
        test: the test that failed, as its runner names it (``tests/test_x.py::test_a``); its file has to come first.
        quote: the words of a requirement that it contradicts, as they stand there.
    """

    test: str = field(validator=min_len(1))
    quote: str = field(validator=min_len(1))


@frozen(kw_only=True)
class TaskPair:
    """Two tasks, of which ``after`` waits for ``before``."""

    before: str
    after: str


@frozen(kw_only=True)
class TaskSplit:
    """One task becomes several.

    Attributes:
        task: stays as the parent of the parts, and completes with them.
        into: the parts. Among themselves they are ordered by their ``depends_on``; whatever the task waited for, the first of them wait for.
            A part whose ``type`` is empty has the task's; one that names no requirement serves the task's.
        last: the parts that those wait for who waited for the task; empty: they wait for all parts.
    """

    task: str
    into: tuple[Task, ...] = field(validator=min_len(2))
    last: tuple[str, ...] = ()


@frozen(kw_only=True)
class PlanPatch:
    """What is to be changed. All of it is applied, or nothing. Tasks are named by id or ``source_id``.

    The parts take effect in the order in which they stand here.

    Attributes:
        why: for the record.
        remove_dependencies: each is a dependency of the plan.
        split: see :class:`TaskSplit`.
        add: new tasks, with what they wait for (``depends_on``), verify and serve.
        add_dependencies: one whose ``reasons`` are empty gets ``why`` as its reason; what is added to a parent holds for its children.
        remove: tasks; what waited for one of them waits for what it had waited for.
        reroute: task to the agent type that is to do it.
    """

    why: str = ""
    remove_dependencies: tuple[TaskPair, ...] = ()
    split: tuple[TaskSplit, ...] = ()
    add: tuple[Task, ...] = ()
    add_dependencies: tuple[Dependency, ...] = ()
    remove: tuple[str, ...] = ()
    reroute: Mapping[str, str] = field(factory=dict)

    @property
    def new_tasks(self) -> tuple[Task, ...]:
        """Every task it brings: the parts of split tasks, then the added ones."""
        return (*(part for split in self.split for part in split.into), *self.add)


@frozen(kw_only=True)
class PlanRevision:
    """A patch that was applied.

    Attributes:
        number: 1 for the first of the run.
        by: who asked: a person (``user@host``), or the task and attempt of an agent, in words.
        added, removed, split, rerouted: task ids.
    """

    number: int = field(validator=ge(1))
    by: str
    why: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    rerouted: tuple[str, ...] = ()
