"""What is said about order in words: by phase, by story, by id; and what orders nothing."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.specifications.page import parse_page
from agent_dispatcher_builtins.specifications.spec_kit.tasks import TaskList, read_tasks

LIST = """\
# Tasks: X
## Phase 1: Setup
- [ ] T001 a
- [ ] T002 [P] b
## Phase 2: Foundational
- [ ] T003 c
## Phase 3: User Story 1 - One
- [ ] T004 [P] [US1] d
- [ ] T005 [US1] e
## Phase 4: User Story 2 - Two
- [ ] T006 [P] [US2] f
- [ ] T007 [US2] g
## Phase 5: User Story 3 - Three
- [ ] T010 [US3] h
## Phase 6: Polish
- [ ] T011 [P] i
"""
DEFAULT = {(1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 3), (2, 4), (2, 5), (2, 6), (3, 6), (4, 6), (5, 6)}


def read(section: str = "", heading: str = "## Dependencies") -> TaskList:
    return read_tasks(parse_page(f"{LIST}\n{heading}\n\n{section}\n", "tasks.md"))


def phases(found: TaskList) -> set[tuple[int, int]]:
    """Which phase is after which, beyond what the format gives."""
    number = {phase.name: index for index, phase in enumerate(found.phases, 1)}
    return {(number[o.phase], number[p.name]) for p in found.phases for o in p.after} - DEFAULT


def edges(found: TaskList) -> set[tuple[str, str]]:
    name = {task.id: str(task.source_id) for task in found.tasks}
    return {(name[each.task], name[task.id]) for task in found.tasks for each in task.depends_on}


@pytest.mark.parametrize(
    "said",
    [
        "- US3 (Phase 5): Depends on Phase 2 + US2 (refresh requires a valid login)",
        "- US1 blocks US2 (models before services)",
    ],
)
def test_a_bracket_that_only_gives_the_reason_is_no_warning(said: str) -> None:
    """The order in front of it is applied, so nothing says that it was not."""
    found = read(said)
    assert phases(found)
    assert list(found.warnings) == []


def test_the_format_orders_phases_but_not_stories() -> None:
    """Without a word about it."""
    found = read()
    number = {phase.name: index for index, phase in enumerate(found.phases, 1)}
    assert {(number[o.phase], number[p.name]) for p in found.phases for o in p.after} == DEFAULT


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ("- **US2**: Depends on US1", {(3, 4)}),
        ("- US3 (Phase 5): Depends on US1 (needs working server, see T001)", {(3, 5)}),
        (
            "- **User Story 3 (P3)**: Can start after User Story 2 - May integrate with US1 but is testable alone",
            {(4, 5)},
        ),
        ("- Phase 4 depends on Phase 3", {(3, 4)}),
        ("- Phase 5: requires Phases 3 and 4", {(3, 5), (4, 5)}),
        ("- Phase 5: requires Phases 3-4", {(3, 5), (4, 5)}),
        ("- US3 (Phase 5): Depends on Phase 2 + US2", {(4, 5)}),
        ("- US3: Depends on Phase 2+Phase 4", {(4, 5)}),
        ("- US1 blocks US2 and US3", {(3, 4), (3, 5)}),
        ("US1 → US2 → US3", {(3, 4), (4, 5)}),
        ("- User Story 1 must complete before User Stories 2 and 3", {(3, 4), (3, 5)}),
        ("- 阶段 4 依赖 阶段 3", {(3, 4)}),
        ("- フェーズ4はフェーズ3に依存", {(3, 4)}),
        ("- Этап 4 зависит от Этап 3", {(3, 4)}),
        ("- A Fase 4 depende da Fase 3", {(3, 4)}),
        ("- US2:\n  - Depends on US1", {(3, 4)}),
        ("### User Story 2\n\nRequires US1 to be done.", {(3, 4)}),
        ("- **Setup (Phase 1)**: No dependencies - can start immediately", set()),
        ("- **User Stories (Phase 3+)**: All depend on Foundational phase completion", set()),
        ("- **US2**: Depends on Foundational only - can run in parallel with US1", set()),
        ("- **US2**: Can start after Foundational (Phase 2) - No dependencies on other stories", set()),
        ("- US2 does not depend on US1", set()),
        ("- User Story 2 (P2) → Depends on US1 (needs task creation)", {(3, 4)}),
        ("- User Stories 2-3 → Can work in parallel AFTER US1 complete", {(3, 4), (3, 5)}),
        ("- US1 → MUST complete before US2, US3", {(3, 4), (3, 5)}),
        ("- US2 may depend on US1 if both are built", set()),
        (
            "- **User Stories (Phase 3+)**: All depend on Foundational\n  - They can proceed in parallel\n  - Or sequentially in priority order: US1 (P1) → US3 (P2) → US2",
            set(),
        ),
        ("- User stories can run side by side\n  - OR sequentially in priority order (US1 → US2 → US3)", set()),
        ("- One after the other in priority order (US1 → US2 → US3), if there is one developer", set()),
        ("**Recommended Order**: US1 → US3 → US2 (by priority)", set()),
        ("**推奨順序**: US1 → US2", set()),
        ("- US2 depends on US1 or on what stands in for it", {(3, 4)}),
        ("- US2 (independent of US1 for client code, but US1 needed for tests)", set()),
        ("- **Polish (Final Phase)**: Depends on all desired user stories being complete", set()),
        ("```\nUS1 → US2\n```", set()),
        ("> US1 blocks US2", set()),
    ],
)
def test_phases_and_stories(said: str, order: set[tuple[int, int]]) -> None:
    """Orders between phases; hedges, denials, fences and quotations give none. No task is declared anything."""
    found = read(said)
    assert phases(found) == order
    assert edges(found) == set()


@pytest.mark.parametrize(
    ("said", "order"),
    [
        ("- T004 blocks T006, T007", {("T004", "T006"), ("T004", "T007")}),
        ("- T006 depends on T004 and T005", {("T004", "T006"), ("T005", "T006")}),
        ("- T004, T005 before T007", {("T004", "T007"), ("T005", "T007")}),
        (
            "- Tests (T004-T005) before implementation (T006–T007)",
            {(a, b) for a in ("T004", "T005") for b in ("T006", "T007")},
        ),
        ("- T007 depends on T004 – T006", {("T004", "T007"), ("T005", "T007"), ("T006", "T007")}),
        ("- T006 depends on T004 - T005 can run in parallel", {("T004", "T006")}),
        ("- T004 → T005 → T007", {("T004", "T005"), ("T005", "T007")}),
        ("T004 -> T005\nT006 -> T007", {("T004", "T005"), ("T006", "T007")}),
        ("- T10 needs nothing; T010 requires T4", {("T004", "T010")}),
        ("- **T006**: blocked by T004 - can run in parallel with T005", {("T004", "T006")}),
        ("- T004 through T006 must complete before T010", {("T004", "T010"), ("T005", "T010"), ("T006", "T010")}),
        ("- T007 depends on T004..006", {("T004", "T007"), ("T005", "T007"), ("T006", "T007")}),
        ("- T006 依赖 T004、T005", {("T004", "T006"), ("T005", "T006")}),
        ("- T006は T004 に依存", {("T004", "T006")}),
        (
            "| Task | Depends on |\n|---|---|\n| T006 | T004, T005 |\n| T007 | - |\n| T010 | None (not T001) |",
            {("T004", "T006"), ("T005", "T006")},
        ),
        ("| Task | Blocks |\n|---|---|\n| T004 | T006 |", {("T004", "T006")}),
        ("- T006 does not depend on T004", set()),
        ("- T004 and T005 can run in parallel", set()),
        ("- T004, T006: independent of each other", set()),
    ],
)
def test_tasks_by_id(said: str, order: set[tuple[str, str]]) -> None:
    """Lists, ranges, chains, tables."""
    assert edges(read(said)) == order


@pytest.mark.parametrize("dash", ["-", " - ", " – ", " through ", ".."])
def test_ids_with_a_word_in_them(dash: str) -> None:
    """``FOUND-002`` is an id, in a bracket too, and ranges of such ids are ranges."""
    text = (
        LIST.replace("T0", "FOUND-0") + f"\n## Dependencies\n- Tests (FOUND-001{dash}FOUND-003) before it (FOUND-004)\n"
    )
    found = read_tasks(parse_page(text, "tasks.md"))
    assert edges(found) == {(f"FOUND-00{number}", "FOUND-004") for number in (1, 2, 3)}


def test_tasks_and_a_phase() -> None:
    """Where one side is a phase, its tasks are meant."""
    assert edges(read("- T010 depends on User Story 1")) == {("T004", "T010"), ("T005", "T010")}


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        ("- T006 depends on T099", "tasks.md:20: there is no task T099"),
        ("- US2 depends on US7", "tasks.md:20: there is no user story 7 among the tasks"),
        ("- Phase 4 depends on Phase 9", "tasks.md:20: there is no phase 9"),
        ("- T06 depends on T004", "tasks.md:20: T06 is taken for T006"),
        ("- T006 depends on T006", "tasks.md:20: T006 is said to wait for itself"),
        (
            "- T007-T004 before T010",
            "tasks.md:20: T007 is listed behind T004, so they are no range: only the two are meant",
        ),
        (
            "- T006 before the release",
            'tasks.md:20: only one side of this order names tasks or phases, so it is not applied: "T006 before the release"',
        ),
        (
            "- Models before services\n- Services before endpoints",
            'tasks.md:20: under "Dependencies" an order names no task, phase or story, so it is not applied: "Models before services" and 1 more',
        ),
        (
            "```\nT004 → T005\n```",
            "tasks.md:20: a drawing of the order is not read: say it in words outside of the fence",
        ),
    ],
)
def test_what_is_not_understood_is_told(said: str, warning: str) -> None:
    """With its place."""
    assert warning in read(said).warnings


def test_prose_elsewhere_declares_nothing() -> None:
    """Ids and orders outside of the section are stories about the work."""
    assert edges(read("T004 blocks T006, and US1 blocks US2.", "## Notes")) == set()
    assert phases(read("T004 blocks T006, and US1 blocks US2.", "## Implementation Strategy")) == set()


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("- [ ] T020 x (depends on T001, T002)", {"T001", "T002"}),
        ("- [ ] T020 x, depends on T001-T003", {"T001", "T002", "T003"}),
        ("- [ ] T020 Update the docs after T004", {"T004"}),
        ("- [ ] T020 x (requires T001 & T003; see T004)", {"T001", "T003"}),
        ("- [ ] T020 x [blocked by T005]", {"T005"}),
        ("- [ ] T020 x（依赖 T001、T002）", {"T001", "T002"}),
        ("- [ ] T020 x\n  - **Depends on**: T001, T002", {"T001", "T002"}),
        ("- [ ] T020 x\n  - Dependencies: T001", {"T001"}),
        ("- [ ] T020 x\n  Depends on: T001", {"T001"}),
        ("- [ ] T020 x (depends on US1)", {"T004", "T005"}),
        ("#### T020: x [P]\n\n**Dependencies**: T001 through T003\n", {"T001", "T002", "T003"}),
        ("- [ ] T020 x\n  - Dependencies: None", set()),
        ("- [ ] T020 x that no longer depends on T001", set()),
        ("- [ ] T020 Fix what T003 requires T001 for", set()),
        ("- [ ] T020 like T001, T002", set()),
    ],
)
def test_said_in_the_task(line: str, order: set[str]) -> None:
    """In its text or in a line below it."""
    text = LIST.replace("- [ ] T011 [P] i", line)
    assert edges(read_tasks(parse_page(text, "tasks.md"))) == {(each, "T020") for each in order}


def test_a_line_under_a_heading_speaks_of_all_its_tasks() -> None:
    """``**Dependencies**: ...`` in a section that holds tasks."""
    text = LIST.replace(
        "## Phase 5: User Story 3 - Three\n",
        "## Phase 5: User Story 3 - Three\n**Dependencies**: T004 through T006\n\n",
    )
    assert edges(read_tasks(parse_page(text, "tasks.md"))) == {("T004", "T010"), ("T005", "T010"), ("T006", "T010")}


def test_what_blocks_is_the_other_way_round() -> None:
    """In the text of a task and below it."""
    text = LIST.replace("T004 [P] [US1] d", "T004 [P] [US1] d (blocks T007)\n  - Blocks: T010")
    assert edges(read_tasks(parse_page(text, "tasks.md"))) == {("T004", "T007"), ("T004", "T010")}
