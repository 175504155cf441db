"""Runs are removed whole, by their owner alone, and never with work that is nowhere else."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.cli.main import main
from agent_dispatcher.extension import AgentType, Lease, hookimpl
from agent_dispatcher.models import Task
from agent_dispatcher.runs.pruning import Choice
from agent_dispatcher_builtins.stores.sql import SqlStore

CHOSEN = Choice(statuses=frozenset({"completed", "failed", "paused", "executing", "gone"}))


class Writer(BaseAgent):
    """Writes a file named after the task; is quiet, or fails, where the title says so."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        if "quiet" not in task.title:
            context.workspace.write_text(f"{task.title[:9]}.txt", task.title)
        if "fail" in task.title:
            return AgentResult(status="failed", error="as told", permanent=True)
        return AgentResult(status="done")


class Plugin:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        yield AgentType(
            name="writer",
            summary="Writes.",
            factory=lambda options, services: Writer(),
            task_types=["*"],
            default_rank=0,
        )


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "agent-dispatcher"


def dispatcher(**config: Any) -> AgentDispatcher:
    return AgentDispatcher(config, plugins=[("writer", Plugin())])


def ran(output: Path, *titles: str, workspace: str = "none", **options: Any) -> str:
    """A run of tasks that do not depend on each other; its id."""
    ready = dispatcher(use={"workspace": workspace})
    tasks = [{"id": f"t{number}", "title": title, "type": "odd_job"} for number, title in enumerate(titles)]
    return ready.execute(ready.plan_tasks(tasks), output=output, **options).run


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


def prune(output: Path | None = None, choice: Choice = CHOSEN, **options: Any) -> dict[str, tuple[str, str]]:
    """Run to (outcome, why)."""
    pruner = dispatcher().pruner
    done = asyncio.run(pruner.prune(pruner.candidates(choice, output), **options))
    return {each.run: (each.outcome, " ".join(each.why)) for each in done}


def traces(root: Path, run: str) -> list[str]:
    """Files that have the run's id in their name or content; a database counts by its rows."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.name == "state.db":
            with closing(sqlite3.connect(path)) as database:
                found += [f"{path}: {row}" for row in database.execute("SELECT * FROM runs WHERE run = ?", (run,))]
                found += [f"{path}: blob" for _ in database.execute("SELECT 1 FROM blobs")]
        elif path.is_file() and "objects" not in path.parts and (run in str(path) or run.encode() in path.read_bytes()):
            found.append(str(path))
    return found


@pytest.mark.parametrize("workspace", ["none", "git"])
def test_nothing_is_left_of_a_run(tmp_path: Path, workspace: str) -> None:
    """Events, blobs, report, checkpoints, refs, notes, what was learned, the index: all gone; what the run made stays."""
    run = ran(tmp_path / "out", "one", "two", workspace=workspace)
    points = tmp_path / "out/.dispatcher/checkpoints"
    points.mkdir(exist_ok=True)
    (points / f"{run}-00000007.zip").write_text(run)
    assert len(traces(tmp_path, run)) > 4
    assert prune(dry_run=True) == {run: ("would_be_removed", "")}
    assert len(traces(tmp_path, run)) > 4
    assert prune() == {run: ("removed", "")}
    left = [trace for trace in traces(tmp_path, run) if "/.git/logs/" not in trace]
    assert left == []
    assert (tmp_path / "out/one.txt").read_text() == "one"
    if workspace == "git":
        assert git(tmp_path / "out", "for-each-ref", "--format=%(refname)") == "refs/heads/main"
        assert git(tmp_path / "out", "fsck", "--strict", "--connectivity-only", "--no-dangling") == ""
    assert prune() == {}


def test_landed_work_that_nobody_merged_is_kept(tmp_path: Path) -> None:
    """A run whose branch holds commits of its own stays, with what to do; merged, it goes; forced, it goes anyway."""
    output = repository(tmp_path / "repo")
    run = ran(output, "one", workspace="git")
    before = git(output, "for-each-ref")
    outcome, why = prune()[run]
    assert outcome == "kept" and f"git merge dispatcher/{run}" in why
    assert git(output, "for-each-ref") == before
    git(output, "merge", "-q", f"dispatcher/{run}")
    other = ran(output, "two", workspace="git")
    assert {run: "removed", other: "kept"} == {name: outcome for name, (outcome, _) in prune().items()}
    assert prune(force=True)[other][0] == "removed"
    assert git(output, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_sealed_work_that_never_landed_is_kept(tmp_path: Path) -> None:
    """Work under a ref of its own that no other ref reaches counts as work; the same commit under a branch of the user's does not keep the run."""
    output = repository(tmp_path / "repo")
    run = ran(output, "one", workspace="git")
    git(output, "merge", "-q", f"dispatcher/{run}")
    commit = git(
        output,
        "commit-tree",
        "HEAD^{tree}",
        "-p",
        "HEAD",
        "-m",
        f"x\n\nDispatcher-Run: {run}\nDispatcher-Task: t0\nDispatcher-Attempt: 2",
    )
    ref = f"refs/dispatcher/{run}/t0/2"
    git(output, "update-ref", ref, commit)
    outcome, why = prune()[run]
    assert outcome == "kept" and ref in why
    git(output, "branch", "rescued", commit)
    assert prune()[run] == ("removed", "")
    assert git(output, "rev-parse", "rescued") == commit


