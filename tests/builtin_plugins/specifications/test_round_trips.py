"""A plan that is written in a format and read again is the same plan, as far as the format has words for it.

What the core tells about itself is not asked here: the orders are those that the rules ``declared`` and ``phases`` find in what was written, and their closure is
computed plainly.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import ExecutionPlan, Requirement, Specification, Step, Task

from .orders import closure

SHARED = Path(__file__).parents[3].parent / "shared" / "specs"
SAMPLES = sorted(path for path in SHARED.glob("*/*") if path.is_dir())
FORMATS = ("native", "spec-kit", "task-master", "beads")
#: Formats with a word for a task that is left out; the others leave it open, and say so.
SKIPPING = ("native", "task-master", "beads")

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def dispatcher() -> AgentDispatcher:
    return AgentDispatcher()


def written(plan: ExecutionPlan, to: str, folder: Path, dispatcher: AgentDispatcher) -> ExecutionPlan:
    """What the format's reader, and the rules for what a source says outright, make of the files."""
    for name, text in dispatcher.convert(plan, to).files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    rules = {"use": {"dependency_rules": ["declared", "phases"], "specification_formats": [to]}}
    return AgentDispatcher(config=rules).plan(folder)


def paired(plan: ExecutionPlan, again: ExecutionPlan) -> dict[str, str]:
    """Ids of what was read to ids of what was written, by title; same titles in the order of their ids in the file."""
    by_title: dict[str, list[Task]] = {}
    for task in again.tasks:
        by_title.setdefault(task.title, []).append(task)
    found = {}
    for task in plan.tasks:
        same = by_title[flat(task.title)]
        own = [each for each in same if each.source_id in (task.source_id or task.id, None)]
        chosen = own[0] if own else min(same, key=lambda each: (len(each.source_id or ""), each.source_id or ""))
        same.remove(chosen)
        found[chosen.id] = task.id
    return found


def all_orders(plan: ExecutionPlan) -> set[tuple[str, str]]:
    """What comes before what, by way of anything; a parent behind its parts."""
    return closure([*plan.binding_edges(), *((child, task.id) for task in plan.tasks for child in task.children)])


def flat(text: str) -> str:
    return " ".join(text.split())


def assert_same(plan: ExecutionPlan, again: ExecutionPlan, to: str) -> None:
    assert sorted(task.title for task in again.tasks) == sorted(flat(task.title) for task in plan.tasks)
    names = paired(plan, again)
    read = {(names[before], names[after]) for before, after in all_orders(again)}
    assert read == all_orders(plan)
    statuses = {names[task.id]: task.status for task in again.tasks}
    expected = {task.id: task.status for task in plan.tasks}
    if to not in SKIPPING:
        expected = {name: "completed" if status == "completed" else "pending" for name, status in expected.items()}
    assert statuses == expected


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_samples(sample: Path, to: str, dispatcher: AgentDispatcher, tmp_path: Path) -> None:
    """Titles, number of tasks, statuses and the closure of what binds survive each format."""
    plan = dispatcher.plan(sample)

    again = written(plan, to, tmp_path, dispatcher)

    assert_same(plan, again, to)
    if to == "native" or plan.specification.format == to == "spec-kit":
        assert {each.id for each in again.specification.requirements} == {
            each.id for each in plan.specification.requirements
        }


def test_samples_are_there() -> None:
    """The samples lie beside the repository, or the tests on them are no evidence."""
    if not SAMPLES:
        pytest.skip("the folder shared/specs is not beside the repository")
    assert len(SAMPLES) >= 12


NASTY = st.sampled_from(
    [
        "[P] is a title",
        "Ends with [P]",
        "ends with `[P]`",
        "ends so \\[P]",
        "(P)",
        "- [ ] T001 no task of its own",
        "- [x] done?",
        "`code` first, and `unclosed",
        "**bold** __under__ ~~struck~~",
        "two\nlines",
        "a\r\n\tb",
        "P1 is down",
        "US1 of the border",
        "[US2] is no story",
        "[web] add a page",
        "T002: T003 blocks T004",
        "Write it (depends on T001, T002)",
        "after setup, before polish",
        "depends on phase 1",
        "requires: all user stories",
        "# no heading",
        "1. no list",
        "> no quote",
        "| a | b |",
        "---",
        "<!-- no comment -->",
        "```",
        "\\backslash\\",
        ": colon",
        "- dash",
        "– dash",
        "yes",
        "null",
        "1.5",
        "2026-01-01",
        "{a: b}",
        "\"quoted\" and 'so'",
        "täglich 図書館 🎉\u200d",
        "\ufeffmark",
        "[NEEDS CLARIFICATION: what]",
        "x" * 3000,
        "Describe `src/app.py` and tests/test_app.py",
    ]
)
WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=40).filter(
    lambda text: bool(text.split())
)
TITLES = st.one_of(NASTY, WORDS, st.tuples(NASTY, NASTY).map(" ".join))
DESCRIPTIONS = st.one_of(st.just(""), TITLES, st.lists(TITLES, max_size=4).map("\n".join))
GROUPS = st.sampled_from(
    ["", "Setup", "Phase 2: Foundational", "User Story 1 - Lend", "User Story 2", "T1 group", "Polish", "Dependencies"]
)
REQUIREMENTS = ("FR-001", "US1", "R1", "1.1", "Everything works")


@st.composite
def plans(draw: st.DrawFn) -> ExecutionPlan:
    """Any tasks, each waiting for some in front of it."""
    count = draw(st.integers(1, 8))
    tasks = [
        Task(
            id=f"task-{number}",
            title=draw(TITLES),
            source_id=draw(st.sampled_from([None, f"T{number:03d}", f"{number}", f"ab-{number}", "same", "1.1"])),
            description=draw(DESCRIPTIONS),
            status=draw(st.sampled_from(["pending", "completed", "skipped"])),
            group=draw(GROUPS),
            requirements=tuple(draw(st.lists(st.sampled_from(REQUIREMENTS), unique=True, max_size=2))),
            steps=tuple(
                Step(id=f"s{step}", title=draw(TITLES), status=draw(st.sampled_from(["pending", "completed"])))
                for step in range(draw(st.integers(0, 2)))
            ),
        )
        for number in range(count)
    ]
    pairs = [(tasks[a].id, tasks[b].id) for b in range(count) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    order = draw(st.permutations(tasks))
    plan = AgentDispatcher(discover=False).plan_tasks(order, edges, title=draw(TITLES))
    requirements = tuple(Requirement(id=name, text=draw(TITLES)) for name in REQUIREMENTS)
    specification = Specification(id="any", title=flat(draw(TITLES)), path="any.md", requirements=requirements)
    return evolve(plan, specification=specification)


@pytest.mark.parametrize("to", FORMATS)
@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink plans takes longer than a test may
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans())
def test_any_plan(
    plan: ExecutionPlan, to: str, dispatcher: AgentDispatcher, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands in titles and descriptions, nothing of it is taken for a mark, a task or an order."""
    again = written(plan, to, tmp_path_factory.mktemp("any"), dispatcher)

    titles = Counter(task.title for task in again.tasks)
    assert titles == Counter(flat(task.title) for task in plan.tasks)
    if max(titles.values()) == 1:
        assert_same(plan, again, to)
