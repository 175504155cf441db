"""After a run its source says which tasks are finished: on the run's branch, and in the user's own copy only with ``--write-back``.

The command line is run in processes of its own, with an agent that a package brings along.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.errors import UsageError
from agent_dispatcher.models import Task
from agent_dispatcher_builtins import default_plugins

AGENT = """
from agent_dispatcher import AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, hookimpl

class Scribe(BaseAgent):
    async def execute(self, task, context):
        if "impossible" in task.title:
            return AgentResult(status="failed", error="it is impossible", permanent=True)
        context.workspace.write_text(f"notes/{task.source_id}.txt", task.title + chr(10))
        return AgentResult(status="done", summary="wrote a note")

@hookimpl
def dispatcher_agent_types():
    yield AgentType(name="scribe", summary="Writes notes.", factory=lambda o, s: Scribe(), task_types={"*"}, default_rank=1)
"""
TASKS = (
    '{\r\n  "tasks": [\r\n'
    '    {"id": 1, "title": "First", "status": "pending",   "dependencies": [] },\r\n'
    '\t{"id": 2, "title": "Second", "dependencies": [1], "subtasks": [{"id": 1, "title": "x", "status": "pending"}]},\r\n'
    '    {"id": 3, "title": "Third",\r\n     "status":"in-progress", "dependencies": ["2.1"]}\r\n  ]\r\n}'
)
DONE = (
    TASKS.replace('"pending"', '"done"')
    .replace('"in-progress"', '"done"')
    .replace('{"id": 2', '{"status": "done", "id": 2')
)


@frozen
class Ended:
    code: int
    stdout: str
    stderr: str


Dispatch = Callable[..., Ended]


@pytest.fixture
def dispatch(tmp_path: Path) -> Dispatch:
    """The command line as a user has it, with the agent's package installed."""
    site = tmp_path / "site"
    info = site / "scribe-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "scribe.py").write_text(AGENT, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scribe\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[agent_dispatcher.plugins]\nscribe = scribe\n", encoding="utf-8")

    def run(*arguments: str | Path, cwd: Path = tmp_path, agent: bool = True, failpoints: str = "") -> Ended:
        (tmp_path / "home").mkdir(exist_ok=True)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "LANG": "C.UTF-8",
            "AD_FAILPOINTS": failpoints,
            **({"PYTHONPATH": str(site)} if agent else {}),
        }
        command = [sys.executable, "-m", "agent_dispatcher", *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


def git(folder: Path, *arguments: str) -> bytes:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True).stdout


def repository(folder: Path, tasks: str = TASKS, *, track: bool = True) -> Path:
    """A repository with the task list in it."""
    file = folder / ".taskmaster" / "tasks" / "tasks.json"
    file.parent.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "work")
    git(folder, "config", "core.autocrlf", "false")
    (folder / "kept.txt").write_text("kept\n", encoding="utf-8")
    if track:
        file.write_text(tasks, encoding="utf-8", newline="")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    file.write_text(tasks, encoding="utf-8", newline="")
    return file


def run_branch(folder: Path) -> str:
    [branch] = git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads/dispatcher").decode().split()
    return branch


def on_branch(folder: Path) -> str:
    return git(folder, "show", f"{run_branch(folder)}:.taskmaster/tasks/tasks.json").decode()