def test_rebased_work_does_not_keep_the_run(tmp_path: Path) -> None:
    """What landed on top of others has another commit than what was sealed: the same attempt on a branch of the user's is enough."""
    output = repository(tmp_path / "repo")
    run = ran(output, "one", "two", "three", workspace="git")
    sealed = git(output, "for-each-ref", "--format=%(refname)", f"refs/dispatcher/{run}").split()
    assert len(sealed) >= 2
    git(output, "merge", "-q", f"dispatcher/{run}")
    assert prune()[run] == ("removed", "")


def test_a_branch_that_is_checked_out_stays(tmp_path: Path) -> None:
    """Not even force removes the branch under somebody's feet, or anything else of that run."""
    output = repository(tmp_path / "repo")
    run = ran(output, "one", workspace="git")
    git(output, "checkout", "-q", f"dispatcher/{run}")
    outcome, why = prune(force=True)[run]
    assert outcome == "kept" and "is checked out" in why
    assert (output / ".dispatcher/runs" / run / "result.json").exists()


def test_a_live_run_is_never_removed(tmp_path: Path) -> None:
    """Not even by force, and nothing of it is touched; who is at work on it is said."""
    seen = []

    def at_start(run: str, output: Path) -> None:
        pruner = dispatcher().pruner
        work = pruner.prune(pruner.candidates(CHOSEN, output), force=True)
        try:  # whoever holds the run is asked first, so nothing in it waits: it can be carried out inside a running loop
            work.send(None)
            pytest.fail("something was looked at, or removed, before the lease")
        except StopIteration as ended:
            seen.extend((each.run, each.outcome, each.why[0]) for each in ended.value)
        assert git(output, "for-each-ref", "--format=%(refname)", f"refs/heads/dispatcher/{run}")

    run = ran(tmp_path / "out", "one", workspace="git", on_start=at_start)
    ((name, outcome, why),) = seen
    assert (name, outcome) == (run, "kept") and "is at work on it" in why
    assert dispatcher().result_of(run).status == "completed"


def test_nobody_takes_up_a_run_that_is_being_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease is held until nothing is left: a resume that waits for it to be given back finds no run, not half of one."""
    run = ran(tmp_path / "out", "one")
    taken_up = []
    release = SqlStore.release

    def released(store: SqlStore, lease: Lease) -> None:
        release(store, lease)
        if lease.owner == "prune":
            taken_up.append(store.acquire(lease.run, "resume"))

    monkeypatch.setattr(SqlStore, "release", released)
    assert prune(tmp_path / "out", force=True) == {run: ("removed", "")}
    assert (taken_up, traces(tmp_path, run)) == ([], [])


def test_who_was_taken_over_while_it_removes_a_run_goes_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prune that was frozen, and whose lease somebody took meanwhile, touches nothing of theirs."""
    run = ran(tmp_path / "out", "one", workspace="git")
    acquire = SqlStore.acquire

    def acquired(store: SqlStore, run: str, owner: str) -> Lease:
        lease = acquire(store, run, owner)
        store._execute("UPDATE runs SET owner = 'other', epoch = epoch + 1 WHERE run = ?", (run,))
        return lease

    monkeypatch.setattr(SqlStore, "acquire", acquired)
    ((outcome, why),) = prune(tmp_path / "out", force=True).values()
    assert outcome == "kept" and "was taken over by other" in why
    assert git(tmp_path / "out", "for-each-ref", "--format=%(refname)", f"refs/heads/dispatcher/{run}")
    assert (tmp_path / "out" / ".dispatcher" / "runs" / run).is_dir()


