"""Examples that contradict their own specification are named with their place and both values."""

from __future__ import annotations

import pytest
from attrs import evolve

from agent_dispatcher.models import Behaviour, Example, ExpectedRow, Record, Specification
from agent_dispatcher_builtins.agents.tester.examples import contradictions


def told(behaviour: Behaviour, **changes: object) -> list[str]:
    """What is said about the example when parts of it are others."""
    example = evolve(behaviour.examples[0], **changes)  # type: ignore[arg-type]
    return [str(problem) for problem in contradictions(evolve(behaviour, examples=(example,)))]


def test_examples_that_hold_are_not_mentioned(jars: Behaviour, specification: Specification) -> None:
    """Nothing is said about an example that follows from the operations."""
    assert specification.behaviour is not None

    assert contradictions(jars) == []
    assert contradictions(specification.behaviour) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"result": 4}, "jars.yaml:42: example 'Two of five leave three': expects the result 4, and gets 3"),
        (
            {"error": "too_few", "expects_result": False},
            "jars.yaml:42: example 'Two of five leave three': expects error too_few, and take ends with success with 3",
        ),
        (
            {"inputs": {"jar": "blue", "amount": 6}},
            "jars.yaml:42: example 'Two of five leave three': expects success, and take ends with error too_few",
        ),
        (
            {"then": (ExpectedRow(entity="Jar", alias="blue", values={"marbles": 2}, source="jars.yaml:48"),)},
            "jars.yaml:48: example 'Two of five leave three': expects marbles of blue to be 2, and it is 3",
        ),
        (
            {"then": (ExpectedRow(entity="Jar", alias="blue", values=None, source="jars.yaml:48"),)},
            "jars.yaml:48: example 'Two of five leave three': expects blue to be gone, and it is",
        ),
        (
            {"then": (ExpectedRow(entity="Lid", alias=None, values={}, source="jars.yaml:49"),)},
            "jars.yaml:49: example 'Two of five leave three': expects one created Lid",
        ),
        (
            {"counts": {"Jar": 2}},
            "jars.yaml:42: example 'Two of five leave three': expects 2 rows of Jar afterwards, and there are 1",
        ),
        (
            {"given": (Record(entity="Jar", alias="blue", values={"label": "", "marbles": 5}, source="jars.yaml:44"),)},
            "jars.yaml:44: example 'Two of five leave three': the given row 'blue' is refused: jar_label_length",
        ),
    ],
)
def test_a_contradiction_is_named_with_place_and_both_values(
    jars: Behaviour, changes: dict[str, object], message: str
) -> None:
    """What the example expects, what the operation gives, and where the example stands."""
    problems = told(jars, **changes)

    assert len(problems) == 1
    assert problems[0].startswith(message)
    assert problems[0].endswith("(mend the example, or the operation it calls)")


def test_results_may_be_rows_and_lists(lending_library: Specification) -> None:
    """A wrong field of a returned row, and a list of another length, are differences too."""
    behaviour = lending_library.behaviour
    assert behaviour is not None
    row = next(e for e in behaviour.examples if isinstance(e.result, dict))
    wrong = evolve(row, result={**row.result, next(iter(row.result)): None})  # type: ignore[dict-item]
    empty = Example(name="none", operation="overdue_loans", expects_result=True, result=[{"extensions": 1}])

    problems = [str(p) for p in contradictions(evolve(behaviour, examples=(wrong, empty)))]

    assert len(problems) == 2
    assert "of the result to be None, and it is" in problems[0]
    assert "expects 1 rows as the result, and gets []" in problems[1]
