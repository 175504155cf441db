"""A checkpoint is one file with all of a run: it goes on elsewhere where it stood, or is refused with the place that is wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.errors import ConfigError, StoreError, UsageError, WorkspaceError
from agent_dispatcher.extension import AgentType, hookimpl
from agent_dispatcher.models import Event, Task
from agent_dispatcher.runs.checkpoint_file import Checkpoint, Contents, read_checkpoint, write_checkpoint

#: An agent, as a file that two processes on "two machines" load.
AGENT = """
import sys
from agent_dispatcher.agents import AgentResult, BaseAgent
from agent_dispatcher.extension import AgentType, hookimpl

class Writer(BaseAgent):
    async def execute(self, task, context):
        with open(sys.argv[2], "a") as calls:
            calls.write(task.id + "\\n")
        context.workspace.write_text(f"{task.id}.txt", task.title)
        return AgentResult(status="done")

class Plugin:
    @hookimpl
    def dispatcher_agent_types(self):
        yield AgentType(name="writer", summary="w", factory=lambda o, s: Writer(), task_types=["*"], default_rank=0)
"""
RESUME = (
    AGENT
    + """
from agent_dispatcher import AgentDispatcher
ready = AgentDispatcher({"use": {"workspace": sys.argv[4]}}, plugins=[("writer", Plugin())])
result = ready.resume(sys.argv[1], output=sys.argv[3] or None)
print(result.status, result.output)
"""
)


class Writer(BaseAgent):
    """Writes a file named after the task; after ``stop_after`` tasks the run is paused."""

    done: int = 0

    def __init__(self, pause: Any, stop_after: int) -> None:
        self.pause, self.stop_after = pause, stop_after

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.workspace.write_text(f"{task.id}.txt", task.title)
        Writer.done += 1
        if Writer.done == self.stop_after:
            self.pause()
        return AgentResult(status="done")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def half_done(output: Path, workspace: str, **settings: Any) -> AgentDispatcher:
    """A chain of five tasks, paused after three."""
    found: list[Any] = []
    Writer.done = 0

    class Plugin:
        @hookimpl
        def dispatcher_agent_types(self) -> Iterator[AgentType]:
            yield AgentType(
                name="writer",
                summary="Writes.",
                factory=lambda options, services: Writer(lambda: found[0].pause(), 3),
                task_types=["*"],
                default_rank=0,
            )

    config = {"use": {"workspace": workspace}, "state_manager": settings}
    ready = AgentDispatcher(config, plugins=[("writer", Plugin())])
    tasks = [{"id": f"t{number}", "title": f"Task {number}", "type": "odd_job"} for number in range(5)]
    plan = ready.plan_tasks(tasks, [(f"t{number}", f"t{number + 1}") for number in range(4)], title="Chain")
    assert ready.execute(plan, output=output, on_coordinator=found.append).status == "paused"
    return ready


def elsewhere(tmp_path: Path, file: Path, output: Path, workspace: str) -> tuple[str, list[str]]:
    """Another machine: another home, another process that knows nothing but the file; what came of it, and the tasks that agents were given."""
    place = tmp_path / "elsewhere"
    place.mkdir(exist_ok=True)
    calls = place / "calls"
    calls.touch()
    env = {**os.environ, "HOME": str(place), "XDG_STATE_HOME": str(place / "state")}
    argv = [sys.executable, "-c", RESUME, str(file), str(calls), str(output), workspace]
    done = subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0], calls.read_text().split()


def git(folder: Path, *argv: str) -> str:
    argv = ("-c", "user.name=u", "-c", "user.email=u@x", *argv)
    return subprocess.run(["git", *argv], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "README").write_text("x")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "begin")
    return folder


@pytest.mark.parametrize("point", ["unpack.workspace:1", "unpack.recorded:1"])
def test_unpacking_that_was_killed_is_done_again(tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the log was recorded, the file is unpacked once more; killed after, the run is there."""
    ready = half_done(tmp_path / "out", "git")
    file = ready.checkpoint(output=tmp_path / "out", to=tmp_path / "moved.zip")
    output = tmp_path / "elsewhere" / "there"
    with pytest.raises(AssertionError):
        monkeypatch.setenv("AD_FAILPOINTS", point)
        elsewhere(tmp_path, file, output, "git")
    monkeypatch.delenv("AD_FAILPOINTS")
    again = file if "workspace" in point else ready.log_of(output=output).run
    assert elsewhere(tmp_path, Path(again), output, "git") == ("completed", ["t3", "t4"])


