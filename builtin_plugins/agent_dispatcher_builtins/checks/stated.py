"""What the requirements and the description of a task give examples of, and which of them can be tried on its tree.

An example of a requirement is tried when nothing of that is still to come: another task may have to change the same module first. Which function is meant has to be
told by what the tasks of the requirement promise, or by its being the only one of its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Protocol

from attrs import evolve, frozen

from agent_dispatcher.extension import CheckContext
from agent_dispatcher.extension.components import CodeTools, Language, StatedExample, TriesExamples
from agent_dispatcher.models import ExecutionPlan, Requirement, Task

__all__ = ["CODE_TYPES", "Asked", "Found", "Telling", "found_in"]

#: Task types whose outcome is code that can be called.
CODE_TYPES = frozenset({"code_writing", "debugging", "refactoring"})


class Telling(Language, CodeTools, TriesExamples, Protocol):
    """A language that can tell all that is asked here."""


@frozen(kw_only=True)
class Found:
    """An example, where it stands, and where it is tried.

    Attributes:
        of: the id of the requirement; ``""`` for the description of the task.
        place: ``file:line``, ``""`` where it is not known.
        module: what the function is taken from; ``""`` when it is not tried.
        why: the reason for that.
    """

    example: StatedExample
    of: str = ""
    place: str = ""
    module: str = ""
    why: str = ""

    def __str__(self) -> str:
        where = ", ".join(filter(None, (self.of, self.place)))
        return f"{self.example}{f' ({where})' if where else ''}"


class Asked:
    """What a plan wants of code: its requirements, and the tasks that make code for each of them. Built once per plan."""

    def __init__(self, plan: ExecutionPlan) -> None:
        self.plan = plan
        self.requirements = {each.id: each for each in plan.specification.requirements}
        self._serving: dict[str, list[Task]] = {}
        for task in plan.tasks:
            if task.type in CODE_TYPES and not task.children and not task.optional and task.status != "skipped":
                for requirement in dict.fromkeys(task.requirements):
                    self._serving.setdefault(requirement, []).append(task)

    def serving(self, requirement: str) -> Sequence[Task]:
        """The tasks that make code for a requirement and are not left out, in the order of the plan."""
        return self._serving.get(requirement, ())


def found_in(task: Task, context: CheckContext, language: Telling, asked: Asked) -> list[Found]:
    """The examples of a task, each once, those of its requirements first."""
    stated = list(_stated(task, language, asked))
    if not stated:
        return []
    looking = _Looking(task, context, language, asked)
    results: dict[str, set[str]] = {}
    for each in stated:
        results.setdefault(each.example.call, set()).add(each.example.raises or each.example.result)
    once: dict[tuple[str, str], Found] = {}
    for each in stated:
        why = each.example.unsure
        if len(results[each.example.call]) > 1:
            why = "the texts give several results for this call"
        key = (each.example.call, each.example.raises or each.example.result)
        if key not in once or (once[key].why and not why):
            once[key] = evolve(each, why=why)
    return [each if each.why else looking.placed(each) for each in once.values()]


def _stated(task: Task, language: TriesExamples, asked: Asked) -> Iterator[Found]:
    for name in dict.fromkeys(task.requirements):
        requirement = asked.requirements.get(name)
        if requirement is not None:
            mended = {task.type, *(each.type for each in asked.serving(name))} == {"debugging"}
            for text, place in _texts(requirement):
                for example in language.stated_examples(text):
                    yield Found(example=_as_meant(example, mended), of=requirement.id, place=place)
    for example in language.stated_examples(task.description):
        yield Found(example=_as_meant(example, task.type == "debugging"), place=task.source)


def _as_meant(example: StatedExample, mended: bool) -> StatedExample:
    """What is to be mended is described as it is: only what *should* be so is asked for."""
    if mended and not example.unsure and not example.demanded:
        return evolve(example, unsure="it may be the fault that is to be mended")
    return example


def _texts(requirement: Requirement) -> Iterator[tuple[str, str]]:
    """Its texts with their places. What stands in a situation is told as what it is: a condition."""
    yield "\n\n".join((requirement.text, *requirement.edge_cases, *requirement.constraints)), requirement.source
    for scenario in requirement.scenarios:
        situation = " and ".join((*scenario.given, *scenario.when)).replace("\n", " ")
        told = f"When {situation}, " if situation else ""
        yield "\n\n".join(f"{told}{step}" for step in scenario.then), scenario.source or requirement.source


class _Looking:
    """Where the functions of one task's examples are, and whether they are finished."""

    def __init__(self, task: Task, context: CheckContext, language: Telling, asked: Asked) -> None:
        self._task = task
        self._language = language
        self._asked = asked
        self._landed = context.landed
        self._changed = {path for change in context.tree.changes for path in change.paths}
        self._homes = cache(lambda function: language.homes(function, context.tree.path))

    def placed(self, found: Found) -> Found:
        """With its module, or the reason why it is not tried."""
        makers = [self._task, *(each for each in self._makers(found) if each.id in self._landed)]
        module, why = self._module(found.example.function, makers)
        waiting = [each for each in self._makers(found) if each.id not in self._landed]
        promised = any(module in self._modules(each) for each in makers)
        late = [each for each in waiting if not promised or not self._modules(each) or module in self._modules(each)]
        if module and late:
            module, why = "", f"it is tried when {', '.join(each.source_id or each.id for each in late[:3])} is there"
        return evolve(found, module=module, why=why)

    def _makers(self, found: Found) -> list[Task]:
        """The other tasks that make code for the requirement."""
        return [each for each in self._asked.serving(found.of) if each.id != self._task.id] if found.of else []

    def _module(self, function: str, makers: Sequence[Task]) -> tuple[str, str]:
        named = {
            ref.name.partition(":")[0]
            for each in makers
            for ref in each.produces
            if ref.type == "symbol" and ref.name.partition(":")[2] == function
        }
        if len(named) == 1:
            return named.pop(), ""
        homes = self._homes(function)
        own = [path for path in homes if any(self._language.module(path) in self._modules(each) for each in makers)]
        if len(own) == 1:
            return self._language.module(own[0]), ""
        if not homes:
            return "", f"no source defines {function}"
        if len(homes) > 1:
            return "", f"{function} is defined in several sources: {', '.join(homes[:3])}"
        if homes[0] not in self._changed and all(map(self._modules, makers)):
            return "", f"{homes[0]} is not what these tasks make"
        module = self._language.module(homes[0])
        return module, "" if module else f"{homes[0]} cannot be imported by a name"

    def _modules(self, task: Task) -> set[str]:
        """The modules that a task promises."""
        return set(_promised(task, self._language))


def _promised(task: Task, language: CodeTools) -> Iterable[str]:
    for ref in task.produces:
        module = ref.name.partition(":")[0] if ref.type == "symbol" else language.module(ref.name)
        if ref.type in ("path", "symbol") and module:
            yield module
