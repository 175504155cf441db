"""The suites for decomposers, dependency rules and validators find planted faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import pytest

from agent_dispatcher.extension import Declined, Decomposition, Excludes, PlanningContext, Requires
from agent_dispatcher.extension.components import Decomposer, DependencyRule, PlanValidator
from agent_dispatcher.models import ArtifactRef, ExecutionPlan, Requirement, Specification, Task
from agent_dispatcher.testing import DecomposerContract, DependencyRuleContract, ValidatorContract

Broken = Callable[..., dict[str, str]]


# --- decomposers ----------------------------------------------------------------------------------------------------


class PerRequirement:
    """One task per requirement: what the faulty ones are made from."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        if not specification.requirements:
            return Declined("there are no requirements")
        return Decomposition(tasks=tuple(self.task(each) for each in specification.requirements))

    def task(self, requirement: Requirement) -> Task:
        return Task(id=f"do-{requirement.id.lower()}", title=requirement.text, requirements=(requirement.id,))


class Random(PerRequirement):
    def task(self, requirement: Requirement) -> Task:
        return Task(id=f"do-{random.random()}", title=requirement.text, requirements=(requirement.id,))


class SameIds(PerRequirement):
    def task(self, requirement: Requirement) -> Task:
        return Task(id="do", title=requirement.text, requirements=(requirement.id,))


class Invents(PerRequirement):
    def task(self, requirement: Requirement) -> Task:
        return Task(id=requirement.id, title=requirement.text, requirements=(requirement.id, "R99"))


class DanglingSubject(PerRequirement):
    def task(self, requirement: Requirement) -> Task:
        return Task(id=requirement.id, title="t", requirements=(requirement.id,), verifies=("nobody",))


class Forgets(PerRequirement):
    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        made = await super().decompose(specification, context)
        return Decomposition(tasks=made.tasks[:1]) if isinstance(made, Decomposition) else made


class NeverDeclines(PerRequirement):
    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        return Decomposition(tasks=tuple(self.task(each) for each in specification.requirements))


class Climbs(PerRequirement):
    def task(self, requirement: Requirement) -> Task:
        produces = (ArtifactRef(type="path", name="../outside.py"),)
        return Task(id=requirement.id, title="t", requirements=(requirement.id,), produces=produces)


class TitlesAsIds(PerRequirement):
    def task(self, requirement: Requirement) -> Task:
        return Task(id=requirement.text, title="t", requirements=(requirement.id,))


class DecomposerSuite(DecomposerContract):
    component: ClassVar[type[PerRequirement]] = PerRequirement

    def make_decomposer(self) -> Decomposer:
        return self.component()

    def specification(self) -> Specification:
        return Specification(
            id="s", title="s", requirements=(Requirement(id="R1", text="a"), Requirement(id="R2", text="b"))
        )


@pytest.mark.parametrize(
    ("decomposer", "promise"),
    [
        (Random, "test_it_is_repeatable"),
        (SameIds, "test_tasks_fit_together"),
        (DanglingSubject, "test_tasks_fit_together"),
        (Invents, "test_tasks_serve_known_requirements"),
        (Forgets, "test_tasks_serve_known_requirements"),
        (NeverDeclines, "test_nothing_to_do_is_declined"),
        (Climbs, "test_promised_paths_are_safe"),
        (TitlesAsIds, "test_hostile_text_does_no_harm"),
    ],
)
def test_faults_of_decomposers_are_found(broken_promises: Broken, decomposer: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    found = broken_promises(type("Faulty", (DecomposerSuite,), {"component": decomposer}), promise)
    assert "The contract asks: " in found[promise]


def test_a_sound_decomposer_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(DecomposerSuite) == {}


# --- rules ----------------------------------------------------------------------------------------------------------

Answer = Requires | Excludes


class ByTitle:
    """Tasks called "Set up" come first: what the faulty ones are made from."""

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Any]:
        first = [task for task in tasks if task.title == "Set up"]
        return [
            answer
            for before in first
            for after in tasks
            if after is not before and before.id not in after.verifies
            for answer in self.answers(before, after)
        ]

    def answers(self, before: Task, after: Task) -> Iterable[Any]:
        yield Requires(before.id, after.id, "logical", 0.8, f"{before.title!r} comes first")


class NoEvidence(ByTitle):
    def answers(self, before: Task, after: Task) -> Iterable[Any]:
        yield Requires(before.id, after.id)


class TooSure(ByTitle):
    def answers(self, before: Task, after: Task) -> Iterable[Any]:
        yield Requires(before.id, after.id, "logical", 80, "80 percent")


class Tuples(ByTitle):
    def answers(self, before: Task, after: Task) -> Iterable[Any]:
        yield (before.id, after.id)


