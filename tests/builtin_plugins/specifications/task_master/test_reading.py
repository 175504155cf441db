"""What a Task Master project means to the dispatcher, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import CycleError, PathRefused, SpecificationError
from agent_dispatcher.models import ArtifactRef, Specification
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.task_master.options import TaskMasterOptions
from agent_dispatcher_builtins.specifications.task_master.reader import TaskMasterFormat

Read = Callable[..., Specification]
TASK = {"id": 1, "title": "Build it"}
TAGS = {"master": {"tasks": [TASK]}, "next": {"tasks": [{"id": 7, "title": "Later"}]}}


def put(folder: Path, name: str, document: Any) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(document if isinstance(document, str) else json.dumps(document, indent=1), encoding="utf-8")
    return file


@pytest.mark.parametrize("place", [".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json"])
def test_every_place_is_found(place: str, tmp_path: Path) -> None:
    """The file itself and every folder from the project's root down to it mean the same tasks."""
    file = put(tmp_path, place, TAGS)
    format = TaskMasterFormat()
    sources = [file, *[folder for folder in file.parents if folder.is_relative_to(tmp_path)]]
    assert all(format.matches(source) >= 0.5 for source in sources)
    assert {format.load(source).tasks[0].source_id for source in sources} == {"1"}


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("package.json", {"name": "x"}),
        ("tasks.json", {"version": "2.0.0", "tasks": [{"label": "build", "command": "make"}]}),
        ("tasks.json", {"format": "agent-dispatcher/plan", "tasks": [TASK]}),
        ("tasks.yaml", "tasks: []"),
    ],
)
def test_other_files_are_left_to_others(name: str, document: Any, tmp_path: Path) -> None:
    """A manifest, an editor's build tasks and the dispatcher's own plans are not taken."""
    put(tmp_path, name, document)
    assert TaskMasterFormat().matches(tmp_path / name) == 0
    assert TaskMasterFormat().matches(tmp_path) == 0


def test_a_malformed_file_is_recognised_and_refused_with_its_place(tmp_path: Path) -> None:
    """A missing brace does not make it another format: the error says where it is."""
    file = put(tmp_path, "tasks.json", '{"master": {"tasks": [\n {"id": 1, "title": "a", "dependencies": []\n ]}}')
    assert TaskMasterFormat().matches(file) > 0
    with pytest.raises(SpecificationError, match=r"tasks\.json:3:2: malformed JSON"):
        TaskMasterFormat().load(file)


def test_tags_are_chosen_by_option_state_config_and_default(tmp_path: Path) -> None:
    """The option goes before the project's state, that before its configuration, that before ``master``; the other tags are named."""
    put(tmp_path, ".taskmaster/tasks/tasks.json", TAGS)

    def chosen(tag: str = "") -> tuple[str | None, str]:
        specification = TaskMasterFormat(TaskMasterOptions(tag=tag)).load(tmp_path)
        return specification.tasks[0].source_id, specification.warnings[0]

    name, warning = chosen()
    assert name == "1"
    assert "'master'" in warning and "next (1)" in warning
    put(tmp_path, ".taskmaster/config.json", {"global": {"defaultTag": "next"}})
    assert chosen()[0] == "7"
    put(tmp_path, ".taskmaster/state.json", {"currentTag": "master"})
    assert chosen()[0] == "1"
    assert chosen("next")[0] == "7"
    with pytest.raises(SpecificationError, match="there is no tag 'nxt'"):
        chosen("nxt")
    put(tmp_path, ".taskmaster/state.json", {"currentTag": "gone"})
    assert "'gone', which currentTag of .taskmaster/state.json names" in chosen()[1]


def test_an_empty_tag_names_the_others(read: Read) -> None:
    """A tag without tasks is refused, with the tags that have some."""
    with pytest.raises(SpecificationError, match=r"the tag 'master' has no tasks.*next \(1\)"):
        read({**TAGS, "master": {"tasks": []}})


@pytest.mark.parametrize("document", [{}, {"tasks": {"1": TASK}}, {"master": {"tasks": "none"}}, "3", {"tasks": ["a"]}])
def test_no_list_of_tasks_is_refused(document: Any, read: Read) -> None:
    """What holds no list of tasks is refused with a place."""
    with pytest.raises(SpecificationError, match=r"tasks\.json:\d+"):
        read(document)


def test_two_tasks_with_one_id_are_refused(read: Read) -> None:
    """Nobody could say which of them a dependency means: both places are named, whichever way the id is written."""
    with pytest.raises(SpecificationError) as caught:
        read({"tasks": [{"id": 1, "title": "a"}, {"id": "1", "title": "b"}]})
    [problem] = caught.value.problems
    assert problem.where == "tasks.json:8"
    assert "the task id 1 is taken twice, first at tasks.json:3" in problem.what


