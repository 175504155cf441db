"""The rule keeps its contract, and sees what it says it sees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from agent_dispatcher import ExecutionPlan, Specification, Task
from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.models import ArtifactRef
from agent_dispatcher.testing import DependencyRuleContract, dispatcher

from migrations_first import MigrationsFirstRule


def path(name: str) -> ArtifactRef:
    """A promised file."""
    return ArtifactRef(type="path", name=name)


CREATE = Task(
    id="m1", title="Migration for lending", produces=(path("db/migrations/0001_create_loans.sql"),), source="t.md:3"
)
EXTEND = Task(id="m2", title="Alter table members", produces=(path("db/migrations/0002_members.sql"),), source="t.md:4")
LIST = Task(id="list", title="List what is out", description="SELECT * FROM public.loans", source="t.md:7")
CARD = Task(id="card", title="Cards", consumes=(ArtifactRef(type="table", name="members"),), source="t.md:8")
PAGE = Task(id="page", title="Describe the loans table", type="documentation", source="t.md:9")
TASKS = (LIST, CARD, PAGE, CREATE, EXTEND)
SPECIFICATION = Specification(id="lending", title="Lending", tasks=TASKS)


class TestMigrationsFirst(DependencyRuleContract):
    """The rule, on a list in which the code stands before the migrations."""

    def make_rule(self) -> MigrationsFirstRule:
        return MigrationsFirstRule()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        return TASKS, SPECIFICATION

    def expected(self) -> frozenset[tuple[str, str]]:
        return frozenset({("m1", "list"), ("m2", "card"), ("m1", "m2")})


def planned(*rules: object, tasks: Sequence[Task] = TASKS) -> ExecutionPlan:
    """The plan those rules give."""
    return dispatcher([lambda task, context: None], rules=rules).plan(
        Specification(id="lending", title="Lending", tasks=tuple(tasks))
    )


def test_evidence_quotes_and_says_the_place() -> None:
    """The reader of a plan is told by which words, in which line."""
    (edge,) = [each for each in planned(MigrationsFirstRule()).dependencies if each.after == "list"]
    (reason,) = edge.reasons
    assert reason.evidence == (
        '"List what is out" says "FROM public.loans", and the migration "Migration for lending" '
        "writes db/migrations/0001_create_loans.sql"
    )
    assert (reason.source, reason.kind, edge.strength) == ("t.md:7", "data", "binding")


class Contrary:
    """A rule that has it the wrong way round, and is very sure."""

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires]:
        """One edge."""
        return [Requires("list", "m1", "logical", 0.99, "code first")]


def test_the_other_way_round_is_vetoed() -> None:
    """Another rule cannot put the code first, however sure it is; the plan keeps what was dropped, and why."""
    plan = planned(MigrationsFirstRule(), Contrary())
    (dropped,) = [each for each in plan.dropped if (each.before, each.after) == ("list", "m1")]
    assert dropped.kind == "veto"
    assert "a migration never waits for the code that uses its table" in dropped.why
    assert ("m1", "list") in plan.binding_edges()
    alone = planned(Contrary())
    assert ("list", "m1") in alone.binding_edges(), "without the veto the wrong order would stand"


@pytest.mark.parametrize(
    ("user", "sees"),
    [
        (Task(id="u", title="Show the `loans` table"), True),
        (Task(id="u", title="Store", produces=(path("app/repositories/loan.py"),)), True),
        (Task(id="u", title="Store", description="UPDATE loans SET returned = 1"), True),
        (Task(id="u", title="Test it", type="testing", description="INSERT INTO loans"), True),
        (Task(id="u", title="Test it", type="testing", description="INSERT INTO loans", verifies=("m1",)), False),
        (Task(id="u", title="Set the table for lunch"), False),
        (Task(id="u", title="Loans from members"), False),
        (Task(id="u", title="Store", produces=(path("app/pages/loan.py"),)), False),
    ],
)
def test_what_counts_as_use(user: Task, sees: bool) -> None:
    """Declared needs, SQL, the word *table* and the folders of queries count; a name alone does not."""
    assert (("m1", "u") in planned(MigrationsFirstRule(), tasks=(CREATE, user)).binding_edges()) is sees


def test_a_test_of_a_migration_is_left_alone() -> None:
    """The rule itself is silent about a test and the migration it verifies."""
    test = Task(id="t", title="Test it", type="testing", description="INSERT INTO loans", verifies=("m1",))
    specification = Specification(id="s", title="S")
    found = asyncio.run(
        MigrationsFirstRule().find([CREATE, test], specification, PlanningContext(specification=specification))
    )
    assert list(found) == []


def test_numbers_of_different_folders_say_nothing() -> None:
    """Only migrations of one folder follow each other; equal numbers have no order."""
    tasks = [
        Task(id=name, title=name, produces=(path(f"{folder}/migrations/{number}_x{name}.sql"),))
        for name, folder, number in (
            ("a", "one", 1),
            ("b", "one", 10),
            ("c", "one", 10),
            ("d", "two", 2),
            ("e", "one", 9),
        )
    ]
    plan = planned(MigrationsFirstRule(), tasks=tasks)
    assert plan.binding_edges() == (("a", "e"), ("e", "b"), ("e", "c"))
