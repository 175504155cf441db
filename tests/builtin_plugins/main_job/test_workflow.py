"""Workflow and approval end to end: own task types, follow-up tasks, a person who is asked, and requests to a live run."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, SyncAgent
from agent_dispatcher.coordination.coordinator import Coordinator
from agent_dispatcher.extension import AgentType, CheckContext, Component, DispatcherSpecs, hookimpl
from agent_dispatcher.models import Evidence, ExecutionPlan, ExecutionResult, Task
from agent_dispatcher_builtins import default_plugins

SPECIFICATION = {
    "format": "agent-dispatcher/specification",
    "version": 1,
    "title": "Shelf",
    "requirements": [
        {"id": "R1", "text": "The system shall implement a shelf that holds boxes."},
        {"id": "R2", "text": "The system shall implement a scale that weighs parcels."},
    ],
}


class Writer(SyncAgent):
    """Writes a file named after its task, once it is let go on."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        self._team.seen.append((task.type, self._team.names[id(self)], context.attempt, context.feedback))
        if self._team.before is not None:
            self._team.before(task, context.attempt)
        context.workspace.write_text(f"{task.id}.txt", f"attempt {context.attempt}\n")
        return AgentResult(status="done", summary=f"wrote {task.id}.txt")


class Signed:
    """A check that passes what was made in a second attempt."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        return True

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        assert task is not None
        self._team.checked.append((task.type, context.attempt))
        passed = context.attempt >= self._team.signed_from
        return Evidence(id="x", check="signed", passed=passed, summary="signed" if passed else "not signed")


class Team(DispatcherSpecs):
    """A plugin with two agent types that write, and a check that is active for nobody who does not ask for it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int, str]] = []
        self.checked: list[tuple[str, int]] = []
        self.names: dict[int, str] = {}
        self.before: Callable[[Task, int], None] | None = None
        self.signed_from = 1

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        yield AgentType(
            name="writer",
            summary="Writes.",
            factory=self._make("writer"),
            task_types={"code_writing", "testing"},
            default_rank=1,
        )
        yield AgentType(
            name="auditor", summary="Looks.", factory=self._make("auditor"), task_types={"review"}, default_rank=2
        )

    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        yield Component("signed", "Signed or not.", lambda options, services: Signed(self))

    def _make(self, name: str) -> Callable[[Any, Any], Writer]:
        def make(options: Any, services: Any) -> Writer:
            agent = Writer(self)
            self.names[id(agent)] = name
            return agent

        return make


@pytest.fixture
def team() -> Team:
    return Team()


@pytest.fixture
def dispatcher_with(team: Team) -> Callable[..., AgentDispatcher]:
    """A dispatcher with the team and the builtins, in which nothing but the team's check is ever run."""

    def make(config: dict[str, Any]) -> AgentDispatcher:
        base = {"use": {"checks": [], "agent_types": ["writer", "auditor"]}, "coordinator": {"backoff_base_s": 0}}
        return AgentDispatcher({**base, **config}, plugins=[*default_plugins(), ("team", team)], discover=False)

    return make


def test_a_type_of_ones_own_from_configuration_to_evidence(
    dispatcher_with: Callable[..., AgentDispatcher], team: Team, tmp_path: Path
) -> None:
    """A follow-up per requirement goes to the agent type that is named for it, its check runs for it alone, and its retries hold."""
    team.signed_from = 2
    dispatcher = dispatcher_with(
        {
            "task_types": {"security_review": {"agent_type": "auditor", "checks": ["signed"], "retries": 1}},
            "workflow": {"after": {"code_writing": ["security_review"]}},
            "coordinator": {"max_attempts": 1, "backoff_base_s": 0},
        }
    )
    plan = dispatcher.plan(SPECIFICATION)
    reviews = [task for task in plan.tasks if task.type == "security_review"]
    assert [task.requirements for task in reviews] == [("R1",), ("R2",)]
    code = {task.requirements: task.id for task in plan.tasks if task.type == "code_writing"}
    assert {(code[task.requirements], task.id) for task in reviews} <= set(plan.binding_edges())
    result = dispatcher.execute(plan, tmp_path / "out")
    assert result.status == "completed"
    assert sorted(entry for entry in team.seen if entry[0] == "security_review") == [
        ("security_review", "auditor", attempt, feedback)
        for attempt, feedback in (
            (1, ""),
            (1, ""),
            (2, "signed: not signed\nsigned: not signed"),
            (2, "signed: not signed\nsigned: not signed"),
        )
    ]
    assert set(team.checked) == {
        ("security_review", 1),
        ("security_review", 2),
    }  # of two that end together one may be asked about twice
    evidence = {task.id: [each.check for each in task.evidence] for task in result.task_results if task.evidence}
    assert evidence == {task.id: ["signed"] for task in reviews}