def test_a_cycle_is_told_with_the_place_of_each_dependency(tmp_path: Path) -> None:
    """Tasks that wait for each other cannot be planned; each edge of the circle is named with its line."""
    file = put(
        tmp_path,
        "tasks.json",
        {"tasks": [{"id": 1, "title": "a", "dependencies": [2]}, {"id": 2, "title": "b", "dependencies": [1]}]},
    )
    with pytest.raises(CycleError, match=r"tasks\.json:7: .*tasks\.json:14: |tasks\.json:14: (.|\n)*tasks\.json:7: "):
        AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(file)


def test_a_subtasks_dependency_on_another_task_holds_for_the_task(read: Read) -> None:
    """Steps are not scheduled, so the whole task waits; but never against an order that its tasks declare themselves."""
    specification = read(
        {
            "tasks": [
                {"id": 1, "title": "a", "subtasks": [{"id": 1, "title": "x", "dependencies": ["2.1"]}]},
                {"id": 2, "title": "b", "subtasks": [{"id": 1, "title": "y", "dependencies": [3, "1.1"]}]},
                {"id": 3, "title": "c"},
            ]
        }
    )
    names = {task.id: task.source_id for task in specification.tasks}
    waits = {task.source_id: [names[each.task] for each in task.depends_on] for task in specification.tasks}
    assert waits == {"1": ["2"], "2": ["3"], "3": []}
    assert any("a subtask of 2 waits for task 1, which itself waits for 2" in text for text in specification.warnings)


def test_a_subtask_that_is_not_there_still_names_its_task(read: Read) -> None:
    """A dependency on ``1.9`` of a task without such a subtask means task 1, and is told with its line."""
    specification = read({"tasks": [TASK, {"id": 2, "title": "b", "dependencies": ["1.9"]}]})
    assert [each.task for each in specification.tasks[1].depends_on] == [specification.tasks[0].id]
    assert specification.warnings == ("tasks.json:11: there is no subtask 1.9: taken as task 1",)


def test_everything_said_about_a_task_reaches_its_agent(read: Read) -> None:
    """Description, details, criteria, test strategy and each subtask's own text stand in the description."""
    [task] = read(
        {
            "tasks": [
                {
                    **TASK,
                    "description": "Short.",
                    "details": "Long\ntext.",
                    "testStrategy": "By hand.",
                    "acceptanceCriteria": ["it works", "it is quick"],
                    "subtasks": [{"id": 1, "title": "Part", "description": "of it", "details": "in detail"}],
                }
            ]
        }
    ).tasks
    assert task.description == (
        "Short.\n\nDetails:\nLong\ntext.\n\nAcceptance criteria:\n- it works\n- it is quick\n\n"
        "Test strategy:\nBy hand.\n\nSteps:\n1.1 Part\nof it\nin detail"
    )


def test_relevant_files_are_made_changed_or_read(read: Read) -> None:
    """``create`` produces, ``modify`` produces and consumes, ``reference`` consumes; a path that leads out is told and left out."""
    specification = read(
        {
            "tasks": [
                {
                    **TASK,
                    "relevantFiles": [
                        {"path": "src/new.py", "action": "create"},
                        {"path": "./src/old.py", "description": "old", "action": "modify"},
                        {"path": "docs\\api.md", "action": "reference"},
                        {"path": "../outside", "action": "create"},
                        {"path": "x", "action": "explode"},
                    ],
                }
            ]
        }
    )
    [task] = specification.tasks
    new, old, api = (ArtifactRef(type="path", name=name) for name in ("src/new.py", "src/old.py", "docs/api.md"))
    assert (task.produces, task.consumes) == ((new, old), (old, api))
    assert len([text for text in specification.warnings if "relevant file" in text]) == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"priority": "critical"}, {"priority": 2}),
        ({"priority": "low"}, {"priority": -1}),
        ({"complexity": 7}, {"complexity": 7.0}),
        ({"complexity": "12"}, {"complexity": 10.0}),
        ({"complexity": "medium"}, {"complexity": 5.0}),
        ({"category": "research"}, {"type": "research"}),
        ({"title": "Write unit tests for the parser"}, {"type": "testing"}),
        ({"title": None, "description": "First line.\nSecond."}, {"title": "First line."}),
        ({"title": None}, {"title": "Task 1"}),
    ],
    ids=str,
)
def test_fields_of_a_task(fields: dict[str, Any], expected: dict[str, Any], read: Read) -> None:
    """Priority, complexity and category keep their meaning; a missing title is made up from what is there."""
    [task] = read({"tasks": [{**TASK, **fields}]}).tasks
    assert {name: getattr(task, name) for name in expected} == expected