class SourceIds(ByTitle):
    def answers(self, before: Task, after: Task) -> Iterable[Any]:
        yield Requires("T001", after.id, "logical", 0.8, "it says so")


class BothWays(ByTitle):
    def answers(self, before: Task, after: Task) -> Iterable[Any]:
        yield from super().answers(before, after)
        yield from super().answers(after, before)


class TossesCoins(ByTitle):
    def answers(self, before: Task, after: Task) -> Iterable[Any]:
        yield Requires(before.id, after.id, "logical", random.random() / 2 + 0.25, "a feeling")


class ListOrder(ByTitle):
    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Any]:
        return [Requires(a.id, b.id, "logical", 0.8, "it stands first") for a, b in pairwise(tasks)]


class OrdersTests(ByTitle):
    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Any]:
        found = list(await super().find(tasks, specification, context))
        return found + [Requires(s, task.id, "logical", 0.8, "tested after") for task in tasks for s in task.verifies]


class RuleSuite(DependencyRuleContract):
    component: ClassVar[type[ByTitle]] = ByTitle

    def make_rule(self) -> DependencyRule:
        return self.component()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        names = ("Write", "Set up", "Publish")
        tasks = tuple(Task(id=f"t{n}", source_id=f"T00{n}", title=name) for n, name in enumerate(names))
        return tasks, Specification(id="s", title="s", tasks=tasks)

    def expected(self) -> frozenset[tuple[str, str]]:
        return frozenset({("t1", "t0"), ("t1", "t2")})


@pytest.mark.parametrize(
    ("rule", "promise"),
    [
        (NoEvidence, "test_answers_are_of_the_three_kinds"),
        (TooSure, "test_answers_are_of_the_three_kinds"),
        (Tuples, "test_answers_are_of_the_three_kinds"),
        (SourceIds, "test_only_given_tasks_are_named"),
        (BothWays, "test_it_wants_no_circle"),
        (BothWays, "test_it_sees_what_it_is_for"),
        (TossesCoins, "test_it_is_repeatable"),
        (ListOrder, "test_it_is_repeatable"),
        (OrdersTests, "test_a_test_and_its_subject_are_not_ordered"),
    ],
)
def test_faults_of_rules_are_found(broken_promises: Broken, rule: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    found = broken_promises(type("Faulty", (RuleSuite,), {"component": rule}), promise)
    assert "The contract asks: " in found[promise]


def test_a_sound_rule_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(RuleSuite) == {}


# --- validators -----------------------------------------------------------------------------------------------------


class NeedsRequirements:
    """Every task serves a requirement: what the faulty ones are made from."""

    def problems(self, plan: ExecutionPlan) -> Any:
        return [f"task {task.id} serves no requirement" for task in plan.tasks if not task.requirements]


class OneText(NeedsRequirements):
    def problems(self, plan: ExecutionPlan) -> Any:
        return "; ".join(super().problems(plan))


class LetsAllPass(NeedsRequirements):
    def problems(self, plan: ExecutionPlan) -> Any:
        return ()


class StopsAll(NeedsRequirements):
    def problems(self, plan: ExecutionPlan) -> Any:
        return ["this plan looks odd"]


class Codes(NeedsRequirements):
    def problems(self, plan: ExecutionPlan) -> Any:
        return ["E17" for _ in super().problems(plan)]


class RemembersPlans(NeedsRequirements):
    def __init__(self) -> None:
        self.seen = 0

    def problems(self, plan: ExecutionPlan) -> Any:
        self.seen += 1
        return [f"{problem}, look {self.seen}" for problem in super().problems(plan)]


class NeedsOne(NeedsRequirements):
    def problems(self, plan: ExecutionPlan) -> Any:
        assert plan.tasks[0] is not None
        return super().problems(plan)


class ValidatorSuite(ValidatorContract):
    component: ClassVar[type[NeedsRequirements]] = NeedsRequirements

    def make_validator(self) -> PlanValidator:
        return self.component()

    def bad_plan(self) -> ExecutionPlan:
        return ExecutionPlan(specification=Specification(id="s", title="s"), tasks=(Task(id="a", title="A"),))


@pytest.mark.parametrize(
    ("validator", "promise"),
    [
        (OneText, "test_problems_are_sentences"),
        (Codes, "test_problems_are_sentences"),
        (LetsAllPass, "test_a_bad_plan_is_stopped"),
        (StopsAll, "test_a_good_plan_passes"),
        (RemembersPlans, "test_it_is_repeatable"),
        (NeedsOne, "test_any_plan_is_looked_at"),
    ],
)
def test_faults_of_validators_are_found(broken_promises: Broken, validator: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    found = broken_promises(type("Faulty", (ValidatorSuite,), {"component": validator}), promise)
    assert "The contract asks: " in found[promise]


def test_a_sound_validator_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(ValidatorSuite) == {}
