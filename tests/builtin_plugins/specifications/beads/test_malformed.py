"""Broken exports: a clear error or a warning with the line, never a traceback, a hang or a silent loss."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.beads.reader import BeadsFormat

Read = Callable[..., Specification]

GOOD = '{"id": "a", "title": "A"}'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "b", "title": "B', "issues.jsonl:2:"),
        ('{"id": "b", "title": "B"', "issues.jsonl:2:"),
        ("<<<<<<< HEAD", "issues.jsonl:2: a merge conflict"),
        ('{"id": "b", "id": "c"}', "'id' stands twice"),
        ('{"id": "b", "priority": NaN}', "NaN is no JSON value"),
        ("[" * 3000, "issues.jsonl:2"),
        ('{"id": "b", "title": "\\ud800"}', "issues.jsonl:2"),
        ('{"id": "b", "priority": ' + "9" * 5000 + "}", "a number of 5000 digits"),
    ],
)
def test_a_line_that_is_no_json_is_refused(read: Read, line: str, said: str) -> None:
    """Nobody knows which issue is missing, so nothing is planned; the error says which line, and what to do."""
    with pytest.raises(SpecificationError) as caught:
        read(GOOD, line, '{"id": "c", "title": "C"}')
    assert said in str(caught.value)
    assert ".beads/issues.jsonl:2" in caught.value.problems[0].where


def test_all_broken_lines_are_told_at_once(read: Read) -> None:
    """Each with its line, but no more than twenty."""
    with pytest.raises(SpecificationError) as caught:
        read(GOOD, "{", GOOD, "}")
    assert [problem.where.split(":")[1] for problem in caught.value.problems] == ["2", "4"]
    with pytest.raises(SpecificationError) as caught:
        read(*["{"] * 100)
    assert len(caught.value.problems) == 20


def test_bytes_that_are_no_text(project: Path) -> None:
    """Invalid UTF-8 and NUL are refused with their line; a byte order mark and CRLF are fine."""
    file = project / ".beads" / "issues.jsonl"
    for data, said in (
        (b'{"id": "a", "title": "\xff"}', ":2: byte 0xff is not UTF-8"),
        (b'{"id": "\0"}', ":2:9: a NUL"),
    ):
        file.write_bytes(GOOD.encode() + b"\n" + data + b"\n")
        with pytest.raises(SpecificationError) as caught:
            BeadsFormat().load(project)
        assert f".beads/issues.jsonl{said}" in str(caught.value)
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n\r\n" + b'{"id": "b", "title": "B"}\r\n')
    found = BeadsFormat().load(project)
    assert [(task.source_id, task.source) for task in found.tasks] == [
        ("a", ".beads/issues.jsonl:1"),
        ("b", ".beads/issues.jsonl:3"),
    ]
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ["x", 1]}, "'title' of b must be a text"),
        ({"title": None}, "b has no title"),
        ({"description": {"text": "x"}}, "'description' of b must be a text"),
        ({"status": 7}, "the status of b must be a text"),
        ({"priority": "urgent"}, "the priority of b must be a number from 0 to 4"),
        ({"priority": 17}, "the priority of b must be a number from 0 to 4"),
        ({"priority": True}, "the priority of b must be a number from 0 to 4"),
        ({"dependencies": "a"}, "'dependencies' of b must be a list"),
        ({"dependencies": [7]}, "a dependency of b names no issue"),
        ({"dependencies": [{"type": "blocks"}]}, "a dependency of b names no issue"),
    ],
)
def test_a_field_of_the_wrong_type_is_a_warning(read: Read, fields: dict[str, Any], said: str) -> None:
    """The issue is planned without it, and the warning says line, issue and what was expected."""
    found = read(GOOD, {"id": "b", "title": "B", **fields})
    assert len(found.tasks) == 2
    assert any(warning.startswith(".beads/issues.jsonl:2: ") and said in warning for warning in found.warnings)


@pytest.mark.parametrize("line", ["[]", "7", '"text"', "null", '{"note": "x"}'])
def test_a_line_that_is_no_issue_is_a_warning(read: Read, line: str) -> None:
    """It is said, and the issues are planned."""
    found = read(GOOD, line)
    assert [task.source_id for task in found.tasks] == ["a"]
    [warning] = found.warnings
    assert warning.startswith(".beads/issues.jsonl:2: ")


def test_an_issue_without_an_id_is_planned(read: Read) -> None:
    """Nothing can name it, but it is not lost."""
    found = read(GOOD, {"title": "Nameless"}, {"title": "Nameless"})
    assert [task.title for task in found.tasks] == ["A", "Nameless", "Nameless"]
    assert len({task.id for task in found.tasks}) == 3
    assert found.tasks[1].source_id is None
    assert len(found.warnings) == 2


@pytest.mark.parametrize("newest_first", [True, False])
def test_of_two_lines_with_one_id_the_newest_counts(read: Read, newest_first: bool) -> None:
    """As a merge by ``bd`` would leave it, wherever it stands; both places are said."""
    new = {"id": "a", "title": "New", "updated_at": "2026-02-01T00:00:00Z"}
    old = {"id": "a", "title": "Old", "updated_at": "2026-01-01T00:00:00Z"}
    found = read(*([new, old] if newest_first else [old, new]))
    assert [task.title for task in found.tasks] == ["New"]
    [warning] = found.warnings
    kept, dropped = (1, 2) if newest_first else (2, 1)
    assert f"issues.jsonl:{kept} counts, .beads/issues.jsonl:{dropped} not" in warning


@pytest.mark.parametrize("text", ["", "\n\n", "\r\n"])
def test_nothing_in_it(read: Read, text: str) -> None:
    """An empty export is an error that says so."""
    with pytest.raises(SpecificationError, match=r"issues\.jsonl:1: there is no issue in it"):
        read(text)


def test_only_deleted_issues(read: Read) -> None:
    """That is an error too: there is nothing to plan."""
    with pytest.raises(SpecificationError, match="every issue in it is deleted"):
        read({"id": "a", "title": "A", "status": "tombstone"})


@pytest.mark.parametrize("long", ["x" * 5_000_000, " ", '\\"closed_at\\":' * 300_000, "- " * 2_000_000])
def test_a_line_of_five_megabytes(read: Read, project: Path, long: str) -> None:
    """It is read, and its status written, in a second or two."""
    begun = time.monotonic()
    line = '{"id": "b", "title": "B", "description": "' + long + '", "status": "open"}'
    found = read(GOOD, line, "{" + " " * 5_000_000 + '"id": "c", "title": "C"}')
    assert [task.source_id for task in found.tasks] == ["a", "b", "c"]
    BeadsFormat().write_status(project, {"b": "completed", "c": "completed"})
    assert [task.status for task in BeadsFormat().load(project).tasks] == ["pending", "completed", "completed"]
    assert time.monotonic() - begun < 60


def test_many_issues(read: Read) -> None:
    """Ten thousand issues in one family, each waiting for the one before, are read in seconds."""
    lines = [
        json.dumps(
            {
                "id": f"n{number}",
                "title": f"N {number}",
                "dependencies": [
                    {"depends_on_id": f"n{number - 1}", "type": "blocks"},
                    {"depends_on_id": "top", "type": "parent-child"},
                ],
            }
        )
        for number in range(10_000)
    ]
    begun = time.monotonic()
    found = read('{"id": "top", "title": "Top"}', *lines)
    assert time.monotonic() - begun < 15
    assert sum(len(task.depends_on) for task in found.tasks) == 9_999
    assert len(found.tasks[0].children) == 10_000
