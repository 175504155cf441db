"""Ticks go back into the document, and no other byte changes; documents made from known lists are read as what they were made from."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension.components import SpecificationFormat
from agent_dispatcher.models import Specification
from agent_dispatcher.testing import SpecificationFormatContract
from agent_dispatcher_builtins.specifications.markdown.reader import MarkdownFormat

Read = Callable[[str], Specification]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("- [ ] 1. dig", "- [x] 1. dig"),
        ("  * [] 1. dig", "  * [x] 1. dig"),
        ("1. [ ] dig [ ] deep", "1. [x] dig [ ] deep"),
        ("- [-] 1. dig", "- [x] 1. dig"),
        ("- [X] 1. dig", "- [X] 1. dig"),
        ("+ [ ]  **1.** dig", "+ [x]  **1.** dig"),
    ],
)
def test_only_the_mark_changes(tmp_path: Path, line: str, expected: str) -> None:
    """Line ends, a byte order mark, boxes in fences and all else stay."""
    text = "\ufeff---\r\na: 1\r\n---\r\n# A\r\n\r\n```\r\n- [ ] 1. fence\r\n```\r\n{}\r\n- [ ] other\r\n"
    file = tmp_path / "a.md"
    file.write_bytes(text.format(line).encode())
    MarkdownFormat().write_status(file, {"1": "completed", "nobody": "completed"})
    assert file.read_bytes().decode() == text.format(expected)


@pytest.mark.parametrize("status", ["pending", "failed", "blocked", "skipped"])
def test_what_is_not_completed_has_no_tick(tmp_path: Path, status: str) -> None:
    """Whatever else became of it."""
    file = tmp_path / "a.md"
    file.write_text("# A\n- [x] 1. dig\n- [X] 2. sow\n")
    MarkdownFormat().write_status(file, {"1": status})
    assert file.read_text() == "# A\n- [ ] 1. dig\n- [X] 2. sow\n"


def test_the_tick_is_the_one_in_use(tmp_path: Path) -> None:
    """A document that ticks with capitals gets one."""
    file = tmp_path / "a.md"
    file.write_text("# A\n- [X] 1. dig\n- [ ] 2. sow\n")
    MarkdownFormat().write_status(file, {"2": "completed"})
    assert file.read_text() == "# A\n- [X] 1. dig\n- [X] 2. sow\n"


def test_a_task_without_a_name_goes_by_its_id(read: Read, tmp_path: Path) -> None:
    """And one of several with one name only by that."""
    found = read("# A\n- [ ] dig\n- [ ] 1. sow\n- [ ] 1. sow\n")
    MarkdownFormat().write_status(
        tmp_path / "garden.md", {found.tasks[0].id: "completed", found.tasks[2].id: "completed", "1": "completed"}
    )
    assert (tmp_path / "garden.md").read_text() == "# A\n- [x] dig\n- [ ] 1. sow\n- [x] 1. sow\n"


def test_tasks_without_boxes_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing could show that they are done, and nothing is changed."""
    file = tmp_path / "a.md"
    file.write_text("# A\n## Tasks\n1. dig\n")
    MarkdownFormat().write_status(file, {"1": "completed"})
    assert file.read_text() == "# A\n## Tasks\n1. dig\n"
    assert "1 has no box" in caplog.text


def test_links_are_not_followed(tmp_path: Path) -> None:
    """What a link leads to is not changed."""
    (tmp_path / "real.md").write_text("# A\n- [ ] 1. dig\n")
    (tmp_path / "link.md").symlink_to(tmp_path / "real.md")
    with pytest.raises(PathRefused):
        MarkdownFormat().write_status(tmp_path / "link.md", {"1": "completed"})
    assert (tmp_path / "real.md").read_text() == "# A\n- [ ] 1. dig\n"


@pytest.mark.parametrize("seed", range(40))
def test_documents_made_from_known_lists(tmp_path: Path, seed: int) -> None:
    """Names, ticks, families and orders are the truth; ticking and clearing a box gives back every byte."""
    chance = random.Random(seed)
    count = chance.randint(1, 25)
    depth, done, waits, lines = [0], [], set(), ["# A", ""]
    parents: dict[str, str] = {}
    stack: list[str] = []
    for number in range(1, count + 1):
        name = f"T{number:03d}"
        depth.append(chance.randint(0, min(3, depth[-1] + 1)) if number > 1 else 0)
        stack = stack[: depth[-1]]
        kin = set(stack)
        if stack:
            parents[name] = stack[-1]
        before = [f"T{other:03d}" for other in range(1, number) if chance.random() < 0.1 and f"T{other:03d}" not in kin]
        waits |= {(other, name) for other in before}
        stack.append(name)
        done.append(chance.random() < 0.3)
        said = f" (depends on {', '.join(before)})" if before else ""
        if not depth[-1] and chance.random() < 0.3:
            lines += ["", f"## Bed {number}", "Prose about T001, and after that T002.", ""]
        indent = "  " * depth[-1]
        lines.append(f"{indent}{chance.choice('-*+')} [{'x' if done[-1] else ' '}] {name} grow{said}")
        if chance.random() < 0.2:
            lines.append(f"{indent}  - a detail of [ ] it, see T001")
    end = chance.choice(["\n", "\r\n"])
    data = chance.choice([b"", b"\xef\xbb\xbf"]) + end.join(lines).encode()
    file = tmp_path / "a.md"
    file.write_bytes(data)
    found = MarkdownFormat().load(file)
    names = {task.id: task.source_id or "" for task in found.tasks}
    statuses = {f"T{number:03d}": "completed" if ticked else "pending" for number, ticked in enumerate(done, 1)}
    assert {task.source_id: task.status for task in found.tasks} == statuses
    assert {names[child]: task.source_id for task in found.tasks for child in task.children} == parents
    assert {(names[each.task], task.source_id) for task in found.tasks for each in task.depends_on} == waits
    for name, status in statuses.items():
        other = "pending" if status == "completed" else "completed"
        MarkdownFormat().write_status(file, {name: other})
        assert {task.source_id: task.status for task in MarkdownFormat().load(file).tasks} == statuses | {name: other}
        MarkdownFormat().write_status(file, {name: status})
        assert file.read_bytes() == data


DOCUMENT = """# Garden

## Requirements
- **FR-001**: The well must hold 100 litres.

## Beds
Beds must be raised.

- [x] 1. Dig for FR-001
- [ ] 2. Sow (depends on #1)
  - [ ] carrots
  - [ ] leek
- [ ] Water `beds/water.py`
"""


class TestMarkdownFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return MarkdownFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / "garden.md").write_text(DOCUMENT)
        return folder / "garden.md"