def test_a_failing_check_of_one_type_ends_only_that_type(
    dispatcher_with: Callable[..., AgentDispatcher], team: Team, tmp_path: Path
) -> None:
    """Without retries the first refusal is the end of the review, not of what it reviewed."""
    team.signed_from = 9
    dispatcher = dispatcher_with(
        {
            "task_types": {"review": {"checks": ["signed"], "retries": 0}},
            "workflow": {"after": {"code_writing": ["review"]}},
        }
    )
    result = dispatcher.dispatch(SPECIFICATION, tmp_path / "out")
    assert result.status == "failed"
    failed = {task.status for task in result.task_results if task.id.startswith("review-")}
    others = {task.status for task in result.task_results if not task.id.startswith("review-")}
    assert (failed, others) == ({"failed"}, {"completed"})


def test_timeout_of_a_type(dispatcher_with: Callable[..., AgentDispatcher], team: Team, tmp_path: Path) -> None:
    """``timeout_s`` ends an attempt of that type, and of no other."""
    team.before = lambda task, attempt: time.sleep(0.7 if task.id in ("slow", "other") else 0)
    dispatcher = dispatcher_with({"task_types": {"review": {"timeout_s": 0.2, "retries": 0}}})
    plan = dispatcher.plan_tasks([{"id": "slow", "type": "review"}, {"id": "other", "type": "code_writing"}])
    result = dispatcher.execute(plan, tmp_path / "out")
    found = {task.id: (task.status, task.error) for task in result.task_results}
    assert found["other"] == ("completed", None)
    assert found["slow"][0] == "failed"
    assert "timed out after 0.2 s" in str(found["slow"][1])


def test_approval_from_another_process(
    dispatcher_with: Callable[..., AgentDispatcher], team: Team, tmp_path: Path, dispatch: Any
) -> None:
    """The run ends as paused; ``status`` shows evidence and the diff command; a refusal is feedback; approval lands the work."""
    output = tmp_path / "out"
    dispatcher = dispatcher_with({"task_types": {"review": {"approval": "land", "checks": ["signed"]}}})
    plan = dispatcher.plan_tasks([{"id": "a", "type": "review", "title": "Look at it"}, {"id": "b"}], [("a", "b")])
    result = dispatcher.execute(plan, output)
    assert (result.status, result.reason) == ("paused", "waiting for approval of a")
    assert [(task.id, task.status, task.approval) for task in result.task_results] == [
        ("a", "in_progress", "requested"),
        ("b", "pending", ""),
    ]
    shown = dispatch("status", "--output", output)
    assert shown.code == 0
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert "waiting for approval of a" in lines
    assert "passed: signed (signed)" in lines
    (diff,) = (line.removeprefix("look at it: ") for line in lines if line.startswith("look at it: git"))
    assert "+attempt 1" in subprocess.run(diff.split(), capture_output=True, text=True, check=True).stdout

    refused = dispatch("approve", result.run, "a", "--output", output, "--reject", "shorter, please", "--no-resume")
    assert (refused.code, refused.stderr) == (0, "")
    result = dispatcher.resume(output=output)
    assert (result.status, result.reason) == ("paused", "waiting for approval of a")
    assert team.seen == [("review", "auditor", 1, ""), ("review", "auditor", 2, "shorter, please")]

    given = dispatch("approve", "--output", output, "--no-resume")
    assert given.stdout == "approved: Look at it [a], attempt 2 (signed: signed)\n"
    assert dispatcher.resume(output=output).status == "completed"
    assert team.checked == [("review", 1), ("review", 2)]
    again = dispatch("approve", "--output", output)
    assert again.code == 2
    assert "nothing waits for approval" in again.stderr


