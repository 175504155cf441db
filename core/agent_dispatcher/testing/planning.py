"""What components of planning must keep to: decomposers, dependency rules and validators are pure, checked functions of what they are given."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from ..errors import PathRefused
from ..extension.components import (
    Declined,
    Decomposer,
    Decomposition,
    DependencyRule,
    Excludes,
    Language,
    Note,
    PlanningContext,
    PlanValidator,
    Requires,
    Veto,
)
from ..models import DEPENDENCY_KINDS, ArtifactRef, ExecutionPlan, Specification, Task
from ..planning.declared import declared_edges
from ..planning.references import resolve_references
from ..workspace.path_names import split_path
from .contract import Contract
from .samples import hostile_plan, large_plan, sample_plan, sample_specification

__all__ = ["DecomposerContract", "DependencyRuleContract", "ValidatorContract"]

Answer = Requires | Excludes | Veto | Note


class DecomposerContract(Contract):
    """Subclass it and override :meth:`make_decomposer` and :meth:`specification`.

    Attributes:
        covers_requirements: whether every requirement is served by a task or named in a warning.
    """

    covers_requirements: ClassVar[bool] = True

    def make_decomposer(self) -> Decomposer:
        """A fresh instance."""
        self.to_override("make_decomposer(self)")

    def specification(self) -> Specification:
        """One that the decomposer takes."""
        self.to_override("specification(self)")

    def language(self) -> Language | None:
        """The active language the decomposer is given."""
        return None

    def llm(self) -> Any:
        """The model backend the decomposer is given."""
        return None

    def test_it_makes_tasks(self) -> None:
        """For a specification it takes it gives a Decomposition with tasks."""
        made = self._decompose(self.specification())
        if isinstance(made, Declined):
            self.broken(f"it declined the suite's specification: {made.reason}", "what it can do it does")
        self.promise(
            isinstance(made, Decomposition),
            f"it gave a {type(made).__name__}",
            "decompose gives Decomposition or Declined",
        )
        self.promise(made.tasks, "the Decomposition has no tasks", "a decomposer that finds nothing declines")
        odd = [task for task in made.tasks if not isinstance(task, Task)]
        self.promise(not odd, f"among the tasks are {odd[:2]}", "tasks are Task values")

    def test_tasks_fit_together(self) -> None:
        """Ids are unique, and whatever tasks name (dependencies, subjects, parts) is among them."""
        made = self._made()
        ids = [task.id for task in made.tasks]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        self.promise(not twice, f"ids are there twice: {twice}", "ids are unique")
        _, problems, _ = resolve_references(made.tasks)
        self.promise(
            not problems,
            f"the tasks do not fit together: {'; '.join(map(str, problems))}",
            "references name tasks of the decomposition",
        )

    def test_it_is_repeatable(self) -> None:
        """The same specification gives the same tasks with the same ids, from any instance."""
        first, second = self._made(), self._made()
        same = first == second
        self.promise(
            same, "two decompositions of one specification differ", "ids and tasks are stable for the same content"
        )

    def test_tasks_serve_known_requirements(self) -> None:
        """Tasks name requirements that exist, and none is forgotten in silence."""
        specification, made = self.specification(), self._made()
        known = {requirement.id for requirement in specification.requirements}
        served = {name for task in made.tasks for name in task.requirements}
        self.promise(
            served <= known,
            f"tasks name requirements that do not exist: {sorted(served - known)}",
            "requirements are those of the specification",
        )
        if self.covers_requirements:
            forgotten = [name for name in sorted(known - served) if not any(name in text for text in made.warnings)]
            self.promise(
                not forgotten,
                f"no task and no warning mentions {forgotten}",
                "a requirement that no task serves is named in a warning",
            )

    def test_promised_paths_are_safe(self) -> None:
        """Paths that tasks promise lie in the repository and have names that every system takes."""
        for task in self._made().tasks:
            for ref in (*task.produces, *task.consumes):
                if ref.type == "path":
                    try:
                        split_path(ref.name)
                    except PathRefused as error:
                        self.broken(
                            f"task {task.id} names the path {ref.name!r}: {error}",
                            "paths are relative, '/' separated and safe",
                        )

    def test_nothing_to_do_is_declined(self) -> None:
        """A specification that asks for nothing is declined with a reason, never an empty plan and never an exception."""
        empty = Specification(id="empty", title="Empty")
        try:
            answer = self._decompose(empty)
        except AssertionError:
            raise
        except Exception as error:
            self.broken(
                f"a specification without content raised {type(error).__name__}: {error}",
                "what it cannot do it declines",
            )
        asked = "a specification it cannot decompose is Declined with a reason"
        self.promise(isinstance(answer, Declined), f"a specification that asks for nothing gave {answer!r:.200}", asked)
        self.promise(isinstance(answer, Declined) and answer.reason, "it declined without a reason", asked)

    def test_hostile_text_does_no_harm(self) -> None:
        """Requirements may say anything: the answer is tasks or a reason, and ids stay plain."""
        try:
            answer = self._decompose(hostile_plan().specification)
        except AssertionError:
            raise
        except Exception as error:
            self.broken(
                f"a requirement with odd characters raised {type(error).__name__}: {error}", "text is only text"
            )
        if isinstance(answer, Decomposition):
            odd = [task.id for task in answer.tasks if not task.id.isprintable() or "/" in task.id or " " in task.id]
            self.promise(
                not odd, f"ids made from text: {odd}", "ids are plain words, they become names of branches and folders"
            )

    def _made(self) -> Decomposition:
        made = self._decompose(self.specification())
        if not isinstance(made, Decomposition):
            self.broken(f"it gave {made!r:.200} for the suite's specification", "what it can do it does")
        return made

    def _decompose(self, specification: Specification) -> Decomposition | Declined:
        context = PlanningContext(specification=specification, language=self.language(), llm=self.llm())
        return self.go(self.make_decomposer().decompose(specification, context))


class DependencyRuleContract(Contract):
    """Subclass it and override :meth:`make_rule` and :meth:`sample`.

    Attributes:
        deterministic: whether the same tasks always give the same answers; a rule that does not must say so in its summary.
    """

    deterministic: ClassVar[bool] = True

    def make_rule(self) -> DependencyRule:
        """A fresh instance."""
        self.to_override("make_rule(self)")

    def sample(self) -> tuple[Sequence[Task], Specification]:
        """Tasks in which the rule sees something, and their specification."""
        self.to_override("sample(self)")

    def expected(self) -> frozenset[tuple[str, str]]:
        """(before, after) of the :class:`Requires` it must give for the sample; not looked at when empty (the default)."""
        return frozenset()

    def language(self) -> Language | None:
        """The active language the rule is given."""
        return None

    def llm(self) -> Any:
        """The model backend the rule is given."""
        return None

    def test_it_sees_what_it_is_for(self) -> None:
        """In the suite's sample it sees something, and exactly the expected edges where they are given."""
        answers = self._find()
        self.promise(answers, "it saw nothing in the suite's sample", "the rule finds what it is for")
        if self.expected():
            found = frozenset((each.before, each.after) for each in answers if isinstance(each, Requires))
            wrong = f"missing: {sorted(self.expected() - found)}, not expected: {sorted(found - self.expected())}"
            self.promise(found == self.expected(), wrong, "the edges are those the suite expects")

    def test_answers_are_of_the_three_kinds(self) -> None:
        """Every answer is Requires, Excludes, Veto or a Note, with a kind, a confidence and a reason that can be shown."""
        for each in self._find():
            if isinstance(each, Requires):
                self.promise(
                    each.kind in DEPENDENCY_KINDS,
                    f"{each} has the kind {each.kind!r}",
                    f"kinds are {', '.join(DEPENDENCY_KINDS)}",
                )
                sound = isinstance(each.confidence, int | float) and 0 < each.confidence <= 1
                self.promise(
                    sound, f"{each} has the confidence {each.confidence!r}", "confidence is above 0 and at most 1"
                )
                self.promise(
                    each.evidence.strip(),
                    f"{each.before} before {each.after} has no evidence",
                    "evidence is a sentence that quotes what was seen",
                )
                self.promise(
                    each.before != each.after,
                    f"it wants {each.after} to wait for itself",
                    "a task never waits for itself",
                )
            elif isinstance(each, Excludes):
                self.promise(
                    len(set(each.tasks)) > 1 and each.resource,
                    f"{each} keeps nothing apart",
                    "an exclusion names two tasks or more and a resource",
                )
            elif isinstance(each, Veto):
                self.promise(each.why, f"{each} says no why", "a veto says why")
            elif isinstance(each, Note):
                self.promise(each.text.strip(), f"{each} says nothing", "a note says what the user should know")
            else:
                self.broken(f"it gave {each!r:.200}", "answers are Requires, Excludes, Veto or Note")

    def test_only_given_tasks_are_named(self) -> None:
        """Answers name ids of the tasks that were given, by id and not by source id or title."""
        ids = {task.id for task in self.sample()[0]}
        for each in self._find():
            if isinstance(each, Note):
                continue
            names = each.tasks if isinstance(each, Excludes) else (each.before, each.after)
            unknown = sorted(set(names) - ids)
            self.promise(
                not unknown, f"{each} names {unknown}, which were not given", "answers name ids of the given tasks"
            )

    def test_it_is_repeatable(self) -> None:
        """The same tasks give the same answers, in whatever order they are given."""
        if not self.deterministic:
            self.skip("the suite says that the rule is not deterministic")
        tasks, specification = self.sample()
        first = self._find()
        self.promise(
            _set(first) == _set(self._find()),
            "two runs on the same tasks gave different answers",
            "a rule is deterministic",
        )
        reversed_ = self._find(list(reversed(tasks)), specification)
        if not any(isinstance(each, Excludes) for each in first):
            edges, back = _edges(first), _edges(reversed_)
            self.promise(
                edges == back,
                f"with the tasks in reverse order these edges differ: {sorted(edges ^ back)}",
                "the order in which tasks are given decides nothing",
            )

    def test_nothing_gives_nothing(self) -> None:
        """Without tasks, and for a single one, there is no answer and no exception."""
        alone = Task(id="alone", title="Alone", produces=(ArtifactRef(type="path", name="a.txt"),))
        for tasks in ((), (alone,)):
            try:
                answers = self._find(tasks, sample_specification())
            except AssertionError:
                raise
            except Exception as error:
                self.broken(
                    f"{len(tasks)} tasks raised {type(error).__name__}: {error}", "any set of tasks is looked at"
                )
            self.promise(not answers, f"for {len(tasks)} tasks it gave {answers}", "one task alone has no order")

    def test_a_test_and_its_subject_are_not_ordered(self) -> None:
        """Test and subject are written at the same time: no rule orders them, unless the source declares it."""
        tasks, specification = self.sample()
        subject = tasks[0]
        test = Task(
            id="the-test-of-it",
            title=f"Test {subject.title}",
            type="testing",
            verifies=(subject.id,),
            group=subject.group,
            requirements=subject.requirements,
            consumes=subject.produces,
        )
        pair = {(subject.id, test.id), (test.id, subject.id)}
        wrong = pair & _edges(self._find([*tasks, test], specification))
        self.promise(
            not wrong,
            f"it orders a test and what it verifies: {sorted(wrong)}",
            "verifies is not a dependency, and no rule makes it one",
        )

    def test_it_wants_no_circle(self) -> None:
        """Sure edges (confidence 0.5 and more) of one rule do not close a circle that nobody declared."""
        declared = {(edge.before, edge.after) for edge in declared_edges(self.sample()[0])}
        sure = {
            (each.before, each.after) for each in self._find() if isinstance(each, Requires) and each.confidence >= 0.5
        }
        left = sure - declared
        while True:
            inner = {(a, b) for a, b in left if any(c == b for c, _ in left) and any(d == a for _, d in left)}
            if inner == left:
                break
            left = inner
        self.promise(not left, f"these edges go round in a circle: {sorted(left)}", "a rule gives an order")

    def test_many_tasks_take_little_time(self) -> None:
        """500 tasks are looked at within five seconds."""
        plan = large_plan(500)
        begun = time.process_time()
        self._find(plan.tasks, plan.specification)
        took = time.process_time() - begun
        self.promise(
            took < 5.0,
            f"500 tasks took {took:.1f} seconds",
            "a rule does not compare every task with every other slowly",
        )

    def _find(self, tasks: Sequence[Task] | None = None, specification: Specification | None = None) -> list[Answer]:
        if tasks is None or specification is None:
            tasks, specification = self.sample()
        context = PlanningContext(specification=specification, language=self.language(), llm=self.llm())
        return list(self.go(self.make_rule().find(tuple(tasks), specification, context)))


