"""The search finds the situations that a careful tester would write down."""

from __future__ import annotations

from attrs import evolve

from agent_dispatcher.models import Behaviour, Expression, Guard, Specification
from agent_dispatcher_builtins.agents.tester.modules.operations import explore_operation
from agent_dispatcher_builtins.agents.tester.modules.storage import explore_entity
from agent_dispatcher_builtins.agents.tester.near_misses import entity_misses, operation_misses
from agent_dispatcher_builtins.agents.tester.subject import Subject


def test_every_small_misreading_of_a_small_operation_is_told(jars: Behaviour) -> None:
    """Guards, bounds, effects and results: each wrong reading has a situation in which it ends otherwise."""
    subject = Subject(jars)
    operation = jars.operation("take")

    explored = explore_operation(subject, operation)
    wrong = {miss.what for miss in operation_misses(jars, subject.plain, operation)}

    assert [miss.what for miss in explored.untold] == []
    assert {
        "guard closed (jars.yaml:33) left out",
        "guard too_few (jars.yaml:35): '<=' read as '<'",
        "guard too_few (jars.yaml:35) before the one above it",
        "input amount: minimum 1 read as 2",
        "set Jar: marbles is not assigned",
        "set Jar: '-' read as '+' in marbles",
        "returns: nothing",
    } <= wrong
    assert {None, "closed", "too_few", "take_amount_range"} <= set(explored.outcomes)


def test_bounds_of_constraints_are_found(jars: Behaviour) -> None:
    """Exactly full is allowed and one more is not: both sides are tried."""
    subject = Subject(jars)
    jar = jars.entity("Jar")

    explored = explore_entity(subject, jar)

    assert {miss.what for miss in entity_misses(subject.plain, jar)} >= {
        "constraint fits (jars.yaml:9): '<=' read as '<'"
    }
    assert [miss.what for miss in explored.untold] == []


def test_findings_tell_what_they_claim_and_need_every_row(jars: Behaviour) -> None:
    """Each finding ends otherwise under the readings it names, and none of its rows can be left out."""
    subject = Subject(jars)
    explored = explore_operation(subject, jars.operation("take"))

    for finding in explored.findings:
        assert finding.told
        for miss in finding.told:
            assert finding.prepared.play(miss.behaviour) != finding.outcome
        assert len(finding.scenario.given) <= 3


def test_what_cannot_be_reached_is_said(jars: Behaviour) -> None:
    """A guard that can never be false has no situation, and is listed instead of tested."""
    take = jars.operation("take")
    idle = Guard(error="never", that=Expression(text="amount > 0"), source="jars.yaml:99")
    behaviour = evolve(jars, operations=(evolve(take, requires=(*take.requires, idle)),))

    explored = explore_operation(Subject(behaviour, tries=300), behaviour.operation("take"))

    assert "guard never (jars.yaml:99) left out" in [miss.what for miss in explored.untold]
    assert "never" not in explored.outcomes


def test_the_showcase_is_told_apart_almost_completely(lending_library: Specification) -> None:
    """Of the misreadings of a real specification hardly any stays untold, and the search is the same each time."""
    behaviour = lending_library.behaviour
    assert behaviour is not None
    subject = Subject(behaviour)
    operation = behaviour.operation("lend_copy")
    wrong = operation_misses(behaviour, subject.plain, operation)

    explored = explore_operation(subject, operation)
    again = explore_operation(Subject(behaviour), operation)

    assert len(explored.untold) <= len(wrong) // 10
    assert [finding.scenario for finding in again.findings] == [finding.scenario for finding in explored.findings]
    assert {guard.error for guard in operation.requires} <= set(explored.outcomes)
