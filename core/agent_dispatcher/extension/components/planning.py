"""From a specification to a plan: decomposers and dependency rules.

Values only: a decomposer's tasks and a rule's answers are data that the planner weighs; nothing here changes a plan.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from attrs import field, frozen

from ...models import Specification, Task
from .languages import Language
from .llm_backends import LlmBackend

__all__ = [
    "Declined",
    "Decomposer",
    "Decomposition",
    "DependencyRule",
    "Excludes",
    "Note",
    "PlanningContext",
    "Requires",
    "Veto",
]


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _tasks(values: Iterable[Task]) -> tuple[Task, ...]:
    return tuple(values)


def _orders(values: Iterable[Requires]) -> tuple[Requires, ...]:
    return tuple(values)


@frozen(kw_only=True)
class PlanningContext:
    """What decomposers and dependency rules may use.

    Attributes:
        specification: what is planned.
        language: the active language; ``None`` when there is none.
        llm: the model backend in use, metered; ``None`` without one.
        files: names of the files below the specification's folder, relative, sorted.
        suggestions: orders that the decomposer saw while it made the tasks, for dependency rules to judge; empty for decomposers.
        log: a logger named after the component.
    """

    specification: Specification
    language: Language | None = None
    llm: LlmBackend | None = None
    files: tuple[str, ...] = ()
    suggestions: tuple[Requires, ...] = field(default=(), converter=_orders)
    log: logging.Logger = field(factory=lambda: logging.getLogger("agent_dispatcher"))


@frozen(kw_only=True)
class Decomposition:
    """Tasks made from a specification; ids are unique, ``verifies`` and ``children`` name ids among them.

    Attributes:
        suggestions: orders that the decomposer sees and the source does not declare. They bind nobody: dependency rules find them in their
            context and weigh them like everything else (a task's ``depends_on`` is the source's own word, and holds whatever rules say).
    """

    tasks: tuple[Task, ...] = field(converter=_tasks)
    warnings: tuple[str, ...] = field(default=(), converter=_texts)
    suggestions: tuple[Requires, ...] = field(default=(), converter=_orders)


@frozen
class Declined:
    """This decomposer leaves the specification to the next."""

    reason: str


class Decomposer(Protocol):
    """Turns a specification into tasks."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        """All tasks, or the reason for leaving it to the next decomposer. An exception is recorded and falls through."""
        ...


@frozen
class Requires:
    """``after`` needs ``before``. ``evidence`` is a sentence that quotes what was seen, ``source`` its ``file:line``."""

    before: str
    after: str
    kind: str = "logical"
    confidence: float = 1.0
    evidence: str = ""
    source: str = ""


@frozen
class Excludes:
    """``tasks`` must not be in progress at the same time, because of ``resource``."""

    tasks: tuple[str, ...] = field(converter=_texts)
    resource: str
    evidence: str = ""
    source: str = ""


@frozen
class Veto:
    """No rule may make ``after`` wait directly for ``before``."""

    before: str
    after: str
    why: str


@frozen
class Note:
    """What the user should know about how a rule came to its answers: a warning of the plan, which names the rule."""

    text: str


class DependencyRule(Protocol):
    """Finds dependencies. Deterministic unless its summary says otherwise; many are active at a time."""

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires | Excludes | Veto | Note]:
        """All that it sees; edges it is unsure of get a low confidence."""
        ...