def test_choosing_by_age_count_and_status(tmp_path: Path) -> None:
    """Every condition holds at once; the newest are kept; without a status only runs that have ended are meant."""
    output = tmp_path / "out"
    runs = [ran(output, "one"), ran(output, "fail"), ran(output, "three")]
    pruner = dispatcher().pruner

    def meant(**conditions: Any) -> list[str]:
        return [each.run for each in pruner.candidates(Choice(**conditions), output, now=9e9)]

    assert meant() == meant(older_than_s=60.0) == runs
    assert meant(older_than_s=9e9) == []
    assert meant(keep=2) == runs[:1]
    assert meant(statuses=frozenset({"failed"})) == [runs[1]]
    assert meant(statuses=frozenset({"completed"}), keep=1) == [runs[0]]
    assert meant(runs=frozenset(runs[2:])) == runs[2:]
    with closing(sqlite3.connect(output / ".dispatcher/state.db")) as database, database:
        database.execute("UPDATE runs SET status = 'paused' WHERE run = ?", (runs[0],))
    assert meant() == runs[1:]


def test_a_plan_that_two_runs_share_stays_for_the_other(tmp_path: Path) -> None:
    """The same plan is kept once for two runs: pruning one leaves the other readable."""
    output = tmp_path / "out"
    first, second = ran(output, "quiet"), ran(output, "quiet")
    assert prune(output, Choice(runs=frozenset({first})))[first][0] == "removed"
    assert dispatcher().result_of(second, output).status == "completed"
    assert prune(output)[second][0] == "removed"


def test_what_is_gone_leaves_the_index(tmp_path: Path, state_home: Path) -> None:
    """A run whose output was deleted is forgotten when that is asked for, and not otherwise."""
    run = ran(tmp_path / "out", "one")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    assert prune(choice=Choice()) == {}
    assert prune(choice=Choice(statuses=frozenset({"gone"}))) == {run: ("removed", "")}
    assert [path for path in state_home.rglob("*") if run in path.name] == []


def test_room_is_given_back(tmp_path: Path) -> None:
    """The database of an output shrinks when most of it was removed."""
    output = tmp_path / "out"
    ran(output, *("x" * 20_000 for _ in range(20)))
    database = output / ".dispatcher/state.db"
    before = database.stat().st_size
    prune()
    assert database.stat().st_size < before / 2


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_the_command_says_what_it_does(tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    """``runs prune`` asks which runs are meant, prints JSON where wanted, and exits with 1 when a named run was kept."""
    output = repository(tmp_path / "repo")
    run = ran(output, "one", workspace="git")
    code, _, err = call("runs", "prune")
    assert code == 2 and "--older-than" in err
    code, _, err = call("runs", "prune", "--older-than", "soon")
    assert code == 2 and "30d" in err
    code, _, err = call("runs", "prune", "no-such-run")
    assert code == 2 and "no-such-run" in err
    code, out, _ = call("runs", "prune", "--older-than", "1d")
    assert (code, out) == (0, "no run is meant: nothing was removed\n")
    code, out, _ = call("runs", "prune", run, "--json")
    document = json.loads(out)
    assert code == 1 and document["runs"][0]["outcome"] == "kept" and "git merge" in document["runs"][0]["why"][0]
    code, out, _ = call("runs", "prune", run, "--force", "--output", output)
    assert code == 0 and "1 removed" in out
    code, out, _ = call("runs")
    assert run not in out
