"""The tests of a product: for each component, and for what success is measured by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from agent_dispatcher.models import ArtifactRef, Requirement, Task

from .around import Code
from .clusters import Cluster, Nearest
from .effort import task_complexity, testing_complexity
from .file_tree import StatedFile
from .making import Making
from .promising import Work, file_words
from .splitting import MOST_REQUIREMENTS
from .titles import component_title, group, tested
from .wording import imperative, shortened

__all__ = ["component_tests", "deal_test_files", "tests_of_the_whole"]

_ORDER = "Write tests that hold exactly when this is met."
#: Tests of the whole verify nothing in particular in a plan with more code than this.
_MOST_VERIFIED = 200


def component_tests(
    component: Cluster,
    code: Code,
    requirements: Mapping[str, Requirement],
    criteria: Sequence[Requirement],
    files: Sequence[StatedFile],
    making: Making,
) -> list[Task]:
    """A testing task that verifies all of a component, of a large one several; the first measures the criteria and writes the stated files.

    Args:
        code: the component's tasks.
        requirements: the whole requirements by id; a task may have but a slice of one.
    """
    made: list[Task] = []
    for some in _together(code):
        wanted = [requirements[name] for name in dict.fromkeys(one.id for work, _ in some for one in work.requirements)]
        titled = component_title(component, wanted) if len(some) > 1 else some[0][1].title
        size = testing_complexity(max(task.complexity for _, task in some) + 0.5 * (len(some) - 1))
        first = not made
        made.append(
            making.task(
                f"Test: {tested(titled)}",
                "testing",
                (*wanted, *(criteria if first else ())),
                min(10.0, size),
                [_ORDER],
                verifies=tuple(task.id for _, task in some),
                produces=tuple(ArtifactRef(type="path", name=each.path) for each in files) if first else (),
                group=group(component),
            )
        )
    return made


def tests_of_the_whole(criteria: Sequence[Requirement], code: Code, making: Making) -> list[Task]:
    """Testing tasks for what success is measured by and no component is meant with; they verify all code."""
    made = []
    verified = tuple(task.id for _, task in code) if len(code) <= _MOST_VERIFIED else ()
    for start in range(0, len(criteria), MOST_REQUIREMENTS):
        some = criteria[start : start + MOST_REQUIREMENTS]
        what = "success criteria" if len(some) > 1 else shortened(imperative(some[0].text), 74)
        size = testing_complexity(task_complexity(some))
        made.append(making.task(f"Test: {what}", "testing", some, size, [_ORDER], verifies=verified))
    return made


def deal_test_files(files: Sequence[StatedFile], code: Code, nearest: Nearest) -> dict[int, list[StatedFile]]:
    """Stated files with tests by component: the one that writes the file they are named after, else the nearest, else the first."""
    stems = {file.stem.lower(): work.component for work, _ in code for file in work.files}
    found: dict[int, list[StatedFile]] = {}
    for file in files:
        number = stems.get(re.sub(r"^test_?|(?:_?tests?|_?spec)$", "", file.stem.lower()))
        if number is None:
            number = nearest.to(file_words(file), 1.0)
        found.setdefault(number or 0, []).append(file)
    return found


def _together(code: Code) -> Iterator[Code]:
    """Tasks of a component that are tested together: as many as serve at most twice the requirements of one task."""
    some: list[tuple[Work, Task]] = []
    count = 0
    for work, task in code:
        if some and count + len(task.requirements) > 2 * MOST_REQUIREMENTS:
            yield some
            some, count = [], 0
        some.append((work, task))
        count += len(task.requirements)
    if some:
        yield some
