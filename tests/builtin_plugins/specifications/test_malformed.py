"""Damaged sources of every format: planned with warnings, or refused with a message that says where. Never a traceback, a hang, or a task lost in silence.

Everything goes through ``agent-dispatcher plan --json``: in this process, and where memory and time count in one of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from agent_dispatcher.cli import main

pytestmark = pytest.mark.timeout(60)

#: No case may take more memory, or more time in a process of its own.
MOST_MEMORY_KB = 1_000_000
MOST_SECONDS = 45


@frozen(kw_only=True)
class Source:
    """A sound source of a format.

    Attributes:
        files: relative name to text.
        main: the file with the tasks (or requirements).
        start: what is given to the command, relative; ``""`` for the whole folder.
        tasks: how many tasks a plan of it has.
        mark: begins each task in ``main``.
        twice, nowhere, itself: pairs (text, replacement) that take an id twice, wait for nothing that is there, and wait for themselves; an empty
            pair where the format cannot say such a thing.
    """

    files: Mapping[str, str]
    main: str
    start: str = ""
    tasks: int = 3
    mark: str
    twice: tuple[str, str] = ("", "")
    nowhere: tuple[str, str] = ("", "")
    itself: tuple[str, str] = ("", "")
    json: bool = field(init=False)

    @json.default
    def _json(self) -> bool:
        return self.main.endswith((".json", ".jsonl"))


NATIVE = {
    "format": "agent-dispatcher/specification",
    "version": 1,
    "title": "Orchard",
    "summary": "Trees are watered.",
    "language": "python",
    "tags": ["garden"],
    "glossary": {"valve": "opens"},
    "requirements": [
        {
            "id": "R1",
            "text": "A valve opens when the soil is dry.",
            "priority": "high",
            "scenarios": [{"title": "Dry", "given": "dry soil", "when": "noon", "then": ["it opens"]}],
            "edge_cases": ["rain"],
            "constraints": ["offline"],
        }
    ],
    "tasks": [
        {"id": "T1", "title": "Read the sensor", "requirements": ["R1"], "produces": [{"path": "src/sensor.py"}]},
        {"id": "T2", "title": "Open the valve", "depends_on": ["T1"], "complexity": 2, "priority": 1, "estimate_s": 9},
        {
            "id": "T3",
            "title": "Test the valve",
            "type": "testing",
            "verifies": ["T2"],
            "steps": ["think"],
            "group": "g",
        },
    ],
    "entities": {"Valve": {"fields": {"name": "text, required", "open": {"type": "boolean", "default": False}}}},
    "operations": {
        "open_valve": {"inputs": {"name": "text"}, "changes": [{"create": "Valve", "with": {"name": "name"}}]}
    },
}
MASTER = {
    "master": {
        "tasks": [
            {
                "id": 1,
                "title": "Read the sensor",
                "description": "Ten readings",
                "status": "pending",
                "priority": "high",
                "dependencies": [],
                "subtasks": [{"id": 1, "title": "Wire it", "status": "done", "dependencies": []}],
            },
            {"id": 2, "title": "Open the valve", "status": "pending", "dependencies": [1], "complexity": 4},
            {"id": 3, "title": "Report", "status": "pending", "dependencies": [2], "details": "weekly"},
        ]
    }
}
FINALIZED = {
    "requirements": [
        {"id": "R1", "content": "A valve opens when the soil is dry.", "priority": "high", "confidence": 0.9},
        {"id": "R2", "content": "A grower sees the last week.", "priority": "low"},
    ],
    "resolved_edge_cases": [
        {"description": "Rain", "handling": "stay closed", "related_requirement": "R1", "resolved": True}
    ],
    "resolved_contradictions": [{"description": "a or b", "resolution": "a", "related_requirement": "R2"}],
    "complete_requirement_set": True,
    "ready_for_dispatch": True,
    "refinement_session_id": "Orchard",
    "tags": ["garden"],
}
BEADS = [
    {
        "id": "ab-1",
        "title": "Read the sensor",
        "status": "open",
        "priority": 1,
        "issue_type": "task",
        "created_at": "x",
    },
    {
        "id": "ab-2",
        "title": "Open the valve",
        "status": "open",
        "priority": 2,
        "issue_type": "bug",
        "acceptance_criteria": "it opens",
        "dependencies": [{"issue_id": "ab-2", "depends_on_id": "ab-1", "type": "blocks"}],
    },
    {"id": "ab-3", "title": "Report", "status": "closed", "priority": 2, "issue_type": "task", "created_at": "x"},
]
SPEC = "# Feature Specification: Orchard\n\n## Requirements\n\n- **FR-001**: A valve MUST open when the soil is dry.\n"
SOURCES = {
    "native": Source(
        files={"orchard.json": json.dumps(NATIVE, indent=1)},
        main="orchard.json",
        start="orchard.json",
        mark='"id": "T',
        twice=('"id": "T2"', '"id": "T1"'),
        nowhere=('"depends_on": [\n    "T1"', '"depends_on": [\n    "T9"'),
        itself=('"depends_on": [\n    "T1"', '"depends_on": [\n    "T2"'),
    ),
    "spec-kit": Source(
        files={
            "spec.md": SPEC,
            "tasks.md": "# Tasks: Orchard\n\n## Phase 1: Setup\n\n- [ ] T001 Read the sensor in `src/sensor.py`\n"
            "- [x] T002 [P] Open the valve (depends on T001)\n\n## Phase 2: Polish\n\n- [ ] T003 Report\n",
        },
        main="tasks.md",
        mark="] T00",
        twice=("T002", "T001"),
        nowhere=("on T001", "on T009"),
        itself=("on T001", "on T002"),
    ),
    "task-master": Source(
        files={".taskmaster/tasks/tasks.json": json.dumps(MASTER, indent=1)},
        main=".taskmaster/tasks/tasks.json",
        mark='"title"',
        twice=('"id": 2', '"id": 1'),
        nowhere=("[\n     1\n", "[\n     9\n"),
        itself=("[\n     1\n", "[\n     2\n"),
    ),
    "finalized": Source(
        files={"session.json": json.dumps(FINALIZED, indent=1)},
        main="session.json",
        start="session.json",
        tasks=4,
        mark='"content"',
        twice=('"id": "R2"', '"id": "R1"'),
        nowhere=('"related_requirement": "R1"', '"related_requirement": "R9"'),
    ),
    "kiro": Source(
        files={
            ".kiro/specs/orchard/requirements.md": "# Requirements Document\n\n### Requirement 1\n\n#### Acceptance Criteria\n\n"
            "1. WHEN the soil is dry THEN the valve SHALL open\n",
            ".kiro/specs/orchard/tasks.md": "# Implementation Plan\n\n- [ ] 1. Read the sensor\n  - _Requirements: 1.1_\n"
            "- [x] 2. Open the valve\n  - depends on task 1\n- [ ] 3. Report\n",
        },
        main=".kiro/specs/orchard/tasks.md",
        start=".kiro/specs/orchard",
        mark="- [",
        twice=("] 2.", "] 1."),
        nowhere=("_Requirements: 1.1_", "_Requirements: 9.9_"),
    ),
    "openspec": Source(
        files={
            "openspec/changes/water/proposal.md": "# Change: Water\n\n## Why\n\nTrees are dry.\n\n## What Changes\n\n- valves\n",
            "openspec/changes/water/tasks.md": "## 1. Valves\n\n- [ ] 1.1 Read the sensor\n- [x] 1.2 Open the valve\n- [ ] 1.3 Report\n",
            "openspec/changes/water/specs/valve/spec.md": "## ADDED Requirements\n\n### Requirement: Opening\n\nThe valve SHALL open.\n\n"
            "#### Scenario: Dry\n\n- **WHEN** dry\n- **THEN** it opens\n",
        },
        main="openspec/changes/water/tasks.md",
        start="openspec/changes/water",
        mark="- [",
        twice=("1.2", "1.1"),
    ),
    "beads": Source(
        files={".beads/issues.jsonl": "".join(json.dumps(each) + "\n" for each in BEADS)},
        main=".beads/issues.jsonl",
        mark='{"id"',
        twice=('{"id": "ab-2"', '{"id": "ab-1"'),
        nowhere=('on_id": "ab-1"', 'on_id": "ab-9"'),
        itself=('on_id": "ab-1"', 'on_id": "ab-2"'),
    ),
    "spec-kitty": Source(
        files={
            "kitty-specs/001-orchard/spec.md": SPEC,
            "kitty-specs/001-orchard/tasks/WP01-a.md": "---\nwork_package_id: WP01\ntitle: Read the sensor\n---\n\nDo it.\n",
            "kitty-specs/001-orchard/tasks/WP02-b.md": "---\nwork_package_id: WP02\ntitle: Open the valve\nlane: planned\n"
            "dependencies: [WP01]\nsubtasks: [T001]\nrequirement_refs: [FR-001]\nowned_files: [src/valve.py]\n---\n\nDo it.\n",
        },
        main="kitty-specs/001-orchard/tasks/WP02-b.md",
        tasks=2,
        mark="work_package_id",
        twice=("work_package_id: WP02", "work_package_id: WP01"),
        nowhere=("[WP01]", "[WP09]"),
        itself=("[WP01]", "[WP02]"),
    ),
    "markdown": Source(
        files={"notes.md": "# Orchard\n\n## Work\n\n- [ ] Read the sensor\n- [ ] Open the valve\n- [x] Report\n"},
        main="notes.md",
        start="notes.md",
        mark="- [",
    ),
}
ANY = pytest.mark.parametrize("format", SOURCES)


@frozen
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def plan(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.stdout)
        return document


def written(format: str, folder: Path) -> tuple[Path, Path]:
    """The sound source below a folder: what is given to the command, and the file that a test damages."""
    source = SOURCES[format]
    for name, text in source.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / source.start, folder / source.main


def planned(start: Path) -> Ended:
    """``plan START --json`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["plan", str(start), "--json"])
    assert isinstance(ended.value.code, int)
    return Ended(ended.value.code, out.getvalue(), err.getvalue())


#: The command line in a process that says at its end how much memory it had: the peak of its own address space
#: (``ru_maxrss`` would count the parent, whose peak a forked child keeps across ``exec``).
_APART = """
import atexit, os, re
from agent_dispatcher.cli import main

def tell():
    with open("/proc/self/status") as status, open(os.environ["MEMORY_FILE"], "w") as file:
        file.write(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])

atexit.register(tell)
main()
"""


def planned_apart(start: Path) -> Ended:
    """The same in a process of its own, whose time and memory are bounded."""
    began = time.monotonic()
    told = start.parent / "memory.txt"
    with subprocess.Popen(
        [sys.executable, "-c", _APART, "plan", str(start), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "MEMORY_FILE": str(told)},
        text=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"still at work after {MOST_SECONDS} s")
    most = int(told.read_text())
    assert most < MOST_MEMORY_KB, f"{most} KB after {time.monotonic() - began:.1f} s"
    return Ended(process.returncode, out, err)


def assert_told(ended: Ended, name: str, *, line: bool = False) -> None:
    """A plan, or a refusal that names the file (and a line, where a line is to blame)."""
    assert ended.code in (0, 2, 3), ended.stderr
    assert "Traceback" not in ended.stderr
    if ended.code:
        assert ended.stderr.startswith("error: "), ended.stderr
        assert re.search(
            rf"{re.escape(Path(name).name)}(?::\d+)" if line else re.escape(Path(name).name), ended.stderr
        ), ended.stderr


@ANY
def test_sound(format: str, tmp_path: Path) -> None:
    """The sources are what the tests take them for: read by their format, with all their tasks and without a warning about them."""
    start, _ = written(format, tmp_path)

    ended = planned(start)

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.plan["specification"]["format"] == format
    assert len(ended.plan["tasks"]) == SOURCES[format].tasks


@ANY
def test_truncated(format: str, tmp_path: Path) -> None:
    """Cut off at any place, a source is refused with a place, or every task that is whole in it is planned."""
    start, file = written(format, tmp_path)
    whole = file.read_bytes()
    source = SOURCES[format]
    for at in sorted(random.Random(f"{format} cut").sample(range(len(whole)), min(50, len(whole)))):
        file.write_bytes(whole[:at])
        ended = planned(start)
        assert ended.code in (0, 3), (at, ended.stderr)
        assert_told(ended, source.start or source.main if ended.code and "known here" in ended.stderr else source.main)
        if ended.code == 0 and not source.json:
            left = whole[:at].decode().rpartition("\n")[0].count(source.mark)
            assert len(ended.plan["tasks"]) >= left, (at, ended.plan["warnings"])


def changed(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place of a document with a value of another sort in it."""
    for other in (None, True, -1, 1e30, 10**30, "", "\u202e \x7f", [], {}, [[]], [None], {"a": {"b": []}}):
        if type(other) is not type(document):
            yield path, other
    if isinstance(document, dict):
        for key, value in document.items():
            yield from changed(value, (*path, key))
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from changed(value, (*path, place))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize(
    ("format", "document"),
    [("native", NATIVE), ("task-master", MASTER), ("finalized", FINALIZED), ("beads", BEADS[1])],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_wrong_types(format: str, document: Any, tmp_path: Path) -> None:
    """A value of the wrong sort, wherever it stands, is told with its place or can be read as what was meant."""
    start, file = written(format, tmp_path)
    first, last = (json.dumps(BEADS[0]) + "\n", "\n" + json.dumps(BEADS[2])) if format == "beads" else ("", "")
    cases = list(changed(document))
    for path, value in random.Random(f"{format} sorts").sample(cases, min(40, len(cases))):
        text = json.dumps(replaced(document, path, value), indent=None if format == "beads" else 1)
        file.write_text(first + text + last, encoding="utf-8")
        ended = planned(start)
        assert ended.code in (0, 3), (path, value, ended.stderr)
        assert_told(ended, file.name)
        if ended.code == 0 and path:
            assert len(ended.plan["tasks"]) >= SOURCES[format].tasks or ended.plan["warnings"], (path, value)


def spoiled_front_matter() -> Iterator[tuple[str, str]]:
    text = SOURCES["spec-kitty"].files["kitty-specs/001-orchard/tasks/WP02-b.md"]
    for key in ("work_package_id", "title", "lane", "dependencies", "subtasks", "requirement_refs", "owned_files"):
        for value in ("", "true", "1e400", "[[]]", "[null, {a: b}]", "{a: [1]}"):
            yield f"{key}: {value}", re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text)


def test_wrong_types_in_front_matter(tmp_path: Path) -> None:
    """The same for the YAML of a work package."""
    start, file = written("spec-kitty", tmp_path)
    for case, text in spoiled_front_matter():
        file.write_text(text, encoding="utf-8")
        ended = planned(start)
        assert ended.code in (0, 3), (case, ended.stderr)
        assert_told(ended, file.name, line=True)
        if ended.code == 0:
            assert len(ended.plan["tasks"]) == 2, case


@pytest.mark.parametrize("damage", ["twice", "nowhere", "itself"])
@ANY
def test_references(format: str, damage: str, tmp_path: Path) -> None:
    """An id that is taken twice, a reference to nothing and a task that waits for itself: refused, or told with the line while all tasks stay."""
    source = SOURCES[format]
    old, new = getattr(source, damage)
    if not old:
        pytest.skip(f"{format} has no words for this")
    start, file = written(format, tmp_path)
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")

    ended = planned(start)

    assert_told(ended, file.name, line=True)
    if ended.code == 0:
        told = [each for each in ended.plan["warnings"] if re.search(rf"{re.escape(file.name)}:\d+", each)]
        assert told, ended.plan["warnings"]
        lost = source.tasks - len(ended.plan["tasks"])
        assert lost == (1 if (format, damage) == ("beads", "twice") else 0)


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "CR": lambda data: data.replace(b"\n", b"\r"),
    "BOM": lambda data: b"\xef\xbb\xbf" + data,
    "no last line end": lambda data: data.rstrip(b"\n"),
    "trailing space": lambda data: data.replace(b"\n", b"  \n") + b"\n\n \n",
    "invalid UTF-8": lambda data: data[: len(data) // 2] + b"\xff\xfe\x80" + data[len(data) // 2 :],
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "Latin-1": lambda data: data.replace(b"Read", "Säge".encode("latin-1")).replace(b"Open", b"\xd6ffne"),
    "NUL": lambda data: data[: len(data) // 2] + b"\0" + data[len(data) // 2 :],
    "NUL only": lambda data: b"\0" * 100,
    "empty": lambda data: b"",
    "white": lambda data: b" \n\t\n",
    "binary": lambda data: random.Random(7).randbytes(5000),
    "control characters": lambda data: data.replace(b"sensor", b"sen\x07\x1b[31msor").replace(b"valve", b"val\x7fve"),
}
#: Damages after which every task can still be read.
READABLE = ("CRLF", "BOM", "no last line end", "trailing space")


@pytest.mark.parametrize("damage", BYTES)
@ANY
def test_bytes(format: str, damage: str, tmp_path: Path) -> None:
    """Line ends and a byte order mark change nothing; bytes that are no text are refused with file and line."""
    start, file = written(format, tmp_path)
    file.write_bytes(BYTES[damage](file.read_bytes()))

    ended = planned(start)

    assert ended.code in (0, 3), ended.stderr
    source = SOURCES[format]
    assert_told(ended, source.start or tmp_path.name if "known here" in ended.stderr else file.name)
    if damage in READABLE:
        assert ended.code == 0, ended.stderr
        assert len(ended.plan["tasks"]) == source.tasks
    if damage in ("invalid UTF-8", "NUL", "UTF-16", "NUL only") and "known here" not in ended.stderr:
        assert ended.code == 3 or ended.plan["warnings"]
    if "\x1b" in ended.stderr:
        pytest.fail("a control character of the source reached the terminal")


def long_line(source: Source) -> bytes:
    """The sound file with five megabytes in one line of its own kind."""
    data = source.files[source.main]
    for word in ("Read the sensor", "Open the valve", "A valve opens"):
        if word in data:
            return data.replace(word, word + " x" * 2_400_000, 1).encode()
    raise AssertionError("the source has no text to make longer")


def deep(source: Source) -> bytes:
    """Nesting of a hundred thousand levels, in the notation of the file."""
    data = source.files[source.main]
    if source.json:
        return (
            data.replace('"Read the sensor"', "[" * 100_000, 1)
            .replace('"A valve opens when', "[" * 100_000, 1)
            .encode()
        )
    if data.startswith("---"):
        return data.replace("dependencies: [WP01]", "dependencies: " + "[" * 100_000).encode()
    return (data + "".join(" " * min(each, 400) + "- [ ] deeper\n" for each in range(1000)) + ">" * 100_000).encode()


def huge_numbers(source: Source) -> bytes:
    data = source.files[source.main]
    if source.json:
        return re.sub(r"(: )(\d+|\"(?:high|R1|ab-1|T1)\")", rf"\g<1>{'9' * 5000}", data, count=1).encode()
    return re.sub(r"\d+", "9" * 5000, data).encode()


HEAVY: dict[str, Callable[[Source], bytes]] = {
    "5 MB line": long_line,
    "deep": deep,
    "huge numbers": huge_numbers,
    "many brackets": lambda source: (source.files[source.main] + "\n" + "[" * 200_000 + "](" * 1000).encode(),
    "many stars": lambda source: (source.files[source.main] + "\n- [ ] " + "*_`" * 100_000).encode(),
}

