"""A plan in the words of a specification format, and what those words cannot say.

Nobody has to trust a writer: what it wrote is read back by the format's own reader and compared with the plan, so that everything which got lost or
changed on the way is told, whoever wrote the format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Protocol, runtime_checkable

from attrs import frozen

from ..errors import DispatcherError, PlanError, Problem
from ..extension.components import PlanWriter, SpecificationFormat
from ..models import ExecutionPlan, Specification, Task
from ._written_order import compare_orders, order_of_plan, order_of_specification

__all__ = ["Conversion", "WritingFormat", "convert"]


@runtime_checkable
class WritingFormat(SpecificationFormat, PlanWriter, Protocol):
    """A format that reads and writes."""


@frozen(kw_only=True)
class Conversion:
    """A plan written in a format.

    Attributes:
        files: relative names to texts.
        losses: what the format could not say, one short sentence for each sort, with its count.
    """

    files: Mapping[str, str]
    losses: tuple[str, ...] = ()


def convert(plan: ExecutionPlan, name: str, format: WritingFormat) -> Conversion:
    """Write a plan in the format ``name``.

    Raises:
        PlanError: the format cannot hold the plan at all (what it wrote cannot be read, or tasks are missing); says why.
    """
    files = dict(format.render(plan))
    again = _read_back(files, name, format)
    pairs = _paired(plan.tasks, again.tasks)
    if len(pairs) != len(plan.tasks) or len(again.tasks) != len(plan.tasks):
        raise PlanError(
            Problem(f"the format {name} reads {len(again.tasks)} tasks where {len(plan.tasks)} were written", name)
        )
    return Conversion(files=files, losses=tuple(_losses(plan, again, pairs)))


def _read_back(files: Mapping[str, str], name: str, format: WritingFormat) -> Specification:
    if not files or any(PurePosixPath(each).is_absolute() or ".." in PurePosixPath(each).parts for each in files):
        raise PlanError(Problem(f"the format {name} names no file that could be written, or one outside of its folder"))
    with TemporaryDirectory(prefix="convert-") as folder:
        root = Path(folder, "written")
        for relative, text in files.items():
            file = root / relative
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        try:
            return format.load(root / next(iter(files)) if len(files) == 1 else root)
        except DispatcherError as error:
            raise PlanError(Problem(f"this plan cannot be written as {name}: {error}")) from error


def _paired(tasks: Sequence[Task], again: Sequence[Task]) -> list[tuple[Task, Task]]:
    """Each task with what it became: by its own id where title and id stayed, else by title; of equal titles in the order of their ids."""
    left = list(again)
    named = {(task.source_id or "", _flat(task.title)): task for task in left if task.source_id}
    found: dict[str, Task] = {}
    for task in tasks:
        other = named.pop((task.source_id or task.id, _flat(task.title)), None)
        if other is not None:
            found[task.id] = other
    taken = {task.id for task in found.values()}
    by_title: dict[str, list[Task]] = {}
    for task in left:
        if task.id not in taken:
            by_title.setdefault(_flat(task.title), []).append(task)
    for same in by_title.values():
        same.sort(key=lambda task: (len(task.source_id or ""), task.source_id or ""))
    open_ = [task for task in tasks if task.id not in found]
    for task in open_:
        same = by_title.get(_flat(task.title), [])
        if same:
            found[task.id] = same.pop(0)
    rest = [task for same in by_title.values() for task in same]
    for task, other in zip((task for task in open_ if task.id not in found), rest, strict=False):
        found[task.id] = other
    return [(task, found[task.id]) for task in tasks if task.id in found]


# --- what is not there any more ---------------------------------------------------------------------------------------


def _losses(plan: ExecutionPlan, again: Specification, pairs: Sequence[tuple[Task, Task]]) -> Iterator[str]:
    yield from _of_order(plan, again, pairs)
    names = {other.id: task.id for task, other in pairs}
    names.update(_requirements(plan.specification, again))
    for one, many, same in _COMPARED:
        changed = sum(not same(task, other, names) for task, other in pairs)
        if changed:
            yield _counted(changed, one, many)
    before, after = plan.specification, again
    kept = {requirement.id for requirement in after.requirements}
    if gone := sum(requirement.id not in kept for requirement in before.requirements):
        yield _counted(gone, "requirement does not keep its id", "requirements do not keep their ids")
    detail = sum(bool(each.scenarios or each.edge_cases or each.constraints) for each in before.requirements)
    detail -= sum(bool(each.scenarios or each.edge_cases or each.constraints) for each in after.requirements)
    if detail > 0:
        yield _counted(
            detail, "requirement without its scenarios and cases", "requirements without their scenarios and cases"
        )
    if before.behaviour is not None and after.behaviour is None:
        sizes = (len(before.behaviour.entities), len(before.behaviour.operations), len(before.behaviour.examples))
        yield "the behaviour as data: {} entities, {} operations, {} examples".format(*sizes)
    for count, what in (
        (len(before.glossary) - len(after.glossary), "term of the glossary"),
        (len(before.facts) - len(after.facts), "fact about the means"),
        (len(before.blockers) - len(after.blockers), "open question that blocks the run"),
    ):
        if count > 0:
            yield _counted(count, what, what.replace(" ", "s ", 1))


def _requirements(first: Specification, second: Specification) -> Iterator[tuple[str, str]]:
    """Requirements of the second to those of the first: by id, else by text. The names are told from those of tasks by what stands in front."""
    known = {each.id for each in first.requirements}
    by_text = {_words(each.text): each.id for each in first.requirements}
    for each in second.requirements:
        name = each.id if each.id in known else by_text.get(_words(each.text))
        if name is not None:
            yield f"\0{each.id}", name


def _serves(task: Task, other: Task, names: Mapping[str, str]) -> bool:
    return set(task.requirements) <= {names.get(f"\0{name}", "") for name in other.requirements}


def _of_order(plan: ExecutionPlan, again: Specification, pairs: Sequence[tuple[Task, Task]]) -> Iterator[str]:
    binding = [each for each in plan.dependencies if each.strength == "binding"]
    names = {other.id: task.id for task, other in pairs}
    change = compare_orders(order_of_plan(plan), order_of_specification(again), names)
    if change is None:
        yield "whether the order is the same was not compared: there are too many tasks"
    elif change.lost:
        yield _counted(change.lost, "binding dependency", "binding dependencies")
    if change is not None and change.added:
        yield _counted(
            change.added,
            "order that the plan does not have was added",
            "orders that the plan does not have were added",
        )
    if binding:
        yield _counted(
            len(binding),
            "dependency is plain: no kind, confidence or evidence",
            "dependencies are plain: no kind, confidence or evidence",
        )
    if advisory := len(plan.dependencies) - len(binding):
        yield _counted(advisory, "advisory dependency, which binds nobody", "advisory dependencies, which bind nobody")
    if plan.exclusions:
        yield _counted(
            len(plan.exclusions),
            "exclusion (tasks that must not run at the same time)",
            "exclusions (tasks that must not run at the same time)",
        )


_Same = Callable[[Task, Task, Mapping[str, str]], bool]


def _gates(task: Task, other: Task, names: Mapping[str, str]) -> bool:
    return set(task.verifies) <= {names.get(name, "") for name in other.verifies}


def _children(task: Task, other: Task, names: Mapping[str, str]) -> bool:
    return set(task.children) == {names.get(name, "") for name in other.children}


def _described(task: Task, other: Task, names: Mapping[str, str]) -> bool:
    """Whether all words are still there, in their order; others may stand around them."""
    return all(_flat(line) in _flat(f"{other.title} {other.description}") for line in task.description.splitlines())


def _steps(task: Task) -> list[tuple[str, str]]:
    return [(_flat(step.title), step.status) for step in task.steps]


#: (one, many, whether a task and what it became agree), in the order in which they are told.
_COMPARED: tuple[tuple[str, str, _Same], ...] = (
    ("title reads differently", "titles read differently", lambda a, b, _: _flat(a.title) == _flat(b.title)),
    ("description", "descriptions, or parts of them", _described),
    ("status", "statuses", lambda a, b, _: a.status == b.status),
    ("test that gates what it verifies", "tests that gate what they verify", _gates),
    ("parent is a task of its own, behind its parts", "parents are tasks of their own, behind their parts", _children),
    ("list of steps", "lists of steps", lambda a, b, _: _steps(a) == _steps(b)),
    ("task type", "task types", lambda a, b, _: a.type == b.type),
    ("mark of an optional task", "marks of optional tasks", lambda a, b, _: a.optional == b.optional),
    ("task's list of what it makes and needs", "tasks' lists of what they make and need", lambda a, b, _: {*a.produces} <= {*b.produces} and {*a.consumes} <= {*b.consumes}),
    ("task does not say which requirements it serves", "tasks do not say which requirements they serve", _serves),
    ("group", "groups", lambda a, b, _: _flat(a.group) in _flat(b.group)),
    ("priority, size or estimate", "priorities, sizes or estimates", lambda a, b, _: (a.priority, a.complexity, a.estimate_s) == (b.priority, b.complexity, b.estimate_s)),
)  # fmt: skip


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _flat(text: str) -> str:
    return " ".join(text.split())