def test_the_last_commit_of_the_branch_says_what_is_finished(dispatch: Dispatch, tmp_path: Path) -> None:
    """One commit on top of the tasks' changes the statuses and nothing else, names the run and no task; the user's copy is as it was."""
    project = tmp_path / "project"
    file = repository(project)
    ended = dispatch("run", ".", "--output", ".", "--json", "--unsafe-no-sandbox", cwd=project)
    assert ended.code == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["warnings"] == []
    assert on_branch(project) == DONE
    branch = run_branch(project)
    assert git(project, "rev-parse", branch).decode().strip() == result["commit"]
    message = git(project, "log", "-1", "--format=%B", branch).decode()
    assert message.startswith("Statuses of finished tasks\n")
    assert [line for line in message.splitlines() if line.startswith("Dispatcher-")] == [
        f"Dispatcher-Run: {result['run']}"
    ]
    assert git(project, "diff", "--name-only", f"{branch}~1", branch).decode().split() == [
        ".taskmaster/tasks/tasks.json"
    ]
    assert git(project, "rev-list", "--count", f"work..{branch}").strip() == b"4"
    assert file.read_bytes().decode() == TASKS
    assert git(project, "status", "--porcelain") == b""
    assert git(project, "for-each-ref", "refs/dispatcher") == b""


def test_a_task_without_a_name_of_its_own_is_ticked_off(dispatch: Dispatch, tmp_path: Path) -> None:
    """A check box of any document goes by its id in the plan, on the branch and in the user's copy; what was ticked stays so."""
    project = tmp_path / "project"
    repository(project)
    document = project / "todo.md"
    document.write_text("# Garden\r\n\r\n- [x] Dig\r\n- [ ] Sow\r\n", encoding="utf-8", newline="")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "a list")
    ended = dispatch("run", document, "--output", project, "--write-back", "--unsafe-no-sandbox")
    assert ended.code == 0, ended.stderr
    assert document.read_bytes() == b"# Garden\r\n\r\n- [x] Dig\r\n- [x] Sow\r\n"
    assert git(project, "show", f"{run_branch(project)}:todo.md") == document.read_bytes()


def test_write_back_sets_the_users_copy_too(dispatch: Dispatch, tmp_path: Path) -> None:
    """With the flag the file the plan was made from has the same bytes as the branch."""
    project = tmp_path / "project"
    file = repository(project)
    ended = dispatch("run", file, "--output", project, "--write-back", "--unsafe-no-sandbox")
    assert ended.code == 0, ended.stderr
    assert on_branch(project) == file.read_bytes().decode() == DONE
    again = dispatch("run", file, "--output", project, "--unsafe-no-sandbox")
    assert (again.code, "nothing to do" in again.stdout) == (0, True)


@pytest.mark.parametrize("flag", [(), ("--write-back",)], ids=["without", "with"])
def test_a_source_elsewhere_is_written_only_when_asked(
    flag: tuple[str, ...], dispatch: Dispatch, tmp_path: Path
) -> None:
    """A new repository gets no commit about a file it does not have; the file changes only with the flag."""
    file = tmp_path / "tasks.json"
    file.write_text(TASKS, encoding="utf-8", newline="")
    ended = dispatch("run", file, "--output", tmp_path / "new", "--unsafe-no-sandbox", *flag)
    assert ended.code == 0, ended.stderr
    assert file.read_bytes().decode() == (DONE if flag else TASKS)
    assert b"Statuses" not in git(tmp_path / "new", "log", "--format=%s", "main")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [".dispatcher", ".git", "notes"]


def test_only_what_is_finished_is_said_to_be(dispatch: Dispatch, tmp_path: Path) -> None:
    """A task that failed, and what waits for it, stay open; what was finished before it is done."""
    project = tmp_path / "project"
    file = repository(project, TASKS.replace("Second", "Second, impossible"))
    ended = dispatch("run", project, "--output", project, "--write-back", "--unsafe-no-sandbox")
    assert ended.code == 1
    expected = TASKS.replace("Second", "Second, impossible").replace('"pending",   ', '"done",   ')
    assert on_branch(project) == file.read_bytes().decode() == expected