def test_what_is_not_understood_is_told_once_a_sort(read: Read) -> None:
    """An unknown key in every task is one warning with its first place and how often it is there."""
    specification = read({"tasks": [{"id": number, "title": "t", "mood": "good"} for number in range(1, 5)]})
    assert specification.warnings == (
        "tasks.json:6: the key 'mood' of a task is not understood and not used (and 3 more like it)",
    )


def test_the_document_beside_gives_title_and_summary_but_no_invented_requirements(read: Read) -> None:
    """Prose is a summary. Labelled requirements count only when a task names one, else nobody could say which task serves which."""
    prd = "# The **Great** Plan\n\nShort.\n\nThis product does many good things.\n\n- **FR-1**: It opens.\n- FR-12: It closes.\n"
    plain = read({"tasks": [TASK]}, prd=prd)
    assert (plain.title, plain.summary, plain.requirements) == (
        "The Great Plan",
        "This product does many good things.",
        (),
    )
    named = read({"tasks": [{**TASK, "details": "Serves FR-12."}, {"id": 2, "title": "b"}]}, prd=prd)
    assert [(each.id, each.text, each.source) for each in named.requirements] == [
        ("FR-1", "It opens.", "prd.txt:7"),
        ("FR-12", "It closes.", "prd.txt:8"),
    ]
    assert [task.requirements for task in named.tasks] == [("FR-12",), ()]


def test_ids_stay_with_their_content(read: Read) -> None:
    """A task's id in the plan does not change with its neighbours or its status."""
    first = read({"tasks": [TASK, {"id": 2, "title": "Other"}]}).tasks[0].id
    assert read({"tasks": [{"id": 9, "title": "New"}, {**TASK, "status": "done"}]}).tasks[1].id == first


def test_the_digest_is_of_all_that_was_read(read: Read) -> None:
    """A change of the tasks or of the document beside them is a change of the specification."""
    digests = {
        read({"tasks": [TASK]}).digest,
        read({"tasks": [TASK]}, prd="# A\n").digest,
        read({"tasks": [TASK]}, prd="# B\n").digest,
        read({"tasks": [{**TASK, "title": "Other"}]}).digest,
    }
    assert len(digests) == 4


def test_a_dict_is_read_like_a_file(read: Read) -> None:
    """What ``tasks.json`` would hold can be planned from memory."""
    dispatcher = AgentDispatcher({}, plugins=default_plugins(), discover=False)
    document = {"tasks": [TASK, {"id": 2, "title": "b", "dependencies": ["1"]}]}
    assert dispatcher.plan(document).tasks[1].depends_on[0].task == read(document).tasks[0].id


@pytest.mark.parametrize(
    ("status", "word", "expected"),
    [
        ("completed", "pending", "done"),
        ("skipped", "pending", "deferred"),
        ("cancelled", "pending", "cancelled"),
        ("in_progress", "pending", "in-progress"),
        ("pending", "done", "pending"),
        ("blocked", "pending", "blocked"),
        ("failed", "in-progress", "in-progress"),
        ("completed", "completed", "completed"),
        ("skipped", "cancelled", "cancelled"),
    ],
)
def test_words_that_are_written(status: str, word: str, expected: str, tmp_path: Path) -> None:
    """Each status in Task Master's own word; where the file says it already, or there is no word for it, nothing changes."""
    file = put(tmp_path, "tasks.json", {"tasks": [{**TASK, "status": word}]})
    TaskMasterFormat().write_status(file, {"1": status})
    assert json.loads(file.read_text())["tasks"][0]["status"] == expected


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """Neither a linked file nor a linked folder leads the writer to another place."""
    target = put(tmp_path / "elsewhere", "tasks.json", {"tasks": [TASK]})
    before = target.read_bytes()
    project = tmp_path / "project"
    (project / "tasks").mkdir(parents=True)
    (project / "tasks/tasks.json").symlink_to(target)
    with pytest.raises(PathRefused, match="it is a link"):
        TaskMasterFormat().write_status(project, {"1": "completed"})
    (project / "tasks/tasks.json").unlink()
    (project / "tasks").rmdir()
    (project / "tasks").symlink_to(target.parent)
    with pytest.raises(PathRefused, match="leads out of"):
        TaskMasterFormat().write_status(project, {"1": "completed"})
    assert target.read_bytes() == before


def test_permissions_stay(tmp_path: Path) -> None:
    """Who may read and write the file afterwards is who might before."""
    file = put(tmp_path, "tasks.json", {"tasks": [TASK]})
    file.chmod(0o640)
    TaskMasterFormat().write_status(file, {"1": "completed"})
    assert file.stat().st_mode & 0o777 == 0o640