@pytest.mark.parametrize("workspace", ["none", "git"])
def test_a_run_goes_on_elsewhere_where_it_stood(tmp_path: Path, workspace: str) -> None:
    """With nothing but the file: what was done is there and not done again, the rest is done, and the log is one log."""
    ready = half_done(tmp_path / "out", workspace)
    file = ready.checkpoint(output=tmp_path / "out", to=tmp_path / "moved.zip")
    before = ready.log_of(output=tmp_path / "out").events
    shutil.rmtree(tmp_path / "out")
    output = tmp_path / "elsewhere" / "there"
    assert elsewhere(tmp_path, file, output, workspace) == ("completed", ["t3", "t4"])
    assert sorted(path.name for path in output.glob("*.txt")) == [f"t{number}.txt" for number in range(5)]
    events = ready.log_of(output=output).events
    assert events[: len(before)] == before
    assert Counter(event.type for event in events)["task.completed"] == 5
    if workspace == "git":
        assert git(output, "log", "--format=%s", "main").splitlines()[:5] == [f"Task {n}" for n in (4, 3, 2, 1, 0)]


def test_a_run_in_a_repository_goes_on_in_a_clone(tmp_path: Path) -> None:
    """The file has only what the clone cannot have; without a clone, or in one of something else, it is said what is missing, and nothing is made."""
    repository(tmp_path / "repo")
    (tmp_path / "repo" / "large.bin").write_bytes(random.Random(1).randbytes(400_000))
    git(tmp_path / "repo", "add", ".")
    git(tmp_path / "repo", "commit", "-q", "-m", "large")
    git(tmp_path, "clone", "-q", "repo", "clone")
    ready = half_done(tmp_path / "repo", "git")
    file = ready.checkpoint(output=tmp_path / "repo", to=tmp_path / "moved.zip")
    assert file.stat().st_size < 100_000
    other = AgentDispatcher({"use": {"workspace": "git"}})
    with pytest.raises(WorkspaceError, match="is none: clone it there"):
        other.unpack(file, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(WorkspaceError, match=r"has no commit .* fetch it"):
        other.unpack(file, repository(tmp_path / "wrong"))
    assert not (tmp_path / "wrong/.dispatcher").exists()
    shutil.rmtree(tmp_path / "repo")
    assert elsewhere(tmp_path, file, tmp_path / "clone", "git") == ("completed", ["t3", "t4"])
    run = ready.log_of(output=tmp_path / "clone").run
    assert len(git(tmp_path / "clone", "log", "--format=%H", f"main..dispatcher/{run}").split()) == 5


def test_an_automatic_checkpoint_is_enough(tmp_path: Path) -> None:
    """What is written from time to time can be resumed after its machine is gone, and only the newest two are kept."""

    class Slow(Writer):
        async def execute(self, task: Task, context: AgentContext) -> AgentResult:
            import asyncio

            await asyncio.sleep(0.5)
            return await super().execute(task, context)

    class Plugin:
        @hookimpl
        def dispatcher_agent_types(self) -> Iterator[AgentType]:
            yield AgentType(
                name="writer", summary="w", factory=lambda o, s: Slow(None, -1), task_types=["*"], default_rank=0
            )

    settings = {"auto_checkpoint_interval": 0.1, "checkpoint_dir": "points"}
    ready = AgentDispatcher({"use": {"workspace": "none"}, "state_manager": settings}, plugins=[("writer", Plugin())])
    tasks = [{"id": f"t{number}", "title": "T", "type": "odd_job"} for number in range(4)]
    plan = ready.plan_tasks(tasks, [(f"t{number}", f"t{number + 1}") for number in range(3)])
    assert ready.execute(plan, output=tmp_path / "out").status == "completed"
    points = tmp_path / "out/.dispatcher/points"
    files = sorted(points.glob("*.zip"))
    assert 1 <= len(files) <= 2 and sorted(points.iterdir()) == files
    shutil.copy(files[0], tmp_path / "rescued.zip")
    shutil.rmtree(tmp_path / "out")
    with read_checkpoint(tmp_path / "rescued.zip") as opened:
        done = {event.task for event in opened.contents.events if event.type == "task.completed"}
    status, calls = elsewhere(tmp_path, tmp_path / "rescued.zip", Path(), "none")
    assert status == "completed"
    # what landed between the last event and the packing of the work is found and not done again
    assert not done & set(calls) and len(calls) == len(set(calls))


def test_a_run_that_is_there_already_is_not_touched(tmp_path: Path) -> None:
    """Unpacking onto the run itself is refused, naming how it is resumed."""
    ready = half_done(tmp_path / "out", "none")
    file = ready.checkpoint(output=tmp_path / "out")
    assert file.parent == tmp_path / "out/.dispatcher/checkpoints"
    before = ready.log_of(output=tmp_path / "out").events
    with pytest.raises(UsageError, match=r"already: 'agent-dispatcher resume .*' goes on with it"):
        ready.unpack(file, tmp_path / "out")
    assert ready.log_of(output=tmp_path / "out").events == before


def test_another_workspace_and_other_files_are_refused(tmp_path: Path) -> None:
    """A run of one workspace is not taken up by another, and files of somebody else are not written over."""
    ready = half_done(tmp_path / "out", "none")
    file = ready.checkpoint(output=tmp_path / "out")
    with pytest.raises(ConfigError, match="works in the workspace 'none', here 'git' is active"):
        AgentDispatcher({"use": {"workspace": "git"}}).unpack(file, tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/t1.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="holds other files"):
        ready.unpack(file, tmp_path / "c")
    assert (tmp_path / "c/t1.txt").read_text() == "mine" and not (tmp_path / "c/.dispatcher").exists()


# --- the file alone ---------------------------------------------------------------------------------------------------


def small(path: Path) -> tuple[Checkpoint, Contents]:
    about = Checkpoint(run="r", seq=3, at=1.0)
    events = [Event(run="r", type="run.warning", at=float(n), seq=n, data={"text": f"text {n}"}) for n in (1, 2, 3)]
    contents = Contents(events=events, requests=[{"command": "approve"}])
    evidence = path.parent / "evidence"
    evidence.mkdir()
    (evidence / "log.txt").write_text("what the check said " * 20)
    write_checkpoint(path, about, contents, run_dir=evidence, workspace=None)
    return about, contents


def test_damage_is_never_used(tmp_path: Path) -> None:
    """Of 600 bit flips and cuts each is refused as damage of the file, or what is read is exactly what was written."""
    path = tmp_path / "c.zip"
    _, contents = small(path)
    whole, chance, harmless = path.read_bytes(), random.Random(7), 0
    for number in range(600):
        data = bytearray(whole)
        if number % 10:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        else:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            with read_checkpoint(path) as opened:
                assert list(opened.contents.events) == list(contents.events)
                assert opened.contents.requests == contents.requests
                opened.extract_run(tmp_path / "again")
            assert (tmp_path / "again/log.txt").read_bytes() == (tmp_path / "evidence/log.txt").read_bytes()
            harmless += 1
        except StoreError as error:
            assert str(path) in str(error)
    assert harmless < 200


def rewritten(path: Path, name: str, data: bytes) -> None:
    """The archive with another member, as somebody with a zip program makes it."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
        comment = archive.comment
    members[name] = data
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)
        archive.comment = comment


@pytest.mark.parametrize(
    ("name", "data", "place"),
    [
        ("log.jsonl", b"{}\n", "log.jsonl is not"),
        ("run/log.txt", b"x", "run/log.txt is not"),
        ("run/log.txt", b"x" * 400, "run/log.txt was altered"),
        ("extra", b"", "extra is missing, or does not belong"),
        ("checkpoint.json", b"{}", "checkpoint.json was altered"),
    ],
)
def test_a_changed_member_is_named(tmp_path: Path, name: str, data: bytes, place: str) -> None:
    """The refusal says which member of the file is not what was written."""
    path = tmp_path / "c.zip"
    small(path)
    rewritten(path, name, data)
    with pytest.raises(StoreError, match=place):
        read_checkpoint(path)


def test_a_forged_file_cannot_write_elsewhere(tmp_path: Path) -> None:
    """Names that lead out of the folder are refused, also in a file that is whole in itself."""
    import hashlib

    path = tmp_path / "c.zip"
    small(path)
    with zipfile.ZipFile(path) as archive:
        index = json.loads(archive.read("checkpoint.json"))
    index["members"]["run/../../out"] = {"size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    text = json.dumps(index).encode()
    rewritten(path, "checkpoint.json", text)
    rewritten(path, "run/../../out", b"x")
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = f"sha256:{hashlib.sha256(text).hexdigest()}".encode()
    with pytest.raises(StoreError, match=r"run/\.\./\.\./out .*'\.\.' is not allowed"):
        read_checkpoint(path)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    """Text, another archive, the file of a newer version: each is an error that says so."""
    path = tmp_path / "c.zip"
    path.write_text("no archive")
    with pytest.raises(StoreError, match="is no checkpoint"):
        read_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(StoreError, match=r"it has no checkpoint\.json"):
        read_checkpoint(path)
    import hashlib

    text = json.dumps({"format": "agent-dispatcher/checkpoint", "version": 9}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("checkpoint.json", text)
        archive.comment = f"sha256:{hashlib.sha256(text).hexdigest()}".encode()
    with pytest.raises(StoreError, match=r"version 9, this program knows up to 2: .*upgrade"):
        read_checkpoint(path)


def test_half_a_file_is_never_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that cannot be finished leaves the one before and no draft."""
    path = tmp_path / "c.zip"
    about, contents = small(path)
    before = path.read_bytes()

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(path, about, contents, run_dir=None, workspace=None)
    assert path.read_bytes() == before and not path.with_suffix(".tmp").exists()
