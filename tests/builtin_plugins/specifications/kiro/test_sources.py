"""What is recognised, and which specification is meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import DispatcherError, SpecificationError
from agent_dispatcher_builtins.specifications.kiro.format import KiroFormat

TASKS = "# Implementation Plan\n\n- [ ] 1. Do it\n  - _Requirements: 1.1_\n"


def test_all_ways_to_name_a_specification(folder: Path, dispatcher: AgentDispatcher) -> None:
    """Its folder, a file of it, or a repository, ``.kiro`` or ``.kiro/specs`` that has no other."""
    (folder / "tasks.md").write_text(TASKS)
    (folder / "requirements.md").write_text("# Requirements Document\n")
    root = folder.parents[2]
    for source in (folder, folder / "tasks.md", folder / "requirements.md", folder.parent, folder.parents[1], root):
        found = dispatcher.plan(source)
        assert (found.specification.format, found.specification.path) == ("kiro", str(source))
        assert [task.source_id for task in found.tasks] == ["1"]


def test_several_specifications_are_named(folder: Path) -> None:
    """Nobody guesses which is meant."""
    for name in ("shop", "cart"):
        (folder.parent / name).mkdir(exist_ok=True)
        (folder.parent / name / "tasks.md").write_text(TASKS)
    with pytest.raises(
        SpecificationError, match=r"there are 2 specifications here: cart, shop \(name the folder of one\)"
    ):
        KiroFormat().load(folder.parents[2])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tasks.md": TASKS}, "kiro"),
        ({"tasks.md": "# Implementation Plan\n\n- [ ] 1. Do it\n"}, "kiro"),
        ({"tasks.md": "# Tasks\n\n- [ ]* 1.1 Test it\n"}, "kiro"),
        ({"tasks.md": "- [ ] 1. x\n", "requirements.md": "# R\n", "design.md": "# D\n"}, "kiro"),
        ({"tasks.md": "## 1. Group\n\n- [ ] 1.1 Do it\n", "proposal.md": "## Why\n\nx\n"}, "openspec"),
        ({"tasks.md": "# Tasks\n\n- [ ] T001 Do it\n", "spec.md": "# Feature Specification: X\n"}, "spec-kit"),
        ({"tasks.md": "# Things to do\n\n- [ ] Do it\n"}, "markdown"),
    ],
)
def test_folders_elsewhere_are_known_by_their_contents(
    tmp_path: Path, dispatcher: AgentDispatcher, files: dict[str, str], expected: str
) -> None:
    """And those of other formats are left to them."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert dispatcher.plan(tmp_path).specification.format == expected
    assert dispatcher.plan(tmp_path / "tasks.md").specification.format == expected


def test_statuses_are_not_written_through_a_link(folder: Path, tmp_path: Path) -> None:
    """What a link leads to belongs to somebody else."""
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text(TASKS)
    (folder / "tasks.md").symlink_to(elsewhere)
    with pytest.raises(DispatcherError, match="link"):
        KiroFormat().write_status(folder, {"1": "completed"})
    assert elsewhere.read_text() == TASKS


def test_what_is_no_file_is_not_read(folder: Path) -> None:
    """A folder or a pipe in the place of a file is as if nothing were there; reading never waits."""
    (folder / "requirements.md").mkdir()
    os.mkfifo(folder / "design.md")
    (folder / "tasks.md").write_text(TASKS)
    found = KiroFormat().load(folder)
    assert (len(found.tasks), found.requirements) == (1, ())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"- [ ] 1. a\n\xff\n", "tasks.md:2: byte 0xff is not UTF-8"),
        (b"- [ ] 1. a\n\x00\n", "tasks.md:2"),
        ("- [ ] 1. a\n".encode("utf-16"), "tasks.md:1: byte 0xff is not UTF-8"),
        (b"- [ ] 1. " + b"a" * 5_100_000, "tasks.md: the file is larger than 5,000,000 bytes"),
        (b"", "tasks.md:1: there is no task in it"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(folder: Path, data: bytes, message: str) -> None:
    """As every other specification that is no text."""
    (folder / "tasks.md").write_bytes(data)
    with pytest.raises(SpecificationError) as caught:
        KiroFormat().load(folder)
    assert str(caught.value).startswith(message)


def test_a_line_of_megabytes_is_read(folder: Path) -> None:
    """In a time that grows with its length, not faster."""
    (folder / "tasks.md").write_text("- [ ] 1. a\n- [ ] 2. " + "b (1.1) _x_ " * 350_000 + "\n- [ ] 3. c\n")
    assert [task.source_id for task in KiroFormat().load(folder).tasks] == ["1", "2", "3"]


def test_a_repository_may_have_pages_of_its_own(folder: Path, dispatcher: AgentDispatcher) -> None:
    """A list or a folder at its root that is called alike is not what is meant."""
    (folder / "tasks.md").write_text(TASKS)
    root = folder.parents[2]
    (root / "tasks.md").write_text("- [ ] Water the plants\n")
    (root / "design.md").write_text("# Our colours\n")
    (root / "specs").mkdir(exist_ok=True)
    (root / "specs" / "notes.md").write_text("# Notes\n")
    found = dispatcher.plan(root)
    assert (found.specification.format, [task.title for task in found.tasks]) == ("kiro", ["Do it"])
