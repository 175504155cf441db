"""A task's context: everything its requirements say, what their words mean, and nothing of other tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import Requirement, Scenario, Specification, Task
from agent_dispatcher.planning.context import (
    BYTES_PER_TOKEN,
    TaskContext,
    estimated_tokens,
    specification_context,
    task_context,
    task_contexts,
)
from agent_dispatcher.testing.context import context_for

SAMPLES = Path(__file__).parents[3].parent / "shared" / "specs"

LEND = Requirement(
    id="R1",
    text="A member can lend a book.",
    priority="high",
    scenarios=(
        Scenario(
            title="twice", given=("a lent book",), when=("it is lent",), then=("it is refused", "a note is shown")
        ),
    ),
    edge_cases=("the last copy",),
    constraints=("at most five loans",),
    source="spec.md:3",
)
PAY = Requirement(
    id="R2", text="Overdue_Fees are paid with Stripe.", constraints=("at most five loans",), source="spec.md:9"
)
LIBRARY = Specification(
    id="s",
    title="S",
    requirements=(LEND, PAY),
    glossary={
        "Overdue fee": "what a late member pays",
        "Book": "a thing with pages",
        "Ledger": "where fees stand",
        "貸出": "lending",
    },
    facts={
        "Language/Version": "Python 3.12",
        "Testing": "pytest",
        "Payments": "through a provider",
        "Provider": "we rely on Stripe for this",
        "Mail": "SendGrid",
    },
    documents=("design.md", "docs/fees.md"),
)


def context(*requirements: str, **values: object) -> TaskContext:
    return task_context(Task(id="t", title="T", requirements=requirements, **values), LIBRARY)  # type: ignore[arg-type]


def test_it_holds_its_requirements_in_full_and_in_the_specifications_order() -> None:
    """Texts, scenarios, edge cases and constraints; each place once."""
    both = context("R2", "R1", "R2", "gone")
    assert both.requirements == (LEND, PAY)
    assert both.places == ("spec.md:3", "spec.md:9")
    assert context("R2").requirements == (PAY,)
    text = context("R1").to_text()
    for said in (LEND.text, "twice", "Given a lent book", "And a note is shown", "the last copy", "at most five loans"):
        assert said in text
    assert PAY.text not in text


def test_what_requirements_share_stands_once() -> None:
    """The constraint of both is read once."""
    assert context("R1", "R2").to_text().count("at most five loans") == 1


def test_terms_that_occur_come_along() -> None:
    """As whole words, whatever their case, plural or underscores; terms of scripts without spaces wherever they stand."""
    assert list(context("R2").glossary) == ["Overdue fee"]
    assert list(context("R1").glossary) == ["Book"]
    assert list(context(description="図書の貸出を記録する").glossary) == ["貸出"]
    assert context(description="Bookkeeping").glossary == {}


@pytest.mark.parametrize(
    ("requirement", "kind", "expected"),
    [
        ("R1", "documentation", []),
        ("R1", "code_writing", ["Language/Version"]),
        ("R1", "testing", ["Language/Version", "Testing"]),
        ("R2", "documentation", ["Provider"]),
    ],
)
def test_facts_come_along_where_they_concern_the_task(requirement: str, kind: str, expected: list[str]) -> None:
    """Of the language with all building, of tests with tests, and of what the text names."""
    assert list(context(requirement, type=kind).facts) == expected


def test_documents_that_are_named_are_pointed_to() -> None:
    """By name: whoever needs them reads them."""
    assert context("R1", description="See docs/fees.md.").documents == ("docs/fees.md",)
    assert context("R1").documents == ()


def test_size_is_estimated_from_bytes() -> None:
    """One token for three bytes, rounded up: more for scripts with longer letters."""
    assert [estimated_tokens(text) for text in ("", "a", "abc", "abcd", "図書")] == [0, 1, 1, 2, 2]
    one = context("R1")
    assert one.tokens == -(-len(one.to_text().encode()) // BYTES_PER_TOKEN)
    assert one.tokens < context("R1", "R2").tokens < specification_context(LIBRARY).tokens


def test_many_contexts_are_those_of_each() -> None:
    """In the order of the tasks."""
    tasks = [Task(id=name, title=name, requirements=(name,)) for name in ("R2", "R1")]
    assert list(task_contexts(tasks, LIBRARY)) == [task_context(task, LIBRARY) for task in tasks]


def test_agents_have_it() -> None:
    """From their context, for the specification that is being built."""
    task = Task(id="t", title="T", requirements=("R1",))
    assert context_for(task, LIBRARY).task_context(task) == task_context(task, LIBRARY)


def samples() -> list[Path]:
    """Every specification of the shared folder."""
    return sorted(path for path in SAMPLES.glob("*/*") if path.is_dir())


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"there is no folder {SAMPLES.parent.name} beside the repository")
@pytest.mark.parametrize("sample", samples(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_contexts_of_real_specifications(sample: Path, record_property) -> None:
    """Each holds all of its requirements and no other; the sizes are reported beside that of the specification for every task."""
    plan = AgentDispatcher().plan(sample)
    whole = specification_context(plan.specification).tokens
    sizes = []
    for task, found in zip(plan.tasks, task_contexts(plan.tasks, plan.specification), strict=True):
        text = found.to_text()
        assert {each.id for each in found.requirements} == {
            each.id for each in plan.specification.requirements if each.id in task.requirements
        }
        assert all(each.text in text for each in found.requirements)
        others = [each for each in plan.specification.requirements if each.id not in task.requirements]
        said = "\n".join(str(each) for each in found.requirements)
        assert not [each.id for each in others if f"### {each.id} (" in text]
        assert not [each.id for each in others if each.text in text and each.text not in said]
        assert found.tokens <= whole
        sizes.append(found.tokens)
    record_property("tokens_of_all_contexts", sum(sizes))
    record_property("tokens_of_the_whole_for_each_task", whole * len(sizes))
    print(
        f"\n{sample.name}: {len(sizes)} tasks, contexts {sum(sizes)} tokens, largest {max(sizes, default=0)}; the whole {whole} x {len(sizes)} = {whole * len(sizes)}"
    )
