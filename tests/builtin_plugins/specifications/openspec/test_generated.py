"""Lists made at random with known truth: every task and every declared order is found and none invented, and ticking changes nothing but the boxes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_dispatcher_builtins.specifications.openspec.format import OpenSpecFormat

TITLES = [
    "Write the model",
    "モデルを実装する",
    "实现模型",
    "Реализовать модель",
    "Use `a/b.py` (v1.2)",
    "Run 3 of 4 checks",
]
NOISE = [
    "",
    "Some text that names 1.1 and - [ ] nothing",
    "```\n- [ ] 9.9 fenced\n```",
    "> - [ ] 9.8 quoted",
    "<!--\n- [ ] 9.7\n-->",
]
Truth = list[tuple[str | None, str, str, int]]


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, Truth]:
    """A text, and number, title, mark and line of each task in it."""
    lines: list[str] = ["# Tasks", ""]
    truth: Truth = []
    for group in range(1, draw(st.integers(2, 5))):
        lines += [f"## {group}. Group {group}", ""]
        number = 0
        for _ in range(draw(st.integers(1, 4))):
            number += draw(st.integers(1, 3))
            name = f"{group}.{number}" if draw(st.integers(0, 4)) else None
            mark = draw(st.sampled_from([" ", "x", "X"]))
            title = f"{draw(st.sampled_from(TITLES))} in group {group}-{number}"
            truth.append((name, title, mark, len(lines) + 1))
            lines.append(f"{draw(st.sampled_from('-*'))} [{mark}] {name + ' ' if name else ''}{title}")
        lines += ["", *draw(st.sampled_from(NOISE)).split("\n"), ""]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines), truth


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lists(), st.booleans(), st.data())
def test_what_is_written_is_read_and_ticked(written: tuple[str, Truth], bom: bool, data: st.DataObject) -> None:
    """Numbers, titles, statuses and lines; a chosen set is ticked and cleared again, every other byte stays."""
    text, truth = written
    original = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "tasks.md"
        file.write_bytes(original)
        found = OpenSpecFormat().load(file).tasks
        assert [(task.source_id, task.title, task.status, task.source, task.depends_on) for task in found] == [
            (number, title, "pending" if mark == " " else "completed", f"tasks.md:{line}", ())
            for number, title, mark, line in truth
        ]
        wanted = data.draw(
            st.sets(st.sampled_from([task.id for task in found if task.status == "pending"] or [found[0].id]))
        )
        OpenSpecFormat().write_status(file, dict.fromkeys(wanted, "completed"))
        again = {task.id: task.status for task in OpenSpecFormat().load(file).tasks}
        assert again == {task.id: "completed" if task.id in wanted else task.status for task in found}
        before, after = original.split(b"\n"), file.read_bytes().split(b"\n")
        changed = [number for number, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new]
        pending = [task for task in found if task.id in wanted and task.status == "pending"]
        assert changed == [int(task.source.split(":")[1]) for task in pending]
        OpenSpecFormat().write_status(file, {task.id: "pending" for task in pending})
        assert file.read_bytes() == original


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(2, 8), st.data())
def test_declared_orders_are_found_and_no_others(count: int, data: st.DataObject) -> None:
    """Of tasks that are headings; in lists, ranges and several words, in any order of the list."""
    numbers = data.draw(st.permutations(range(1, count + 1)))
    truth: dict[str, set[str]] = {}
    parts = []
    for number in numbers:
        earlier = data.draw(st.sets(st.integers(1, count).filter(lambda other, own=number: other < own)))
        names = [data.draw(st.sampled_from([f"Task {each}", f"{each}", f"#{each}"])) for each in sorted(earlier)]
        truth[str(number)] = {str(each) for each in earlier}
        said = (
            data.draw(st.sampled_from([", ", " and ", "; "])).join(names)
            if names
            else data.draw(st.sampled_from(["None", "none", "N/A"]))
        )
        parts.append(f"## Task {number}: Do {number} things\n**Dependencies**: {said}\n- uses task {count} and 1\n")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "tasks.md"
        file.write_text("# Tasks\n\n" + "\n".join(parts))
        found = OpenSpecFormat().load(file).tasks
        by_id = {task.id: str(task.source_id) for task in found}
        assert {str(task.source_id): {by_id[each.task] for each in task.depends_on} for task in found} == truth
