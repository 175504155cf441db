"""Broken missions: a clear error or a warning with file and line, never a traceback, a hang or a silent loss."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.spec_kitty.ownership import collisions
from agent_dispatcher_builtins.specifications.spec_kitty.reader import SpecKittyFormat

Read = Callable[..., Specification]
Write = Callable[..., Path]

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\n"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("work_package_id: WP01\nlane: planned\nlane: done\n", "WP01-x.md:4"),
        (BOMB, "WP01-x.md:2"),
        ("work_package_id: !!python/object:os.system WP01\n", "WP01-x.md:2"),
        ("work_package_id: [WP01\n", "WP01-x.md"),
        ("\ttitle: x\n", "WP01-x.md:2"),
        ("a: " + "[" * 500 + "\n", "WP01-x.md:2"),
        ("work_package_id: WP01\ntitle: \0\n", "WP01-x.md:3"),
    ],
)
def test_front_matter_that_cannot_be_read_is_refused(write: Write, head: str, said: str) -> None:
    """Duplicate keys, aliases, tags, depth and NUL: nothing is guessed, and the error says where."""
    with pytest.raises(SpecificationError) as caught:
        SpecKittyFormat().load(write({"WP01-x.md": f"---\n{head}---\ntext\n"}))
    assert f"tasks/{said}" in str(caught.value)


def test_all_broken_packages_are_told_at_once(write: Write) -> None:
    """Each with its place."""
    broken = "---\ntitle: [\n---\n"
    with pytest.raises(SpecificationError) as caught:
        SpecKittyFormat().load(
            write({"WP01-x.md": broken, "WP02-y.md": "---\nno end\n", "WP03-z.md": "---\ntitle: fine\n---\n"})
        )
    assert [problem.where.split(":")[0] for problem in caught.value.problems] == ["tasks/WP01-x.md", "tasks/WP02-y.md"]


def test_two_packages_with_one_id(write: Write) -> None:
    """Nobody could say which one others mean: both places are told."""
    text = "---\nwork_package_id: WP01\ntitle: x\n---\n"
    with pytest.raises(
        SpecificationError, match=r"WP01-y\.md:2: WP01 is the id of two work packages, also of tasks/WP01-x\.md"
    ):
        SpecKittyFormat().load(write({"WP01-x.md": text, "WP01-y.md": text}))


@pytest.mark.parametrize(
    "text", ["", "just text\n", "# Work Package: WP01 – Dig\n\ntext\n", "---\n- a\n---\n# WP01: Dig\n"]
)
def test_a_package_without_front_matter_is_planned(write: Write, text: str) -> None:
    """File and heading name it, and that is said."""
    found = SpecKittyFormat().load(write({"WP01-dig.md": text}))
    [task] = found.tasks
    assert task.source_id == "WP01"
    assert task.title == ("Dig" if "Dig" in text else "WP01-dig")
    assert any(warning.startswith("tasks/WP01-dig.md:1: ") for warning in found.warnings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("title", "{a: b}"),
        ("title", "[a, b]"),
        ("dependencies", "{a: b}"),
        ("dependencies", "7"),
        ("owned_files", "7"),
        ("owned_files", "{a: b}"),
        ("subtasks", "{a: b}"),
        ("subtasks", "true"),
        ("requirement_refs", "{a: b}"),
        ("lane", "[a]"),
        ("phase", "{a: b}"),
        ("priority", "[1]"),
    ],
)
def test_a_field_of_the_wrong_type(write: Write, key: str, value: str) -> None:
    """The package is planned whatever a field holds."""
    found = SpecKittyFormat().load(write({"WP01-x.md": f"---\nwork_package_id: WP01\n{key}: {value}\n---\n"}))
    assert [task.source_id for task in found.tasks] == ["WP01"]


def test_a_wrong_status_file_is_a_warning(read: Read, mission: Path) -> None:
    """What can be read of it counts, the rest is said with its line."""
    (mission / "status.json").write_text('{"work_packages": {"WP01": 7, "WP02": {"lane": "done"}}}')
    (mission / "status.events.jsonl").write_bytes(b'{"wp_id": "WP01", "to_lane": "done"}\n{"wp_id": \n[]\n')
    found = read(WP01={}, WP02={})
    assert [task.status for task in found.tasks] == ["completed", "completed"]
    assert found.warnings[0].startswith("status.json:1: ")
    assert found.warnings[1].startswith("status.events.jsonl:2: ")
    (mission / "status.json").write_text("[")
    (mission / "status.events.jsonl").write_bytes(b"\xff\n")
    found = read(WP01={"lane": "done"}, WP02={})
    assert [task.status for task in found.tasks] == ["completed", "pending"]
    assert len(found.warnings) == 2


def test_crlf_and_a_byte_order_mark(write: Write) -> None:
    """Are fine."""
    text = "\ufeff---\r\nwork_package_id: WP01\r\ntitle: Dig\r\nlane: done\r\n---\r\n# WP01\r\n\r\nwith care\r\n"
    [task] = SpecKittyFormat().load(write({"WP01-x.md": text})).tasks
    assert (task.title, task.status, task.description) == ("Dig", "completed", "with care")


@pytest.mark.parametrize("long", ["x" * 4_900_000, "- [ ] " * 500_000, "WP01, " * 700_000, "#" * 4_000_000])
def test_a_line_of_five_megabytes(write: Write, mission: Path, long: str) -> None:
    """In a package's text, its title and in tasks.md: read in seconds, or refused."""
    begun = time.monotonic()
    (mission / "tasks.md").write_text("## WP01\n\n**Dependencies**: " + long)
    SpecKittyFormat().load(write({"WP01-x.md": "---\nwork_package_id: WP01\ntitle: x\n---\n" + long}))
    try:
        SpecKittyFormat().load(write({"WP02-x.md": f"---\nwork_package_id: WP02\ntitle: '{long}'\n---\n"}))
    except SpecificationError as error:
        assert "tasks/WP02-x.md" in str(error)
    assert time.monotonic() - begun < 30


def test_patterns_cannot_keep_it_busy() -> None:
    """Patterns made to be slow to match, and many of them, cost no time."""
    begun = time.monotonic()
    slow = "/".join(["**", "*a*a*a*a*b"] * 30)
    found = collisions(
        [
            [slow, *(f"src/{n}/**" for n in range(300))],
            ["/".join(["a" * 40] * 60), *(f"src/{n}/x.py" for n in range(300))],
        ]
    )
    assert len(found[0]) == 300
    assert time.monotonic() - begun < 10
