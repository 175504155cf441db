"""A feature as a whole: where it is found, what each page gives, what is written back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import PathRefused, SpecificationError
from agent_dispatcher.models import Specification, Task
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.native import NativeFormat
from agent_dispatcher_builtins.specifications.paths import complete, named_paths
from agent_dispatcher_builtins.specifications.spec_kit.format import SpecKitFormat
from agent_dispatcher_builtins.specifications.spec_kit.options import SpecKitOptions

SPEC = """\
# Feature Specification: Loans *(draft)*

**Feature Branch**: `001-loans`
**Input**: User description: "lend books"

## User Scenarios & Testing *(mandatory)*

### User Story 1 - Lend a book (Priority: P1)

A librarian lends a book.

**Why this priority**: it is the point.

**Acceptance Scenarios**:

1. **Given** a book on the shelf, **When** it is lent,
   **Then** it is gone.
2. Given a lent book, when it is lent again, then that is refused.
3. It is simply pleasant.

### User Story 2 - Return (Priority: P3)

A member returns it.

### Edge Cases

- What if there is no book?
- What if it is [NEEDS CLARIFICATION: torn or lost?]

## Requirements *(mandatory)*

### Functional Requirements

- **FR-001**: Books MUST be lent
  for two weeks.
- **FR-002** (P1): Members [NEEDS CLARIFICATION: who is one?] MUST be known.
- **FR-001**: Said again, differently.
- FR-003: Without any bold.
- **NFR-001**: Fast.

### Key Entities *(include if feature involves data)*

- **Book**: a thing to read

## Success Criteria

- **SC-001**: 9 of 10 are happy

## Review & Acceptance Checklist

- [ ] No [NEEDS CLARIFICATION: x y z] markers remain
"""
PLAN = """\
# Implementation Plan: Loans

## Summary

Lend books.

## Technical Context

**Language/Version**: Python 3.12
**Primary Dependencies**: FastAPI,
SQLModel
- **Storage:** PostgreSQL
**Testing**: NEEDS CLARIFICATION

## Complexity Tracking
"""
TASKS = """\
# Tasks: Loans

## Phase 1: Setup

- [x] T001 Create `pyproject.toml`

## Phase 2: User Story 1 - Lend a book (Priority: P1)

