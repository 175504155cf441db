"""Task lists as messy as people and tools leave them, made from a truth that is known: what is read is the truth, and nothing else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat

STATUSES = {
    "done": "completed",
    "Done": "completed",
    "completed": "completed",
    "pending": "pending",
    "in-progress": "pending",
    "in_progress": "pending",
    "review": "pending",
    "cancelled": "skipped",
    "deferred": "skipped",
    None: "pending",
    "absent": "pending",
    "somehow": "pending",
}
TITLES = (
    "Set up the project",
    "Ünïcode Ωmega",
    "タスクを作る",
    "任务一",
    "작업",
    "Задача",
    'quote " \\ and {brace}',
    "[x]",
    "a\tb\nc",
)
NOISE = ("99999", "nobody", "NOPE-1", "99999.3")


@define
class Truth:
    """What a generated file says.

    Attributes:
        names: ids in the order of the file.
        edges: (before, after).
        steps: task -> step -> what it waits for.
        statuses: task -> status.
        strange: pieces of text that a warning must contain.
    """

    names: list[str] = field(factory=list)
    edges: set[tuple[str, str]] = field(factory=set)
    steps: dict[str, dict[str, set[str]]] = field(factory=dict)
    statuses: dict[str, str] = field(factory=dict)
    strange: set[str] = field(factory=set)


@frozen(kw_only=True)
class Style:
    """How the JSON is written."""

    indent: int | str | None
    compact: bool
    ascii: bool
    crlf: bool
    bom: bool
    end: str

    def write(self, document: Any) -> bytes:
        separators = (",", ":") if self.compact else None
        text = json.dumps(document, indent=self.indent, ensure_ascii=self.ascii, separators=separators) + self.end
        text = text.replace("\n", "\r\n") if self.crlf else text
        return (b"\xef\xbb\xbf" if self.bom else b"") + text.encode()


styles = st.builds(
    Style,
    indent=st.sampled_from([None, 0, 2, 4, "\t"]),
    compact=st.booleans(),
    ascii=st.booleans(),
    crlf=st.booleans(),
    bom=st.booleans(),
    end=st.sampled_from(["", "\n", "\n\n  "]),
)


@st.composite
def projects(draw: st.DrawFn) -> tuple[Any, list[dict[str, Any]], Truth]:
    """A document, the list of tasks in it (the same objects), and the truth."""
    truth = Truth()
    numbers = draw(st.lists(st.integers(0, 60), min_size=1, max_size=7, unique=True))
    api = draw(st.booleans())
    truth.names = [f"HAM-{number}" if api and draw(st.booleans()) else str(number) for number in numbers]
    rank = dict(zip(draw(st.permutations(truth.names)), range(len(truth.names)), strict=True))
    counts = {name: draw(st.integers(0, 4)) for name in truth.names}
    tasks = [_task(draw, name, rank, counts, truth) for name in truth.names]
    return _wrapped(draw, tasks), tasks, truth


def _task(draw: st.DrawFn, name: str, rank: dict[str, int], counts: dict[str, int], truth: Truth) -> dict[str, Any]:
    earlier = sorted(other for other in rank if rank[other] < rank[name])
    entries: list[Any] = []
    for other in draw(st.lists(st.sampled_from(earlier), max_size=4)) if earlier else []:
        truth.edges.add((other, name))
        step = draw(st.integers(1, counts[other])) if counts[other] else None
        entries.append(draw(st.sampled_from(_spellings(other, step))))
    for noise in draw(st.lists(st.sampled_from([*NOISE, name, None]), max_size=2)):
        entries.append(noise)
        if noise is not None:
            truth.strange.add(f"{name} depends on itself" if noise == name else noise)
    entries = draw(st.permutations(entries))
    task: dict[str, Any] = {"id": _id(draw, name)}
    title = draw(st.sampled_from([*TITLES, None, "absent"]))
    if title != "absent":
        task["title"] = title
    _put_status(draw, task, name, truth)
    joined = ", ".join(map(str, entries)) if entries and all(isinstance(each, int | str) for each in entries) else ""
    forms: list[Any] = [entries, *([joined] if joined else []), *([None, "absent", []] if not entries else [])]
    dependencies = draw(st.sampled_from(forms))
    if dependencies != "absent":
        task["dependencies"] = dependencies
    _put_subtasks(draw, task, name, earlier, counts, truth)
    for key, values in (
        ("description", (None, "plain", 'with "quotes" and\nlines', 5, ["a", "b"])),
        ("priority", (None, "high", "LOW", "critical")),
        ("testStrategy", (None, "", "by hand")),
        ("complexity", (None, 3, "7", "high")),
        ("metadata", ({}, {"status": "done", "id": 1}, None)),
    ):
        if draw(st.booleans()):
            task[key] = draw(st.sampled_from(values))
    if draw(st.booleans()):
        task["myOwnKey"] = {"status": "pending"}
        truth.strange.add("'myOwnKey'")
    keys = draw(st.permutations(list(task)))
    return {key: task[key] for key in keys}


def _id(draw: st.DrawFn, name: str) -> int | str:
    return int(name) if name.isdigit() and draw(st.booleans()) else name


def _spellings(name: str, step: int | None) -> list[Any]:
    plain: list[Any] = [name, *([int(name)] if name.isdigit() else [name.lower()]), {"id": name}, f" {name} "]
    return [*plain, *([f"{name}.{step}"] if step is not None else [])]


def _put_status(draw: st.DrawFn, task: dict[str, Any], name: str, truth: Truth) -> None:
    word = draw(st.sampled_from(list(STATUSES)))
    if word != "absent":
        task["status"] = word
    if word == "somehow":
        truth.strange.add("'somehow'")
    truth.statuses[name] = STATUSES[word]


def _put_subtasks(
    draw: st.DrawFn, task: dict[str, Any], name: str, earlier: list[str], counts: dict[str, int], truth: Truth
) -> None:
    truth.steps[name] = {}
    subtasks: list[Any] = []
    for number in range(1, counts[name] + 1):
        waits: set[str] = set()
        entries: list[Any] = []
        for sibling in draw(st.lists(st.integers(1, number - 1), max_size=2)) if number > 1 else []:
            waits.add(f"{name}.{sibling}")
            entries.append(draw(st.sampled_from([sibling, str(sibling), f"{name}.{sibling}"])))
        steps = [(other, step) for other in earlier for step in range(1, counts[other] + 1)]
        for other, step in draw(st.lists(st.sampled_from(steps), max_size=1)) if steps else []:
            waits.add(f"{other}.{step}")
            truth.edges.add((other, name))
            entries.append(f"{other}.{step}")
        truth.steps[name][f"{name}.{number}"] = waits
        subtask: dict[str, Any] = {"id": draw(st.sampled_from([number, str(number), f"{name}.{number}"]))}
        subtask["title"] = draw(st.sampled_from(["part", None, "Ω"]))
        if entries or draw(st.booleans()):
            subtask["dependencies"] = entries
        if draw(st.booleans()):
            subtask["status"] = draw(st.sampled_from(["pending", "done", None, "cancelled"]))
        if draw(st.booleans()):
            subtask["parentTaskId"] = task["id"]
        subtasks.append(subtask)
    if subtasks or draw(st.booleans()):
        task["subtasks"] = subtasks or draw(st.sampled_from([[], None]))


def _wrapped(draw: st.DrawFn, tasks: list[dict[str, Any]]) -> Any:
    metadata = {"created": "2025-01-01T00:00:00Z", "description": "Tasks", "updated": None}
    other = {"tasks": [{"id": 1, "title": "of another tag", "status": "pending"}], "metadata": metadata}
    return draw(
        st.sampled_from(
            [
                {"tasks": tasks},
                {"tasks": tasks, "metadata": {**metadata, "totalTasks": 3}},
                {"master": {"tasks": tasks, "metadata": metadata}},
                {"master": {"tasks": tasks}, "feature-x": other},
                {"feature-x": other, "master": {"metadata": metadata, "tasks": tasks}, "empty": {"tasks": []}},
                {"renamed": {"tasks": tasks}},
                tasks,
            ]
        )
    )


@settings(max_examples=200, deadline=None)
@given(project=projects(), style=styles)
def test_what_is_read_is_the_truth(project: tuple[Any, list[dict[str, Any]], Truth], style: Style) -> None:
    """Every task once and under its own id, every declared order and no other, steps, statuses; and all that is strange is told."""
    document, _, truth = project
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks.json"
        file.write_bytes(style.write(document))
        assert TaskMasterFormat().matches(Path(folder)) > 0
        specification = TaskMasterFormat().load(Path(folder))
    names = {task.id: task.source_id for task in specification.tasks}
    assert [task.source_id for task in specification.tasks] == truth.names
    assert len(names) == len(truth.names)
    edges = {(names[each.task], task.source_id) for task in specification.tasks for each in task.depends_on}
    assert edges == truth.edges
    assert {task.source_id: task.status for task in specification.tasks} == truth.statuses
    steps = {task.source_id: {step.id: set(step.depends_on) for step in task.steps} for task in specification.tasks}
    assert steps == truth.steps
    said = "\n".join(specification.warnings)
    assert {piece for piece in truth.strange if piece not in said} == set()
    assert all(warning.startswith("tasks.json:") for warning in specification.warnings)


@settings(max_examples=200, deadline=None)
@given(project=projects(), style=styles, data=st.data())
def test_writing_statuses_changes_nothing_else(
    project: tuple[Any, list[dict[str, Any]], Truth], style: Style, data: st.DataObject
) -> None:
    """Finished tasks (and their open subtasks) are done afterwards; every other byte is what it was; doing it again changes nothing."""
    document, tasks, truth = project
    finished = data.draw(st.sets(st.sampled_from(truth.names)))
    format = TaskMasterFormat()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks.json"
        file.write_bytes(style.write(document))
        format.write_status(Path(folder), {"nobody": "completed"})
        assert file.read_bytes() == style.write(document)
        format.write_status(Path(folder), dict.fromkeys(finished, "completed"))
        written = file.read_bytes()
        format.write_status(file, dict.fromkeys(finished, "completed"))
        assert file.read_bytes() == written
        statuses = {task.source_id: task.status for task in format.load(file).tasks}
        assert list(Path(folder).iterdir()) == [file]
    assert statuses == {**truth.statuses, **dict.fromkeys(finished, "completed")}
    words = {str(task.get("status")).lower() for task in tasks} & {"done", "completed"}
    done = "completed" if words == {"completed"} else "done"
    for task in tasks:
        if str(task["id"]) in finished:
            if truth.statuses[str(task["id"])] != "completed":
                _set(task, done)
            for subtask in task.get("subtasks") or ():
                if subtask.get("status") not in ("done", "cancelled"):
                    _set(subtask, done)
    if style.compact and style.indent is None:
        assert json.loads(written.decode("utf-8-sig")) == document
    else:
        assert written.replace(b'"status": ', b'"status":') == style.write(document).replace(
            b'"status": ', b'"status":'
        )


def _set(mapping: dict[str, Any], word: str) -> None:
    """As it is written: in place, or first where there was none (a null counts as none that has its place)."""
    if "status" in mapping:
        mapping["status"] = word
    else:
        items = list(mapping.items())
        mapping.clear()
        mapping["status"] = word
        mapping.update(items)


KEYS = (
    *("tasks", "master", "id", "title", "status", "dependencies", "subtasks", "relevantFiles", "priority"),
    *("complexity", "details", "acceptanceCriteria", "path", "action", "metadata", "projectName"),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "1", "1.1", "done", "tasks"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(document=anything)
def test_whatever_json_it_is_nothing_breaks(document: Any) -> None:
    """Any JSON is read or refused with an error for users, and the same goes for writing."""
    format = TaskMasterFormat()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks.json"
        file.write_text(json.dumps({"tasks": document}), encoding="utf-8")
        try:
            specification = format.load(file)
            format.write_status(file, {task.id: "completed" for task in specification.tasks})
            written = {task.status for task in format.load(file).tasks}
        except SpecificationError as error:
            assert all(problem.where for problem in error.problems)
        else:
            assert specification.tasks
            assert written <= {"completed", "pending", "skipped"}
