"""Check boxes as people write them."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.specifications.checklist import Entry, read_checklist


def one(line: str) -> Entry:
    (entry,) = read_checklist(f"- [ ] 0. first\n{line}\n", "tasks.md").entries[1:]
    return entry


@pytest.mark.parametrize(
    ("line", "number", "title"),
    [
        ("- [ ] 1.1 Create it", "1.1", "Create it"),
        ("* [ ] 2. Create it", "2", "Create it"),
        ("+ [ ] 3) Create it", "3", "Create it"),
        ("- [ ] 17.完了条件の追加", "17", "完了条件の追加"),
        ("- [ ] 4.1 7 critical hooks", "4.1", "7 critical hooks"),
        ("- [ ] 10.2a Create it", "10.2a", "Create it"),
        ("- [ ] **1.3 Create it** - soon", "1.3", "Create it - soon"),
        ("- [ ] **1.3** Create it", "1.3", "Create it"),
        ("- [ ] **Create it**", "", "Create it"),
        ("- [ ] Task 5: Create it", "5", "Create it"),
        ("- [ ] T1. Create it", "T1", "Create it"),
        ("- [ ] 3-way merge", "", "3-way merge"),
        ("- [ ] 100% coverage", "", "100% coverage"),
        ("- [ ] 5.4 !archived", "5.4", "!archived"),
        ("1. [ ] Create it", "1", "Create it"),
        ("-[ ] 1.1 Create it", "1.1", "Create it"),
    ],
)
def test_a_number_is_told_from_the_text(line: str, number: str, title: str) -> None:
    """What stands in front is the number as written; what only begins with a digit has none."""
    entry = one(line)
    assert (entry.number, entry.title) == (number, title)


def test_a_bare_number_counts_only_where_every_box_has_one() -> None:
    """``2 new endpoints`` is a text where other boxes have none."""
    some = read_checklist("- [ ] 2 new endpoints\n- [ ] Tests\n", "t.md").entries
    assert [(each.number, each.title) for each in some] == [("", "2 new endpoints"), ("", "Tests")]
    every = read_checklist("- [ ] 1 Endpoints\n- [ ] 2 Tests\n", "t.md").entries
    assert [each.number for each in every] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "star", "parallel", "struck"),
    [
        ("- [ ]* 1.1 Test it", True, False, False),
        ("- [ ]\\* 1.1 Test it", True, False, False),
        ("- [ ] 1.1* Test it", True, False, False),
        ("- [ ] 1.1* (P) Test it", True, True, False),
        ("- [ ] 1.1 (P) Test it", False, True, False),
        ("- [ ] 1.1 Test it (P)", False, True, False),
        ("- [ ] ~~1.1 Test it~~", False, False, True),
        ("- [ ] 1.1 Test *it*", False, False, False),
    ],
)
def test_marks_are_read(line: str, star: bool, parallel: bool, struck: bool) -> None:
    """Optional, parallel, struck through; none of it stays in the title."""
    entry = one(line)
    assert (entry.star, entry.parallel, entry.struck) == (star, parallel, struck)
    assert entry.title.replace("*", "") == "Test it"


def test_parts_are_found_by_indentation_and_by_number() -> None:
    """Nested boxes with and without numbers, and numbers that are not indented."""
    text = "- [ ] 1. a\n  - [ ] b\n    - [ ] 1.2.1 c\n- [ ] 1.3 d\n- [ ] 1.3.1 e\n- [ ] 2. f\n- [ ] 1.4 g\n"
    entries = read_checklist(text, "t.md").entries
    assert [(each.title, each.parent) for each in entries] == [
        ("a", None),
        ("b", 0),
        ("c", 1),
        ("d", 0),
        ("e", 3),
        ("f", None),
        ("g", 0),
    ]


def test_wrapped_lines_belong_to_the_title_short_ones_do_not() -> None:
    """A line ended by the width of the window goes on; what stands below a short one is about it."""
    long = "Define the table of faces with an id, a photo, a box and the embedding,"
    text = f"- [ ] 1.1 {long}\n      and the date\n- [ ] 1.2 Short\n  More about it\n  - a point\n    - deeper\n- beside it\n"
    first, second = read_checklist(text, "t.md").entries
    assert first.title == f"{long} and the date"
    assert [(each.text, each.line, each.depth) for each in second.details] == [
        ("More about it", 4, 1),
        ("a point", 5, 1),
        ("deeper", 6, 2),
        ("beside it", 7, 1),
    ]


def test_fences_comments_and_quotations_hold_no_boxes() -> None:
    """They are examples; that there are boxes in them is told with the place."""
    text = "- [ ] a\n\n```\n- [ ] x\n- [ ] y\n```\n\n<!--\n- [ ] z\n-->\n\n> - [ ] q\n\n- [ ] b\n"
    found = read_checklist(text, "t.md")
    assert [each.title for each in found.entries] == ["a", "b"]
    assert found.warnings == (
        "t.md:3: 2 check boxes in a fence are no tasks",
        "t.md:8: 1 check box in a comment or HTML is no task",
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_fence_without_an_end_hides_nothing(end: str) -> None:
    """It is told, and what follows is read all the same, on its own lines."""
    found = read_checklist(end.join(["- [ ] a", "", "```text", "- [ ] b", "- [x] c"]), "t.md")
    assert [(each.title, each.line, each.done) for each in found.entries] == [
        ("a", 1, False),
        ("b", 4, False),
        ("c", 5, True),
    ]
    assert found.warnings == ("t.md:3: a fence is opened here and never closed: read as if it were not there",)


def test_a_number_given_twice_and_a_box_without_a_text_are_told() -> None:
    """With both places."""
    found = read_checklist("- [ ] 1. a\n- [ ] 1. b\n- [ ] 2.\n- [ ]\n", "t.md")
    assert len(found.entries) == 4
    assert found.warnings == (
        "t.md:2: 1 is the number of two tasks (the first: t.md:1); both are planned",
        "t.md:3: 2 does not say what is to be done",
        "t.md:4: a check box does not say what is to be done",
    )


def test_a_link_and_a_label_are_no_boxes() -> None:
    """``[x](y)``, ``[x]: y`` and ``[P]``."""
    assert read_checklist("- [x](y)\n- [x]: y\n- [P] z\n- [1] q\n", "t.md").entries == ()


def test_nothing_is_passed_over_in_silence() -> None:
    """What stands too deep for any list to be read is told, with the first line."""
    text = "".join(f"{'  ' * depth}- [ ] d{depth}\n" for depth in range(150))
    found = read_checklist(text, "t.md")
    missed = 150 - len(found.entries)
    assert missed > 0
    assert found.warnings == (
        f"t.md:{len(found.entries) + 1}: {missed} lines look like a check box and cannot be read as one: no task",
    )


def test_many_faults_of_one_sort_are_told_together() -> None:
    """The first five with their places, and how many more there are."""
    found = read_checklist("- [ ] 1. a\n" * 20, "t.md")
    assert len(found.warnings) == 6
    assert found.warnings[-1] == "t.md:7: and 14 more like that"
