"""Order from what tasks speak of."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agent_dispatcher.extension import PlanningContext, Requires
from agent_dispatcher.extension.components import DependencyRule
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Specification, Task, TaskPhase
from agent_dispatcher.testing import DependencyRuleContract
from agent_dispatcher_builtins.dependency_rules.data import DataRule

Make = Callable[..., Task]
Ask = Callable[..., list[Requires]]


class TestDataRule(DependencyRuleContract):
    """The suite that every rule passes."""

    def make_rule(self) -> DependencyRule:
        return DataRule()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        tasks = (
            Task(id="service", title="Implement the loan service", description="Uses the loan schema."),
            Task(id="schema", title="Design the loan schema", description="Define the tables."),
        )
        return tasks, Specification(id="s", title="S", tasks=tasks)

    def expected(self) -> frozenset[tuple[str, str]]:
        return frozenset({("schema", "service")})


@pytest.fixture
def shop(listed: Make) -> list[Task]:
    """A list as people write them."""
    return [
        listed("setup", "Set up the project structure", "Initialize the repository and install dependencies."),
        listed("schema", "Design the product schema", "Define tables for products, prices and stock."),
        listed("service", "Implement the product service", "Create, read and update products in the product schema."),
        listed(
            "cart", "Implement the shopping cart", "Customers put products into a cart; prices come from the service."
        ),
        listed("checkout", "Implement checkout", "The shopping cart is paid for. Handle payment errors."),
        listed("load", "Performance test of checkout", "Load test the checkout and the shopping cart, optimize."),
        listed("launch", "Deploy to production", "Deploy the shop, monitor it."),
    ]


def pairs(found: list[Requires]) -> set[tuple[str, str]]:
    return {(each.before, each.after) for each in found}


def test_who_brings_something_in_comes_before_who_goes_on_with_it(shop: list[Task], ask: Ask) -> None:
    """By what descriptions say of other tasks' titles, and by the sort of work."""
    found = pairs(ask(DataRule(), *shop))
    assert {("schema", "service"), ("cart", "checkout"), ("checkout", "load")} <= found


def test_the_evidence_quotes_words_as_they_are_written(shop: list[Task], ask: Ask) -> None:
    """And gives the place."""
    edge = next(each for each in ask(DataRule(), *shop) if (each.before, each.after) == ("schema", "service"))
    assert edge.kind == "data"
    assert edge.source == "service.md:1"
    assert edge.evidence == (
        '"Implement the product service" likely builds on "Design the product schema": it speaks of product, schema; '
        '"Design" is earlier work than "update"'
    )


def test_the_order_of_the_list_and_ids_mean_nothing(shop: list[Task], ask: Ask) -> None:
    """Shuffled, the same edges with the same confidence."""
    expected = sorted(ask(DataRule(), *shop), key=lambda each: (each.before, each.after))
    for seed in range(5):
        mixed = random.Random(seed).sample(shop, len(shop))
        assert sorted(ask(DataRule(), *mixed), key=lambda each: (each.before, each.after)) == expected


def test_a_task_has_at_most_three(shop: list[Task], ask: Ask) -> None:
    """The best, not all that is possible; and never a cycle."""
    found = ask(DataRule(), *shop)
    for task in shop:
        assert sum(each.after == task.id for each in found) <= 3
    order = {task: number for number, task in enumerate(_sorted(pairs(found)))}
    assert all(order[each.before] < order[each.after] for each in found)


def _sorted(edges: set[tuple[str, str]]) -> tuple[str, ...]:
    from graphlib import TopologicalSorter

    sorter: TopologicalSorter[str] = TopologicalSorter()
    for before, after in edges:
        sorter.add(after, before)
    return tuple(sorter.static_order())


def test_likeness_is_no_order(listed: Make, ask: Ask) -> None:
    """Tasks of one sort that speak of the same things are free."""
    alike = [listed(name, f"Implement {name} reports", "Reports of loans.") for name in ("alpha", "beta", "gamma")]
    assert ask(DataRule(), *alike) == []


def test_urgency_alone_binds_nobody(listed: Make, ask: Ask) -> None:
    """It is a sign, but no word speaks for the edge."""
    found = ask(DataRule(), listed("a", "Loans", priority=1), listed("b", "Fines", priority=-1))
    assert pairs(found) == {("a", "b")}
    assert found[0].confidence == 0.4
    assert found[0].evidence.endswith("it is less urgent")


def test_a_word_of_many_is_less_than_a_rare_one(listed: Make, ask: Ask) -> None:
    """Of two tasks that one speaks of, the one with the rare word is what it builds on."""
    tasks = [listed(f"o{number}", f"Implement order part {'abcdefgh'[number]}", "Orders.") for number in range(8)]
    rare = listed("rare", "Create the ledger", "Orders are booked.")
    user = listed("user", "Export to the ledger", "Orders of the ledger are exported.")
    found = [each for each in ask(DataRule(), *tasks, rare, user) if each.after == "user"]
    assert max(found, key=lambda each: each.confidence).before == "rare"


