"""Statuses go back into the file: the word, ``closed_at`` which belongs to it, and no other byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import PathRefused, SpecificationError
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.beads.reader import BeadsFormat

Read = Callable[..., Specification]

STAMP = r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"id":"a","status":"open","x":1}', '{"id":"a","status":"closed","closed_at":STAMP,"x":1}'),
        ('{ "status" : "open" , "id" : "a" }', '{ "status" : "closed","closed_at":STAMP , "id" : "a" }'),
        ('{"id":"a","title":"t"}', '{"status":"closed","closed_at":STAMP,"id":"a","title":"t"}'),
        ('{"id":"a","status":"open","closed_at":null}', '{"id":"a","status":"closed","closed_at":STAMP}'),
        ('{"id":"a","status":null,"title":"t"}', '{"id":"a","status":"closed","closed_at":STAMP,"title":"t"}'),
        (
            '{"id":"a","title":"\\"status\\":\\"open\\" \\u00e9 ü","status":"in_progress"}',
            '{"id":"a","title":"\\"status\\":\\"open\\" \\u00e9 ü","status":"closed","closed_at":STAMP}',
        ),
        ('{"id":"a","status":"closed"}', '{"id":"a","status":"closed"}'),
    ],
)
def test_closing(read: Read, project: Path, line: str, expected: str) -> None:
    """The status becomes ``closed`` with the time of it; what is closed already stays as it is."""
    read(line)
    BeadsFormat().write_status(project, {"a": "completed"})
    written = (project / ".beads" / "issues.jsonl").read_text(encoding="utf-8")
    assert re.fullmatch(re.escape(expected).replace("STAMP", STAMP), written.removesuffix("\n"))
    assert json.loads(written)["status"] == "closed"
    assert BeadsFormat().load(project).tasks[0].status == "completed"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"id":"a","status":"closed","closed_at":"2026-01-01","x":1}', '{"id":"a","status":"open","x":1}'),
        ('{"closed_at":"2026-01-01", "status":"closed","id":"a"}', '{"status":"open","id":"a"}'),
        ('{"id":"a", "status":"closed", "closed_at":"x, \\"y\\": z"}', '{"id":"a", "status":"open"}'),
        ('{"id":"a","status":"hooked"}', '{"id":"a","status":"hooked"}'),
    ],
)
def test_opening_again(read: Read, project: Path, line: str, expected: str) -> None:
    """An issue that is not closed has no ``closed_at``; one that is open in other words stays as it is."""
    read(line)
    BeadsFormat().write_status(project, {"a": "pending"})
    assert (project / ".beads" / "issues.jsonl").read_text(encoding="utf-8") == expected + "\n"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ready", "open"),
        ("in_progress", "in_progress"),
        ("blocked", "blocked"),
        ("skipped", "deferred"),
        ("cancelled", "deferred"),
        ("failed", "open"),
    ],
)
def test_other_statuses(read: Read, project: Path, status: str, expected: str) -> None:
    """Each has its word; one that Beads has no word for changes nothing."""
    read({"id": "a", "title": "A", "status": "open"})
    BeadsFormat().write_status(project, {"a": status})
    assert json.loads((project / ".beads" / "issues.jsonl").read_text(encoding="utf-8"))["status"] == expected


def test_only_the_line_of_the_issue_changes(project: Path) -> None:
    """Line ends, a byte order mark, empty lines, a missing last line end and all other lines stay."""
    lines = [
        b'\xef\xbb\xbf{"id":"z","status":"open"}\r\n',
        b"\r\n",
        b'{"id": "a",\t"status":"open"}\r\n',
        b'{"id":"b","status":"open"}',
    ]
    file = project / ".beads" / "issues.jsonl"
    file.write_bytes(b"".join(lines))
    BeadsFormat().write_status(project, {"a": "completed", "nobody": "completed"})
    changed = file.read_bytes().split(b"\n")
    assert [changed[0] + b"\n", changed[1] + b"\n", changed[3]] == [lines[0], lines[1], lines[3]]
    assert changed[2].startswith(b'{"id": "a",\t"status":"closed","closed_at":"')
    assert changed[2].endswith(b'"}\r')
    BeadsFormat().write_status(project, {"a": "pending"})
    assert file.read_bytes() == b"".join(lines)


def test_of_two_lines_with_one_id_the_one_that_counts_is_written(read: Read, project: Path) -> None:
    """And so the next reading sees it."""
    read('{"id":"a","status":"open","updated_at":"2"}', '{"id":"a","status":"open","updated_at":"1"}')
    BeadsFormat().write_status(project, {"a": "completed"})
    first, second = (project / ".beads" / "issues.jsonl").read_text(encoding="utf-8").splitlines()
    assert ('"closed"' in first, '"closed"' in second) == (True, False)


def test_an_issue_goes_by_the_id_of_its_task_too(read: Read, project: Path) -> None:
    """``write_status`` takes either name."""
    task = read({"id": "a", "title": "A", "status": "open"}).tasks[0]
    BeadsFormat().write_status(project, {task.id: "completed"})
    assert BeadsFormat().load(project).tasks[0].status == "completed"


def test_links_and_missing_files_are_refused(read: Read, project: Path, tmp_path: Path) -> None:
    """What a link leads to is not changed, and a project without an export is an error."""
    read({"id": "a", "title": "A", "status": "open"})
    file = project / ".beads" / "issues.jsonl"
    target = tmp_path / "elsewhere.jsonl"
    file.rename(target)
    with pytest.raises(SpecificationError):
        BeadsFormat().write_status(project, {"a": "completed"})
    file.symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(PathRefused):
        BeadsFormat().write_status(project, {"a": "completed"})
    assert target.read_bytes() == before
