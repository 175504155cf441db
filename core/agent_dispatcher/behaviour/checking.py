"""Whether a declared behaviour makes sense as a whole: names, types, references, examples."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ..errors import Problem
from ..models import Behaviour
from ._entities import check_constraints, check_entities
from ._examples import check_examples
from ._names import is_name
from ._operations import check_operation_names, check_operations
from .problems import hint

__all__ = ["by_place", "check_behaviour"]


def check_behaviour(behaviour: Behaviour, requirements: Collection[str] | None = None) -> tuple[Problem, ...]:
    """Every problem of a behaviour, sorted by place; none when it can be implemented as it stands.

    While names, fields or relations are wrong, what rests on them is not examined, so that one mistake gives one problem.

    Args:
        behaviour: what is declared.
        requirements: the ids that entities, operations and examples may name; ``None`` leaves them unchecked.
    """
    problems = [*_check_package(behaviour)]
    if requirements is not None:
        problems += _check_requirements(behaviour, requirements)
    declarations = list(_check_declarations(behaviour))
    problems += declarations
    if not declarations:
        problems += [*_check_expressions(behaviour), *check_examples(behaviour)]
    return tuple(sorted(problems, key=by_place))


def by_place(problem: Problem) -> tuple[str, tuple[int, ...]]:
    """Sorts problems by file, line and column."""
    numbers = re.findall(r":(\d+)", problem.where)
    return problem.where.partition(":")[0], tuple(int(number) for number in numbers)


def _check_declarations(behaviour: Behaviour) -> Iterator[Problem]:
    yield from check_entities(behaviour)
    yield from check_operation_names(behaviour)


def _check_expressions(behaviour: Behaviour) -> Iterator[Problem]:
    yield from check_constraints(behaviour)
    yield from check_operations(behaviour)


def _check_package(behaviour: Behaviour) -> Iterator[Problem]:
    if not is_name(behaviour.package):
        yield Problem(f"{behaviour.package!r} cannot be the name of a package", "", "snake case, like lending_library")


def _check_requirements(behaviour: Behaviour, known: Collection[str]) -> Iterator[Problem]:
    for items, what in (
        (behaviour.entities, "entity"),
        (behaviour.operations, "operation"),
        (behaviour.examples, "example"),
    ):
        for item in items:
            for requirement in item.requirements:
                if requirement not in known:
                    yield Problem(
                        f"{what} {item.name!r}: there is no requirement {requirement!r}{hint(requirement, known)}",
                        item.source,
                    )