- [ ] T002 [P] [US1] Write tests for lending in tests/test_lending.py
- [ ] T003 [P] Implement lending (FR-001, FR-009) in src/loans/lending.py
- [ ] T004 Unit tests for src/loans/clock.py in tests/unit/test_time.py
- [ ] T005 [P] Implement the clock in `src/loans/clock.py` per contracts/api.yaml
- [ ] T006 [P] Tests for T005 on a slow machine
- [~] T007 Document it in docs/loans.md
"""


@pytest.fixture
def feature(tmp_path: Path) -> Path:
    """A feature folder in a repository."""
    folder = tmp_path / "specs" / "001-loans"
    (folder / "contracts").mkdir(parents=True)
    for name, text in (("spec.md", SPEC), ("plan.md", PLAN), ("tasks.md", TASKS), ("contracts/api.yaml", "a: 1")):
        (folder / name).write_text(text)
    return folder


def load(source: Path) -> Specification:
    return SpecKitFormat().load(source)


def by_id(specification: Specification) -> Mapping[str, Task]:
    return {str(task.source_id): task for task in specification.tasks}


# --- where it is


def test_folder_files_and_repository_give_the_same(feature: Path) -> None:
    """The folder, each of its three files, and the repository that names it as the current feature."""
    root = feature.parents[1]
    (root / ".specify").mkdir()
    (root / ".specify" / "feature.json").write_text(json.dumps({"feature_directory": "specs/001-loans"}))
    sources = (
        feature,
        *(feature / name for name in ("spec.md", "plan.md", "tasks.md")),
        root,
        root / ".specify/feature.json",
    )
    spec_kit = SpecKitFormat()
    assert all(spec_kit.matches(source) > 1 for source in sources)
    assert len({load(source).digest for source in sources}) == 1
    assert {load(source).tasks for source in sources} == {load(feature).tasks}


@pytest.mark.parametrize("named", ["../elsewhere", "specs/002-gone", "/etc", "", 7])
def test_the_current_feature_is_in_the_repository(feature: Path, named: object) -> None:
    """A name that leads out of it, or nowhere, is refused with its place."""
    root = feature.parents[1]
    (root.parent / "elsewhere").mkdir(exist_ok=True)
    (root / ".specify").mkdir()
    (root / ".specify" / "feature.json").write_text(json.dumps({"feature_directory": named}))
    with pytest.raises(SpecificationError, match=r"^\.specify/feature\.json: "):
        load(root)


def test_other_folders_are_not_its_business(tmp_path: Path) -> None:
    """Neither a folder without its files, nor one of another format, nor a page of another name."""
    spec_kit = SpecKitFormat()
    assert spec_kit.matches(tmp_path) == 0
    (tmp_path / "tasks.md").write_text("# Implementation Plan\n\n- [ ] 1. Do it\n")
    (tmp_path / "requirements.md").write_text("# Requirements Document\n")
    assert spec_kit.matches(tmp_path) == 0
    (tmp_path / "readme.md").write_text("# Feature Specification: X")
    assert spec_kit.matches(tmp_path / "readme.md") == 0


def test_a_malformed_feature_still_matches(tmp_path: Path) -> None:
    """So that it is refused by the format that knows what is wrong."""
    (tmp_path / "spec.md").write_text("# Feature Specification: X\n")
    (tmp_path / "tasks.md").write_bytes(b"\xff\xfe\x00")
    assert SpecKitFormat().matches(tmp_path) > 1 > NativeFormat().matches(tmp_path)
    with pytest.raises(SpecificationError, match=r"tasks\.md:1"):
        load(tmp_path)


def test_a_list_without_tasks_is_refused(feature: Path) -> None:
    """With an example of a task."""
    (feature / "tasks.md").write_text("# Tasks\n\n- [ ] something\n```\n- [ ] T001 x\n```\n")
    with pytest.raises(SpecificationError, match=r"tasks\.md:1: there is no task in it .*- \[ \] T001"):
        load(feature)


# --- what the pages give


def test_requirements_with_their_lines(feature: Path) -> None:
    """Functional and other requirements, criteria, stories and edge cases, in the order of the file."""
    specification = load(feature)
    assert [(each.id, each.priority, each.source) for each in specification.requirements] == [
        ("US1", "high", "spec.md:8"),
        ("US2", "low", "spec.md:21"),
        ("EDGE-1", "medium", "spec.md:27"),
        ("EDGE-2", "medium", "spec.md:28"),
        ("FR-001", "medium", "spec.md:34"),
        ("FR-002", "medium", "spec.md:36"),
        ("FR-003", "medium", "spec.md:38"),
        ("NFR-001", "medium", "spec.md:39"),
        ("SC-001", "medium", "spec.md:47"),
    ]
    assert specification.requirement("FR-001").text == "Books MUST be lent for two weeks."
    assert specification.requirement("US1").text == "Lend a book: A librarian lends a book."
    assert any("spec.md:37: FR-001 stands twice" in warning for warning in specification.warnings)
    assert specification.glossary == {"Book": "a thing to read"}
    assert specification.title == "Loans *(draft)"


def test_scenarios_in_three_parts(feature: Path) -> None:
    """Bold or plain, on one line or two; one that is not in three parts is kept whole."""
    first, second, third = load(feature).requirement("US1").scenarios
    assert (first.given, first.when, first.then) == (("a book on the shelf",), ("it is lent",), ("it is gone.",))
    assert (second.given, second.then, second.source) == (("a lent book",), ("that is refused.",), "spec.md:18")
    assert (third.title, third.given) == ("It is simply pleasant.", ())


def test_the_plan_gives_facts(feature: Path) -> None:
    """Word for word, over several lines; what it leaves open is told. The other documents are named."""
    specification = load(feature)
    assert specification.facts == {
        "Language/Version": "Python 3.12",
        "Primary Dependencies": "FastAPI, SQLModel",
        "Storage": "PostgreSQL",
        "Testing": "NEEDS CLARIFICATION",
    }
    assert (specification.language, specification.summary) == ("python", "Lend books.")
    assert specification.documents == ("contracts/api.yaml",)
    assert "plan.md:13: the plan leaves this open: **Testing**: NEEDS CLARIFICATION" in specification.warnings


def test_open_questions_stop_a_run_but_not_a_plan(feature: Path) -> None:
    """Each with its place; checklists only speak of the marker; the user may decide to go on."""
    assert load(feature).blockers == (
        "spec.md:28: an open question: torn or lost?",
        "spec.md:36: an open question: who is one?",
    )
    dispatcher = AgentDispatcher(plugins=default_plugins(), discover=False)
    problems = dispatcher.problems(dispatcher.plan(feature), allow_partial=True, unsafe_no_sandbox=True)
    assert [str(problem) for problem in problems if "open question" in str(problem)] == [
        "spec.md:28: an open question: torn or lost? (settle it in the specification)",
        "spec.md:36: an open question: who is one? (settle it in the specification)",
    ]
    allowed = SpecKitFormat(SpecKitOptions(allow_open_questions=True)).load(feature)
    assert allowed.blockers == ()
    assert allowed.warnings[0] == "spec.md:28: an open question: torn or lost?"


def test_a_language_nobody_offers_is_planned_with_a_warning(feature: Path) -> None:
    """Planning needs no compiler."""
    (feature / "plan.md").write_text(PLAN.replace("Python 3.12", "Rust 1.80"))
    plan = AgentDispatcher(plugins=default_plugins(), discover=False).plan(feature)
    assert plan.specification.language == "rust"
    assert any("no plugin offers the language rust" in warning for warning in plan.warnings)


# --- tasks


def test_what_a_task_is(feature: Path) -> None:
    """Type, status, requirements by label and by name, priority of its story, files."""
    specification = load(feature)
    tasks = by_id(specification)
    assert {name: task.type for name, task in tasks.items()} == {
        "T001": "code_writing",
        "T002": "testing",
        "T003": "code_writing",
        "T004": "testing",
        "T005": "code_writing",
        "T006": "testing",
        "T007": "documentation",
    }
    assert [name for name, task in tasks.items() if task.status == "completed"] == ["T001"]
    assert tasks["T003"].requirements == ("US1", "FR-001")
    assert "tasks.md:10: T003 serves FR-009, which spec.md does not have" in specification.warnings
    assert "tasks.md:14: the box of T007 holds '~', which is taken for not done" in specification.warnings
    assert [tasks["T001"].priority, tasks["T002"].priority] == [0, 3]
    assert [(each.type, each.name) for each in tasks["T005"].produces] == [("path", "src/loans/clock.py")]
    assert [(each.type, each.name) for each in tasks["T005"].consumes] == [("path", "contracts/api.yaml")]
    assert len({task.id for task in specification.tasks}) == 7


def test_a_test_verifies_what_the_text_ties_it_to(feature: Path) -> None:
    """By the name of its file, by the file it names, by the task it names; only where the list leaves both free."""
    tasks = by_id(load(feature))
    ids = {name: task.id for name, task in tasks.items()}
    assert tasks["T002"].verifies == (ids["T003"],)
    assert tasks["T004"].verifies == (ids["T005"],)
    assert tasks["T006"].verifies == (ids["T005"],)
    text = TASKS.replace("T003 [P]", "T003").replace("T002 [P]", "T002")
    (feature / "tasks.md").write_text(text)
    assert by_id(load(feature))["T002"].verifies == ()


def test_ids_stay_when_boxes_and_neighbours_change(feature: Path) -> None:
    """So that plans can be compared."""
    before = {name: task.id for name, task in by_id(load(feature)).items()}
    (feature / "tasks.md").write_text(TASKS.replace("[ ]", "[x]").replace("- [x] T001 Create `pyproject.toml`\n", ""))
    after = {name: task.id for name, task in by_id(load(feature)).items()}
    assert after == {name: task for name, task in before.items() if name != "T001"}


def test_an_id_of_two_tasks_is_told_and_both_are_planned(feature: Path) -> None:
    """What depends on it depends on both."""
    (feature / "tasks.md").write_text(TASKS + "- [ ] T002 Another\n- [ ] T008 Last (depends on T002)\n")
    specification = load(feature)
    assert [task.source_id for task in specification.tasks].count("T002") == 2
    assert len(by_id(specification)["T008"].depends_on) == 2
    assert any(warning.startswith("tasks.md:15: T002 is the id of two tasks") for warning in specification.warnings)


def test_what_is_struck_through_is_not_planned(feature: Path) -> None:
    """And that is told."""
    (feature / "tasks.md").write_text(TASKS + "- [ ] ~~T008 Dropped~~\n")
    assert "T008" not in by_id(load(feature))
    assert "tasks.md:15: T008 is struck through, so it is not planned" in load(feature).warnings


def test_a_range_in_front_of_a_text_is_no_task(feature: Path) -> None:
    """``T001-T005 done`` is a reminder."""
    (feature / "tasks.md").write_text(
        TASKS + "\n### T010-T012: more\n\n- [ ] T010–T012 reviewed\n- [ ] T010, T011 merged\n"
    )
    assert len(load(feature).tasks) == 7


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Create src/models/user.py and `src/b.ts`", ["src/models/user.py", "src/b.ts"]),
        ("Move `a/` to `./b/c.kt`.", ["b/c.kt"]),
        ("Speak HTTP/1.1 and/or TCP/IP, see https://x.org/a.md, POST /games/{id}/move", []),
        ("Use java.net.http, `HttpClient.Version.HTTP_3`, Node.js, e.g. app.use()", []),
        ("Windows: src\\core\\App.cs, `C:\\x\\y.cs`, /home/me/x.py, ../out.py", ["src/core/App.cs"]),
        ("Update README.md, package.json and Dockerfile", ["README.md", "package.json", "Dockerfile"]),
        ("In `app/[id]/page.tsx` and [the guide](docs/guide.md)", ["app/[id]/page.tsx", "docs/guide.md"]),
        ("Patterns `src/**/*.ts` and `src/{a,b}.ts`", []),
        ("See src/app.py:12 (src/b.py).", ["src/app.py", "src/b.py"]),
    ],
)
def test_files_in_a_text(text: str, names: list[str]) -> None:
    """What is a file of the repository, and what only looks like one."""
    assert [path.name for path in named_paths(text)] == names


def test_reading_is_not_writing() -> None:
    """By the word in front, or by what the whole task does; what is written anywhere is written."""
    paths = named_paths("Implement the client in src/client.py per contracts/api.yaml using src/http.py")
    assert [(path.name, path.reads) for path in paths] == [
        ("src/client.py", False),
        ("contracts/api.yaml", True),
        ("src/http.py", True),
    ]
    assert [path.reads for path in named_paths("Validate docs/quickstart.md")] == [True]
    assert [path.reads for path in named_paths("Validate docs/a.md, update docs/a.md")] == [False]


def test_bare_names_are_completed() -> None:
    """From the only path that ends so, wherever it stands; a name that fits two stays."""
    lists = [named_paths(each) for each in ("Create `src/a/User.kt`", "Update `User.kt`", "x/B.kt y/B.kt", "`B.kt`")]
    assert [[path.name for path in each] for each in complete(lists)] == [
        ["src/a/User.kt"],
        ["src/a/User.kt"],
        ["x/B.kt", "y/B.kt"],
        ["B.kt"],
    ]


# --- writing back


def test_only_named_boxes_change(feature: Path) -> None:
    """Line ends, trailing spaces, a byte order mark and permissions stay."""
    file = feature / "tasks.md"
    before = b"\xef\xbb\xbf" + TASKS.replace("\n", "  \r\n").encode()
    file.write_bytes(before)
    file.chmod(0o640)
    SpecKitFormat().write_status(feature, {"T003": "completed", "T001": "failed", "T404": "completed"})
    expected = before.replace(b"[x] T001", b"[ ] T001").replace(b"[ ] T003", b"[x] T003")
    assert file.read_bytes() == expected
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in feature.iterdir()) == ["contracts", "plan.md", "spec.md", "tasks.md"]


def test_a_finished_task_keeps_its_mark(feature: Path) -> None:
    """``[X]`` stays; new marks are written as the others are."""
    file = feature / "tasks.md"
    file.write_text(TASKS.replace("[x]", "[X]"))
    SpecKitFormat().write_status(feature, {"T001": "completed", "T002": "completed", "T007": "pending"})
    assert file.read_text() == TASKS.replace("[x]", "[X]").replace("[ ] T002", "[X] T002")


def test_nothing_to_change_writes_nothing(feature: Path) -> None:
    """Not even the time of the file."""
    before = (feature / "tasks.md").stat()
    SpecKitFormat().write_status(feature, {"T001": "completed"})
    after = (feature / "tasks.md").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_link_is_not_written_through(feature: Path, tmp_path: Path) -> None:
    """It would change another file than the one that is named."""
    (feature / "tasks.md").rename(tmp_path / "elsewhere.md")
    (feature / "tasks.md").symlink_to(tmp_path / "elsewhere.md")
    with pytest.raises(PathRefused):
        SpecKitFormat().write_status(feature, {"T002": "completed"})
    assert (tmp_path / "elsewhere.md").read_text() == TASKS


@pytest.mark.parametrize("filling", ["(", "[", " ", "*", "+", "a.", "`", "T001, ", "- [", "<!--", "depends on "])
def test_no_line_keeps_it_busy(feature: Path, filling: str) -> None:
    """Time grows with the text, whatever somebody fills a line with."""
    line = f"- [ ] T008 x {filling * (100_000 // len(filling))} y"
    (feature / "tasks.md").write_text(f"{TASKS}{line}\n\n## Dependencies\n\n{line.replace('[ ] ', '')}\n")
    begun = time.process_time()
    assert len(load(feature).tasks) == 8
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("**FR-001**: `slug(title)` MUST be short", "`slug(title)` MUST be short"),
        ("**FR-001:** **Members** MUST pay", "**Members** MUST pay"),
        ("**FR-001** - *Books* are lent", "*Books* are lent"),
    ],
)
def test_marks_at_the_beginning_belong_to_the_text(tmp_path: Path, line: str, text: str) -> None:
    """Those around the id are taken away with it; a requirement that begins with code or emphasis keeps both of its marks."""
    (tmp_path / "spec.md").write_text(f"# Feature Specification: X\n\n## Requirements\n\n- {line}\n")
    assert [each.text for each in load(tmp_path).requirements] == [text]
