"""Pages as blocks, where real files differ from the standard."""

from __future__ import annotations

from agent_dispatcher_builtins.specifications.page import parse_page
from agent_dispatcher_builtins.specifications.spec_kit.tasks import read_tasks


def test_blocks_know_where_they_stand() -> None:
    """Line, heading, item and quotation of each."""
    page = parse_page("# A\n\ntext\n\n## B\n- one\n  - two\n\n> quoted\n\n```\nx\n```\n\n# C\n", "p.md")
    found = [(b.kind, b.flat, b.line, b.heading, b.item, b.quoted) for b in page.blocks]
    assert found == [
        ("heading", "A", 1, None, None, False),
        ("text", "text", 3, 0, None, False),
        ("heading", "B", 5, 0, None, False),
        ("item", "one", 6, 2, None, False),
        ("item", "two", 7, 2, 3, False),
        ("text", "quoted", 9, 2, None, True),
        ("fence", "x", 11, 2, None, False),
        ("heading", "C", 15, None, None, False),
    ]
    assert page.above(4) == [2, 0]


def test_dashes_below_a_text_make_no_heading() -> None:
    """``**Checkpoint**`` above a rule does not begin a phase."""
    text = "## Phase 1: X\n- [ ] T001 a\n\n**Checkpoint**: done\n---\n- [ ] T002 b\n"
    assert [len(phase.tasks) for phase in read_tasks(parse_page(text, "tasks.md")).phases] == [2]


def test_no_text_is_swallowed_as_a_link_definition() -> None:
    """``[x]: ...`` stays where it stands."""
    assert [block.text for block in parse_page("[x]: https://example.org\n", "p.md").blocks] == [
        "[x]: https://example.org"
    ]


def test_items_may_be_indented_at_will() -> None:
    """With tabs, under a text, deeper than the standard allows; each is an item of its own."""
    text = (
        "Goal:\n\t- [ ] T001 a\n\t- [ ] T002 b\n        - [ ] T003 c\n  - [ ] T004 d\n- [ ] T005 e\n      more of it\n"
    )
    tasks = read_tasks(parse_page(f"## Phase 1: X\n{text}", "tasks.md")).tasks
    assert [(task.source_id, task.title, task.source) for task in tasks] == [
        ("T001", "a", "tasks.md:3"),
        ("T002", "b", "tasks.md:4"),
        ("T003", "c", "tasks.md:5"),
        ("T004", "d", "tasks.md:6"),
        ("T005", "e more of it", "tasks.md:7"),
    ]