@pytest.mark.parametrize(
    "said",
    [
        {"produces": (ArtifactRef(type="path", name="x"),)},
        {"consumes": (ArtifactRef(type="path", name="x"),)},
        {"verifies": ("schema",)},
        {"children": ("schema",)},
    ],
)
def test_tasks_that_say_precisely_what_they_need_are_left_alone(
    said: dict[str, Any], shop: list[Task], listed: Make, ask: Ask
) -> None:
    """Whatever words they use."""
    exact = listed("exact", "Test the product service", "Tests of the product service.", **said)
    assert not any("exact" in edge for edge in pairs(ask(DataRule(), *shop, exact)))


def test_a_source_that_says_the_order_is_believed(shop: list[Task], listed: Make, ask: Ask) -> None:
    """With phases, with one declared order, or with what its maker suggests, nothing is guessed."""
    declares = listed("more", "More", depends_on=(DeclaredDependency(task="cart"),))
    assert ask(DataRule(), *shop, declares) == []
    assert ask(DataRule(), *shop, specification={"phases": (TaskPhase(name="one", tasks=("cart",)),)}) == []
    assert ask(DataRule(), *shop, context={"suggestions": (Requires("setup", "cart"),)}) == []


def test_what_a_source_does_not_list_is_only_advised(shop: list[Task], ask: Ask) -> None:
    """The wording of a requirement is no order to a worker."""
    assert max(each.confidence for each in ask(DataRule(), *shop)) > 0.5
    assert max(each.confidence for each in ask(DataRule(), *shop, specification={"tasks": ()})) <= 0.45


def test_in_a_long_list_less_is_bound(shop: list[Task], listed: Make, ask: Ask) -> None:
    """There, less hangs together than it seems."""
    others = [listed(f"n{number}", f"Implement {_name(number)}") for number in range(60)]
    found = ask(DataRule(), *shop, *others)
    assert ("cart", "checkout") in pairs(found)
    assert max(each.confidence for each in found) <= 0.55


def _name(number: int) -> str:
    return "".join(random.Random(number).choices("bcdfghjklmnpqrstvwxz", k=7))


def _many(listed: Make, size: int) -> list[Task]:
    pick = random.Random(3)
    names = [_name(number) for number in range(size // 2)]
    verbs = ("Create", "Implement", "Test", "Integrate", "Design")
    return [
        listed(
            f"t{number}",
            f"{pick.choice(verbs)} the {pick.choice(names)} {pick.choice(names)}",
            " ".join(pick.choices(names, k=25)),
        )
        for number in range(size)
    ]


def test_the_work_grows_with_the_list_and_not_with_its_square(
    listed: Make, ask: Ask, growth: Callable[..., float]
) -> None:
    """From 500 to 2,500 tasks each costs little more, and edges are found."""

    def prepare(size: int) -> Callable[[], object]:
        tasks = _many(listed, size)
        assert len(ask(DataRule(), *tasks)) > size // 10
        return lambda: ask(DataRule(), *tasks)

    assert growth(prepare, 500, 2500) < 2


def test_a_very_long_list_is_left_alone_and_that_is_said(
    listed: Make, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """At once."""
    assert ask(DataRule(), *(listed(f"t{number}", "Implement x") for number in range(10_001))) == []
    assert "10001 tasks are too many to read their words" in caplog.text


@pytest.mark.parametrize("title", ["", "   ", "12 34", "\u0000", "日本語の要件", "🙂", "a" * 10_000])
def test_any_text_will_do(title: str, listed: Make, ask: Ask) -> None:
    """Nothing to compare is no error."""
    ask(DataRule(), listed("a", title, title), listed("b", title, title), listed("c", "Test", title))


@pytest.mark.parametrize(("served", "expected"), [(("1.1",), set()), (("2.1",), {("build", "test")})])
def test_a_test_of_one_requirement_is_not_held_by_its_words(served: tuple[str, ...], expected: set[object]) -> None:
    """What a test shares with the work by requirement is said by the rule ``logical``; from words it would bind, counted twice."""
    tasks = (
        Task(id="build", title="Implement the login service", requirements=("1.1",), description="Create the service."),
        Task(id="test", title="Test the login service", type="testing", requirements=served, description="Test it."),
    )
    specification = Specification(id="s", title="S", tasks=tasks)
    context = PlanningContext(specification=specification)
    found = asyncio.run(DataRule().find(tasks, specification, context))
    assert {(each.before, each.after) for each in found} == expected