#: Where memory counts, and time is not the test's own.
APART = ("5 MB line", "deep")


@pytest.mark.parametrize("damage", HEAVY)
@ANY
def test_heavy(format: str, damage: str, tmp_path: Path) -> None:
    """What was made to keep a parser busy ends soon, in bounded memory, with a plan or a refusal that has a place."""
    start, file = written(format, tmp_path)
    file.write_bytes(HEAVY[damage](SOURCES[format]))

    ended = planned_apart(start) if damage in APART else planned(start)

    assert_told(ended, file.name if "known here" not in ended.stderr else SOURCES[format].start or tmp_path.name)
    if ended.code == 0:
        plan = ended.plan
        assert len(plan["tasks"]) >= SOURCES[format].tasks or plan["warnings"]


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def unreadable(file: Path) -> None:
    file.chmod(0)


def loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


@pytest.mark.parametrize("instead", [folder, unreadable, loop, dangling, fifo, device], ids=lambda each: each.__name__)
@ANY
def test_no_file(format: str, instead: Callable[[Path], None], tmp_path: Path) -> None:
    """A folder, a link to itself, a pipe or a device in the place of a file is never waited for."""
    if instead is unreadable and os.geteuid() == 0:
        pytest.skip("nothing is unreadable for root")
    start, file = written(format, tmp_path)
    instead(file)

    ended = planned(start)

    assert ended.code in (0, 2, 3), ended.stderr
    assert "Traceback" not in ended.stderr
    if ended.code == 0:
        assert len(ended.plan["tasks"]) >= SOURCES[format].tasks or ended.plan["warnings"]
    else:
        assert ended.stderr.startswith("error: ")


@ANY
def test_loop_of_folders(format: str, tmp_path: Path) -> None:
    """A link that leads to a folder above is not followed for ever."""
    start, file = written(format, tmp_path)
    (file.parent / "again").symlink_to(tmp_path, target_is_directory=True)

    ended = planned(start)

    assert ended.code == 0, ended.stderr
    assert len(ended.plan["tasks"]) == SOURCES[format].tasks
