"""What is recognised, and which change is meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import DispatcherError, SpecificationError
from agent_dispatcher_builtins.specifications.openspec.format import OpenSpecFormat
from agent_dispatcher_builtins.specifications.openspec.options import OpenSpecOptions

TASKS = "## 1. Do\n\n- [ ] 1.1 Do it\n"


def test_all_ways_to_name_a_change(folder: Path, dispatcher: AgentDispatcher) -> None:
    """Its folder, a file of it, or a repository (its ``openspec``, its ``changes``) where no other is open."""
    (folder / "tasks.md").write_text(TASKS)
    (folder / "proposal.md").write_text("## Why\n\nBecause.\n")
    (folder / "specs" / "a").mkdir(parents=True)
    (folder / "specs" / "a" / "spec.md").write_text("## ADDED Requirements\n\n### Requirement: A\nIt SHALL.\n")
    done = folder.parent / "archive" / "2026-01-01-old"
    done.mkdir(parents=True)
    (done / "tasks.md").write_text(TASKS.replace("[ ]", "[x]"))
    sources = [
        folder,
        *(folder / name for name in ("tasks.md", "proposal.md", "specs/a/spec.md")),
        folder.parent,
        folder.parents[1],
        folder.parents[2],
    ]
    for source in sources:
        found = dispatcher.plan(source)
        assert (found.specification.format, found.specification.path) == ("openspec", str(source))
        assert [task.status for task in found.tasks] == ["pending"]
    assert [task.status for task in dispatcher.plan(done).tasks] == ["completed"]


def test_several_open_changes_are_named(folder: Path) -> None:
    """Nobody guesses which is meant; an option says it."""
    for name in ("add-shop", "add-cart"):
        (folder.parent / name).mkdir(exist_ok=True)
        (folder.parent / name / "tasks.md").write_text(TASKS)
    root = folder.parents[2]
    with pytest.raises(SpecificationError, match=r"2 changes are open: add-cart, add-shop \(name the folder of one\)"):
        OpenSpecFormat().load(root)
    assert OpenSpecFormat(OpenSpecOptions(change="add-shop")).load(root).id == "add-shop"
    with pytest.raises(SpecificationError, match="there is no change 'add-hat'"):
        OpenSpecFormat(OpenSpecOptions(change="add-hat")).load(root)


def test_a_repository_without_an_open_change_is_refused(folder: Path) -> None:
    """In words."""
    folder.rmdir()
    with pytest.raises(SpecificationError, match="no change is open"):
        OpenSpecFormat().load(folder.parents[2])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tasks.md": TASKS, "proposal.md": "## Why\n\nx\n"}, "openspec"),
        ({"tasks.md": TASKS, "specs/a.md": "## ADDED Requirements\n"}, "openspec"),
        ({"tasks.md": TASKS, ".openspec.yaml": "schema: spec-driven\n"}, "openspec"),
        ({"tasks.md": TASKS}, "openspec"),
        ({"tasks.md": "## Task 1: Do\n**Dependencies**: None\n"}, "openspec"),
        ({"tasks.md": "# Things\n\n- [ ] Do it\n"}, "markdown"),
        ({"tasks.md": "# Tasks\n\n## Phase 1: Setup\n\n- [ ] T001 Do it\n"}, "spec-kit"),
        ({"tasks.md": "# Implementation Plan\n\n- [ ] 1. Do it\n  - _Requirements: 1.1_\n"}, "kiro"),
    ],
)
def test_folders_elsewhere_are_known_by_their_contents(
    tmp_path: Path, dispatcher: AgentDispatcher, files: dict[str, str], expected: str
) -> None:
    """And those of other formats are left to them."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert dispatcher.plan(tmp_path).specification.format == expected


def test_statuses_are_not_written_through_a_link(folder: Path, tmp_path: Path) -> None:
    """What a link leads to belongs to somebody else."""
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text(TASKS)
    (folder / "tasks.md").symlink_to(elsewhere)
    with pytest.raises(DispatcherError, match="link"):
        OpenSpecFormat().write_status(folder, {"1.1": "completed"})
    assert elsewhere.read_text() == TASKS


def test_what_is_no_file_is_not_read(folder: Path) -> None:
    """A folder or a pipe in the place of a file is as if nothing were there; reading never waits."""
    (folder / "tasks.md").write_text(TASKS)
    (folder / "proposal.md").mkdir()
    (folder / "specs").mkdir()
    os.mkfifo(folder / "specs" / "a.md")
    found = OpenSpecFormat().load(folder)
    assert (len(found.tasks), found.requirements) == (1, ())


@pytest.mark.parametrize("name", ["tasks.md", "proposal.md", "specs/a.md"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"# a\n\xff\n", ":2: byte 0xff is not UTF-8"),
        (b"# a\n\x00\n", ":2"),
        ("# a\n".encode("utf-16"), ":1: byte 0xff is not UTF-8"),
        (b"# " + b"a" * 5_100_000, ": the file is larger than 5,000,000 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(folder: Path, name: str, data: bytes, message: str) -> None:
    """As every other specification that is no text."""
    (folder / "tasks.md").write_text(TASKS)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    with pytest.raises(SpecificationError) as caught:
        OpenSpecFormat().load(folder)
    assert str(caught.value).startswith(f"{name}{message}")


def test_a_line_of_megabytes_is_read(folder: Path) -> None:
    """In a time that grows with its length, not faster."""
    long = "b (1.1) _x_ " * 190_000
    (folder / "tasks.md").write_text(f"## 1. Do\n- [ ] 1.1 a\n- [ ] 1.2 {long}\n\n## Dependencies\n\n- {long}\n")
    assert [task.source_id for task in OpenSpecFormat().load(folder).tasks] == ["1.1", "1.2"]


def test_a_repository_may_have_pages_of_its_own(folder: Path, dispatcher: AgentDispatcher) -> None:
    """A list or a folder at its root that is called alike is not what is meant."""
    (folder / "tasks.md").write_text(TASKS)
    root = folder.parents[2]
    (root / "tasks.md").write_text("- [ ] Water the plants\n")
    (root / "design.md").write_text("# Our colours\n")
    (root / "specs").mkdir(exist_ok=True)
    (root / "specs" / "notes.md").write_text("# Notes\n")
    found = dispatcher.plan(root)
    assert (found.specification.format, [task.title for task in found.tasks]) == ("openspec", ["Do it"])