@pytest.mark.parametrize("point", ["statuses.land:1", "statuses.landed:1", "statuses.write:1"])
def test_a_killed_run_writes_it_when_it_is_resumed(point: str, dispatch: Dispatch, tmp_path: Path) -> None:
    """Wherever the process is killed, and from whichever folder the run is resumed, both copies end up right, with one commit."""
    project = tmp_path / "project"
    file = repository(project)
    first = dispatch("run", ".", "-o", ".", "--write-back", "--unsafe-no-sandbox", cwd=project, failpoints=point)
    assert first.code == -9
    second = dispatch("resume", "--output", project, "--unsafe-no-sandbox", cwd=tmp_path)
    assert second.code == 0, second.stderr
    assert on_branch(project) == file.read_bytes().decode() == DONE
    subjects = git(project, "log", "--format=%s", run_branch(project)).decode().splitlines()
    assert subjects.count("Statuses of finished tasks") == 1


def test_a_source_that_is_not_committed_is_told(dispatch: Dispatch, tmp_path: Path) -> None:
    """The branch cannot say anything in a file it does not have: a warning says what to do, and nothing is added."""
    project = tmp_path / "project"
    file = repository(project, track=False)
    ended = dispatch("run", file, "--output", project, "--json", "--unsafe-no-sandbox")
    assert ended.code == 0, ended.stderr
    assert any("is not in the last commit" in text for text in json.loads(ended.stdout)["warnings"])
    assert b"tasks.json" not in git(project, "ls-tree", "-r", "--name-only", run_branch(project))
    assert file.read_bytes().decode() == TASKS


@pytest.mark.parametrize("replaced", [False, True], ids=["as-committed", "replaced-by-the-user"])
def test_a_link_in_the_repository_leads_nowhere(replaced: bool, dispatch: Dispatch, tmp_path: Path) -> None:
    """A folder of the repository that is a link to somewhere else is not written through, and the run goes on without it."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "tasks.json").write_text(TASKS, encoding="utf-8", newline="")
    project.mkdir()
    git(project, "init", "-q", "-b", "work")
    (project / "tasks").symlink_to(elsewhere)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "first")
    source = project
    if replaced:
        (project / "tasks").unlink()
        shutil.copytree(elsewhere, project / "tasks")
        source = project / "tasks" / "tasks.json"
    ended = dispatch("run", source, "--output", project, "--json", "--unsafe-no-sandbox")
    assert ended.code == 0, ended.stderr
    assert any("leads out of" in text for text in json.loads(ended.stdout)["warnings"])
    assert (elsewhere / "tasks.json").read_bytes().decode() == TASKS


def test_a_format_without_statuses_refuses_the_flag(tmp_path: Path) -> None:
    """Asking for what a source cannot say is wrong usage, told before anything is made."""
    dispatcher = AgentDispatcher({}, plugins=default_plugins(), discover=False)
    plan = dispatcher.plan_tasks([Task(id="a", title="A")])
    with pytest.raises(UsageError, match="--write-back"):
        dispatcher.execute(plan, output=tmp_path / "out", write_back=True)
    assert not (tmp_path / "out").exists()


def test_samples_finished_and_open_without_an_agent(dispatch: Dispatch, tmp_path: Path) -> None:
    """A list of which everything is finished has nothing to do; one that nobody here can do is refused, and nothing is left behind."""
    samples = Path(__file__).parents[4] / "shared" / "specs" / "taskmaster"
    if not samples.is_dir():
        pytest.skip(f"there are no samples in {samples}")
    for sample in sorted(samples.iterdir()):
        folder = tmp_path / sample.name
        shutil.copytree(sample, folder)
        file = folder / "tasks.json"
        text = file.read_text(encoding="utf-8")
        for word, code, said in (("done", 0, "nothing to do"), ("pending", 3, "cannot be run")):
            changed = text
            for other in ("done", "completed", "in-progress", "pending"):
                changed = changed.replace(f'"status": "{other}"', f'"status": "{word}"')
            file.write_text(changed, encoding="utf-8")
            ended = dispatch("run", folder, "--output", tmp_path / "out", agent=False)
            assert (ended.code, said in ended.stdout + ended.stderr) == (code, True), ended
            assert "Traceback" not in ended.stderr
            assert {path.name for path in (tmp_path / "out").glob("*")} <= {".dispatcher"}