def _edges(answers: Sequence[Answer]) -> set[tuple[str, str]]:
    return {(each.before, each.after) for each in answers if isinstance(each, Requires)}


def _set(answers: Sequence[Answer]) -> frozenset[Answer]:
    return frozenset(answers)


class ValidatorContract(Contract):
    """Subclass it and override :meth:`make_validator`, :meth:`good_plan` and :meth:`bad_plan`."""

    def make_validator(self) -> PlanValidator:
        """A fresh instance."""
        self.to_override("make_validator(self)")

    def good_plan(self) -> ExecutionPlan:
        """A plan the validator has nothing against."""
        return sample_plan()

    def bad_plan(self) -> ExecutionPlan:
        """A plan it must not let pass."""
        self.to_override("bad_plan(self)")

    def test_a_good_plan_passes(self) -> None:
        """There are no problems in a plan that is as it should be."""
        found = self._problems(self.good_plan())
        self.promise(not found, f"it found problems in the suite's good plan: {found}", "a good plan has no problems")

    def test_a_bad_plan_is_stopped(self) -> None:
        """A plan it is there to stop has at least one problem."""
        self.promise(
            self._problems(self.bad_plan()),
            "it found no problem in the suite's bad plan",
            "any reason not to run a plan is a problem",
        )

    def test_problems_are_sentences(self) -> None:
        """Each problem is a non-empty text of one line; the answer is a collection of them, not one text."""
        answer = self.make_validator().problems(self.bad_plan())
        self.promise(
            not isinstance(answer, str),
            f"it gave one text instead of a collection: {answer!r:.100}",
            "problems gives one sentence per problem",
        )
        for problem in answer:
            sound = isinstance(problem, str) and len(problem.split()) > 1 and "\n" not in problem
            self.promise(sound, f"a problem is {problem!r:.200}", "a problem is a sentence")

    def test_it_is_repeatable(self) -> None:
        """The same plan has the same problems, asked as often as one likes."""
        validator, plan = self.make_validator(), self.bad_plan()
        first, second = list(validator.problems(plan)), list(validator.problems(plan))
        self.promise(first == second, f"first it found {first}, then {second}", "a validator only looks at the plan")

    def test_any_plan_is_looked_at(self) -> None:
        """Plans without tasks, with hostile text and with many tasks raise nothing and take little time."""
        empty = ExecutionPlan(specification=sample_specification(), tasks=())
        for name, plan in (("no tasks", empty), ("hostile text", hostile_plan()), ("2000 tasks", large_plan(2000))):
            begun = time.process_time()
            try:
                self._problems(plan)
            except AssertionError:
                raise
            except Exception as error:
                self.broken(f"a plan with {name} raised {type(error).__name__}: {error}", "any plan is looked at")
            took = time.process_time() - begun
            self.promise(took < 2.0, f"a plan with {name} took {took:.1f} seconds", "a validator is quick")

    def _problems(self, plan: ExecutionPlan) -> list[str]:
        return list(self.make_validator().problems(plan))
