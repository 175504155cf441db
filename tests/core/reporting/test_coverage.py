"""Coverage by requirement: of the files that its tasks made, weighed by what there is to cover."""

from __future__ import annotations

import pytest

from agent_dispatcher.models import Artifact, Evidence, RequirementResult
from agent_dispatcher.reporting.coverage import with_coverage

MADE = [
    Artifact(name="a", type="code", path="a.py", task="one"),
    Artifact(name="b", type="code", path="b.py", task="two"),
    Artifact(name="t", type="test", path="test_a.py", task="tests"),
]
REQUIREMENTS = (
    RequirementResult(id="R1", verdict="met", tasks=("one", "tests")),
    RequirementResult(id="R2", verdict="met", tasks=("one", "two")),
    RequirementResult(id="R3", verdict="not_checked", tasks=("tests",)),
)


def final(by_file: object) -> Evidence:
    """What the suite of the finished whole said."""
    return Evidence(id="final-pytest", check="pytest", passed=True, details={"coverage_by_file": by_file})


def test_it_counts_the_files_of_a_requirements_tasks() -> None:
    """Large files weigh more; a requirement of which nothing was measured says nothing."""
    found = with_coverage(REQUIREMENTS, MADE, [final({"a.py": [9, 10], "b.py": [0, 20], "else.py": [5, 5]})])
    assert [each.coverage_percent for each in found] == [90.0, 30.0, None]


@pytest.mark.parametrize("value", [[11, 10], [True, 10], ["9", 10], [9], "99", None, [-1, 10]])
def test_what_cannot_be_a_count_does_not(value: object) -> None:
    """Details come from checks of any plugin."""
    assert with_coverage(REQUIREMENTS, MADE, [final({"a.py": value})]) == REQUIREMENTS
    assert with_coverage(REQUIREMENTS, MADE, [final(value)]) == REQUIREMENTS
