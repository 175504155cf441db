"""Lists made at random with known truth: every task is found and none invented, and ticking changes nothing but the boxes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_dispatcher_builtins.specifications.kiro.format import KiroFormat

TITLES = [
    "Write the model",
    "モデルを実装する",
    "实现模型",
    "모델 구현",
    "Реализовать модель",
    "Escrever o modelo",
    "Use `a/b.py` (v1.2)",
    "Add POST /x",
]
NOISE = [
    "",
    "## Phase {n}: More",
    "Some text that names 1.1 and - [ ] nothing",
    "```\n- [ ] 9.9 fenced\n```",
    "> - [ ] 9.8 quoted",
]
MARKS = {" ": "pending", "x": "completed", "X": "completed", "-": "pending"}


@frozen
class Made:
    """A line of the list and what is to be found there."""

    number: str
    title: str
    mark: str
    star: bool
    parent: str | None
    line: int

    @property
    def status(self) -> str:
        status = MARKS[self.mark]
        return "skipped" if self.star and status == "pending" else status


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, list[Made]]:
    """A text, and the tasks in it."""
    lines, made = ["# Implementation Plan", ""], []
    indented = draw(st.booleans())
    start = draw(st.sampled_from([0, 1, 17]))
    for major in range(start, start + draw(st.integers(1, 4))):
        minors = draw(st.integers(0, 3))
        for number in (str(major), *(f"{major}.{minor}" for minor in range(1, minors + 1))):
            part = "." in number
            star = part and draw(st.integers(0, 3)) == 0
            mark, title = (
                draw(st.sampled_from(list(MARKS))),
                f"{draw(st.sampled_from(TITLES))} {number.replace('.', '-')}",
            )
            indent = "  " if part and indented else ""
            made.append(Made(number, title, mark, star, str(major) if part else None, len(lines) + 1))
            lines.append(f"{indent}- [{mark}]{'*' if star else ''} {number}{'' if part else '.'} {title}")
            for _ in range(draw(st.integers(0, 2))):
                lines.append(f"{indent}  - {draw(st.sampled_from(['a detail', '_Requirements: 1.1_', 'uses 1.2']))}")
        noise = draw(st.sampled_from(NOISE))
        lines += ["", *noise.format(n=major).split("\n"), ""]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines) + draw(st.sampled_from(["", "\n"])), made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lists(), st.booleans(), st.data())
def test_what_is_written_is_read_and_ticked(written: tuple[str, list[Made]], bom: bool, data: st.DataObject) -> None:
    """Numbers, titles, statuses, parts and lines; a chosen set is ticked and cleared again, every other byte stays."""
    text, made = written
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        original = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
        (folder / "tasks.md").write_bytes(original)
        (folder / "requirements.md").write_text("## Requirements\n\n### Requirement 1\n\n1. a\n")
        found = KiroFormat().load(folder).tasks
        assert [(task.source_id, task.title, task.source) for task in found] == [
            (each.number, each.title, f"tasks.md:{each.line}") for each in made
        ]
        by_id = {task.id: str(task.source_id) for task in found}
        whole = {by_id[part]: str(task.source_id) for task in found for part in task.children}
        tested = {str(task.source_id): by_id[task.verifies[0]] for task in found if task.verifies}
        waived = {str(task.source_id) for task in found if task.waived}
        for each, task in zip(made, found, strict=True):
            parts = [other for other in made if other.parent == each.number]
            assert task.status == each.status or (task.waived and all(other.status == "skipped" for other in parts))
            assert {**whole, **tested}.get(each.number, each.parent) == each.parent
            assert each.parent is None or each.number in whole or each.number in tested or each.number in waived
        wanted = data.draw(st.sets(st.sampled_from([each.number for each in made])))
        KiroFormat().write_status(folder, dict.fromkeys(wanted, "completed"))
        ticked = (folder / "tasks.md").read_bytes()
        changed = [
            number
            for number, (before, after) in enumerate(zip(original.split(b"\n"), ticked.split(b"\n"), strict=True), 1)
            if before != after
        ]
        assert changed == sorted(
            each.line for each in made if each.number in wanted and MARKS[each.mark] != "completed"
        )
        again = {task.source_id: task.status for task in KiroFormat().load(folder).tasks}
        assert all(again[number] == "completed" for number in wanted)
        cleared = {each.number: "pending" for each in made if each.number in wanted and each.mark == " "}
        KiroFormat().write_status(folder, cleared)
        restored = (folder / "tasks.md").read_bytes().split(b"\n")
        lines = {each.line for each in made if each.number in cleared}
        assert all(restored[line - 1] == original.split(b"\n")[line - 1] for line in lines)
