"""The search finds the situations that a careful tester would write down."""

from __future__ import annotations

from attrs import evolve

from agent_dispatcher.models import Behaviour, Expression, Guard, Specification
from agent_dispatcher_builtins.agents.tester.modules.operations import explore_operation
from agent_dispatcher_builtins.agents.tester.modules.storage import explore_entity
from agent_dispatcher_builtins.agents.tester.near_misses import entity_misses, operation_misses
from agent_dispatcher_builtins.agents.tester.scenarios import Given, NotPossible, prepare
from agent_dispatcher_builtins.agents.tester.search import Finding
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
        "guard closed (jars.yaml:33): all rows of Lid for lids",
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


def test_findings_tell_what_they_claim_and_need_every_row(lending_library: Specification) -> None:
    """Each finding ends otherwise under the readings it names, and none of its rows can be left out."""
    behaviour = lending_library.behaviour
    assert behaviour is not None
    subject = Subject(behaviour)
    findings = explore_operation(subject, behaviour.operation("extend_loan")).findings

    assert findings
    for finding in findings:
        assert finding.told
        assert [m.what for m in finding.told if finding.prepared.play(m.behaviour) == finding.outcome] == []
        assert [row.alias for row in finding.scenario.given if still_tells(subject, finding, row)] == []


def still_tells(subject: Subject, finding: Finding, row: Given) -> bool:
    """Whether the finding would do without a row."""
    scenario = evolve(finding.scenario, given=tuple(other for other in finding.scenario.given if other is not row))
    try:
        prepared = prepare(subject.plain, scenario)
        outcome = prepared.play(subject.plain)
    except (NotPossible, KeyError):
        return False
    told = [prepared.play(miss.behaviour) != outcome for miss in finding.told]
    return outcome.error == finding.outcome.error and all(told)


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
