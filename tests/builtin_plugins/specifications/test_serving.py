"""Which task serves which requirement, where nobody says."""

from __future__ import annotations

from typing import Any

from agent_dispatcher.models import Requirement, Task
from agent_dispatcher_builtins.specifications.serving import serving

REQUIREMENTS = (
    Requirement(id="Lending", text="A reader SHALL be able to borrow a book from the shelf."),
    Requirement(id="Fines", text="The system SHALL compute a fine for late returns."),
)


def task(name: str, title: str, **values: Any) -> Task:
    return Task(id=name, title=title, **values)


def test_shared_words_decide() -> None:
    """Each requirement goes to the tasks that speak of the same things."""
    tasks = (task("a", "Implement borrowing of a book"), task("b", "Compute the fine"), task("c", "Set up logging"))
    assert [each.requirements for each in serving(tasks, REQUIREMENTS)] == [("Lending",), ("Fines",), ()]


def test_every_requirement_is_served() -> None:
    """Where no word is shared, by all that is work on it; documents, wholes and what is left out serve none."""
    tasks = (
        task("a", "実装する"),
        task("b", "Whole", children=("a",)),
        task("c", "Write the guide", type="documentation"),
        task("d", "More", status="skipped"),
    )
    assert [each.requirements for each in serving(tasks, REQUIREMENTS)] == [("Lending", "Fines"), (), (), ()]


def test_scripts_without_spaces_share_words_too() -> None:
    """Every two letters are compared."""
    tasks = (task("a", "貸出機能を実装する"), task("b", "延滞料金を計算する"))
    wanted = (Requirement(id="R", text="システムは延滞料金を計算すること"),)
    assert [each.requirements for each in serving(tasks, wanted)] == [(), ("R",)]