def test_approvals_outlast_a_change_of_configuration(
    dispatcher_with: Callable[..., AgentDispatcher], team: Team, tmp_path: Path
) -> None:
    """A run that was started with approvals and checks of its own keeps them, whoever resumes it with whatever configuration."""
    output = tmp_path / "out"
    strict = dispatcher_with(
        {
            "task_types": {"review": {"approval": "land", "checks": ["signed"]}},
            "workflow": {"approve_plan": True},
        }
    )
    plan = strict.plan_tasks([{"id": "a", "type": "review"}])
    result = strict.execute(plan, output)
    assert (result.status, result.reason) == ("paused", "waiting for approval of the plan")
    lax = dispatcher_with({})
    assert lax.resume(output=output).reason == "waiting for approval of the plan"
    desk = lax.desk(output=output)
    (waiting,) = desk.waiting()
    desk.answer(waiting)
    assert lax.resume(output=output).reason == "waiting for approval of a"
    assert team.checked == [("review", 1)]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a run of this process has heard that it is to pause or to end."""
    heard = threading.Event()

    def telling(does: Callable[..., None]) -> Callable[..., None]:
        def tell(coordinator: Coordinator, *why: str) -> None:
            does(coordinator, *why)
            heard.set()

        return tell

    for name in ("pause", "cancel"):
        monkeypatch.setattr(Coordinator, name, telling(getattr(Coordinator, name)))
    return heard


def test_a_live_run_takes_what_others_ask_for(
    dispatcher_with: Callable[..., AgentDispatcher],
    team: Team,
    tmp_path: Path,
    dispatch: Any,
    told: threading.Event,
) -> None:
    """``approve`` lets a live run go on, ``pause`` lets it end what is in progress; without a live run, ``pause`` is refused."""
    output, go_on = tmp_path / "out", threading.Event()
    team.before = lambda task, attempt: go_on.wait(60) if task.id == "slow" else None
    dispatcher = dispatcher_with({"task_types": {"review": {"approval": "land"}}})
    plan = dispatcher.plan_tasks(
        [{"id": "a", "type": "review"}, {"id": "slow"}, {"id": "later"}, {"id": "after-a"}],
        [("slow", "later"), ("a", "after-a")],
    )
    results: list[ExecutionResult] = []
    thread = threading.Thread(target=lambda: results.append(dispatcher.execute(plan, output)))
    thread.start()
    try:
        outside = dispatcher_with({})

        def until(condition: Callable[[], bool]) -> None:
            end = time.monotonic() + 30
            while not condition():
                assert time.monotonic() < end
                time.sleep(0.05)

        until(lambda: (output / ".dispatcher" / "state.db").exists() and any(outside.runs_in(output)))
        desk = outside.desk(output=output)
        until(lambda: bool(desk.waiting()))
        approved = dispatch("approve", "--output", output)
        assert (approved.code, approved.stderr) == (0, "")
        assert approved.stdout.endswith("is at work and goes on with it\n")
        until(lambda: desk.state().task("after-a").status == "completed")
        paused = dispatch("pause", "--output", output)
        assert (paused.code, paused.stdout.partition(":")[0].split()[-2:]) == (0, ["to", "pause"])
        assert told.wait(30)
    finally:
        go_on.set()
        thread.join(60)
    (result,) = results
    assert (result.status, result.reason) == ("paused", "paused on request")
    assert {task.id: task.status for task in result.task_results} == {
        "a": "completed",
        "after-a": "completed",
        "slow": "completed",
        "later": "pending",
    }
    late = dispatch("cancel", "--output", output)
    assert late.code == 2
    assert late.stderr == (
        f"error: run {result.run} is paused, there is nobody to cancel it: 'agent-dispatcher resume {result.run}' goes on with it\n"
    )


def test_cancel_ends_a_live_run(
    dispatcher_with: Callable[..., AgentDispatcher],
    team: Team,
    tmp_path: Path,
    dispatch: Any,
    told: threading.Event,
) -> None:
    """What has landed stays, the rest is given up; a finished run takes no requests."""
    output, go_on = tmp_path / "out", threading.Event()
    team.before = lambda task, attempt: go_on.wait(60) if task.id == "slow" else None
    dispatcher = dispatcher_with({})
    plan = dispatcher.plan_tasks([{"id": "a"}, {"id": "slow"}, {"id": "later"}], [("a", "slow"), ("slow", "later")])
    results: list[ExecutionResult] = []
    thread = threading.Thread(target=lambda: results.append(dispatcher.execute(plan, output)))
    thread.start()
    try:
        end = time.monotonic() + 30
        while ("code_writing", "writer", 1, "") not in team.seen[1:] and time.monotonic() < end:
            time.sleep(0.05)
        assert dispatch("cancel", "--output", output).code == 0
        assert told.wait(30)
    finally:
        go_on.set()
        thread.join(60)
    (result,) = results
    assert {task.id: task.status for task in result.task_results} == {
        "a": "completed",
        "slow": "cancelled",
        "later": "cancelled",
    }
    assert result.status == "cancelled"
    late = dispatch("pause", result.run, "--output", output)
    assert (late.code, late.stderr) == (
        2,
        f"error: run {result.run} has ended (cancelled), there is nobody to pause it\n",
    )


def test_the_plan_waits_on_the_command_line(tmp_path: Path, small: Path, dispatch: Any) -> None:
    """Exit 5 before the first task; ``approve`` goes on, and ends with 5 again at work that waits; approving that completes the run."""
    (tmp_path / "agent-dispatcher.toml").write_text(
        '[workflow]\napprove_plan = true\n[task_types.documentation]\napproval = "land"\n', encoding="utf-8"
    )
    output = tmp_path / "out"
    begun = dispatch("run", small, "--output", output, "--json")
    assert begun.code == 5
    assert begun.document["reason"] == "waiting for approval of the plan"
    assert {task["status"] for task in begun.document["tasks"]} == {"pending"}
    approved = dispatch("approve", "--output", output, "--json")
    assert approved.code == 5
    waiting = [task["id"] for task in approved.document["tasks"] if task["approval"] == "requested"]
    assert approved.document["reason"] == f"waiting for approval of {', '.join(waiting)}"
    assert [task["status"] for task in approved.document["tasks"]].count("completed") == 10
    done = dispatch("approve", begun.document["run"], waiting[0], "--json")
    assert done.code == 0
    assert done.document["status"] == "completed"
    assert {requirement["verdict"] for requirement in done.document["requirements"]} == {"met"}
