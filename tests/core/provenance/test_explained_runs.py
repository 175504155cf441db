"""``explain RUN TASK`` tells what each agent was asked, answered and ran; a commit leads to its attempt."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from click.testing import CliRunner

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent, SyncAgent
from agent_dispatcher.cli.main import cli
from agent_dispatcher.extension import (
    AgentType,
    CheckContext,
    Completed,
    Component,
    LlmReply,
    LlmRequest,
    Usage,
    hookimpl,
)
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.provenance import accounts
from agent_dispatcher.testing import ScriptedBackend


class Sandbox:
    """Says what a command would print."""

    tier = "isolated"

    async def probe(self) -> None:
        pass

    async def run(self, argv: Any, **more: Any) -> Completed:
        if argv[0] == "wait":
            await asyncio.sleep(60)
        if argv[-1] == "tried it":
            (more["cwd"] / "out.db").write_text("left behind")
        return Completed(code=3 if argv[0] == "false" else 0, stdout=f"{argv[-1]}\n", stderr="", duration_s=0.5)


class Asking(BaseAgent):
    """Asks, tries, writes; its first attempt fails. What it runs leaves a file."""

    commands_write = False

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        assert context.llm is not None
        reply = await context.llm.complete(
            LlmRequest.of(f"How, {context.attempt}?", purpose="write", max_output_tokens=9)
        )
        done = await context.sandbox.run(["false" if context.attempt == 1 else "echo", "tried it"])
        if done.code:
            return AgentResult(status="failed", error="it did not work")
        context.workspace.write_text(f"{task.id}.txt", reply.text)
        context.asked("write", f"{task.id}.txt", True)
        context.asked("permission", "fetch AKIAABCDEFGHIJKLMNOP", False)
        return AgentResult(status="done", summary="did it")


class Threaded(SyncAgent):
    """Runs a command from a thread."""

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        asyncio.run(_both(context))
        return AgentResult(status="done", summary="did it")


async def _both(context: AgentContext) -> None:
    await context.sandbox.run(["echo", "from a thread"])
    waiting = asyncio.ensure_future(context.sandbox.run(["wait"]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])


class Plugin:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        for name, type, kind in (("asking", "odd_job", Asking), ("threaded", "other_job", Threaded)):
            yield AgentType(
                name=name, summary="", factory=lambda options, services, k=kind: k(), task_types=[type], default_rank=0
            )

    @hookimpl
    def dispatcher_checks(self) -> Iterator[Component]:
        yield Component("weighing", "Weighs the whole.", lambda options, services: Weighing(), default_rank=0)

    @hookimpl
    def dispatcher_sandboxes(self) -> Iterator[Component]:
        yield Component("spoken", "Says what would be.", lambda options, services: Sandbox(), default_rank=0)


class Weighing:
    """Has something to say about the whole alone, and runs something for it."""

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        return task is None

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        await context.sandbox.run(["weigh", "it"], cwd=context.log_dir)
        return Evidence(id="whole", check="weighing", passed=True, tree=context.tree.tree, summary="light enough")


@frozen
class Ran:
    run: str
    output: Path


def run_in(folder: Path, **config: Any) -> Ran:
    """``alone`` asks and tries twice, ``thread`` runs two commands from a thread."""
    model = ScriptedBackend(lambda request: LlmReply(text="This way.", usage=Usage(input_tokens=4, output_tokens=3)))
    own = {"llm_client": model, "use": {"workspace": "git", "sandbox": "spoken", "checks": ["weighing"]}, **config}
    tasks = [
        {"id": "alone", "title": "Do it", "type": "odd_job"},
        {"id": "thread", "title": "Do more", "type": "other_job"},
    ]
    dispatcher = AgentDispatcher({**own, "coordinator": {"backoff_base_s": 0.01}}, plugins=[("own", Plugin())])
    result = dispatcher.execute(dispatcher.plan_tasks(tasks), output=folder / "output")
    assert result.status == "completed"
    return Ran(result.run, folder / "output")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        yield run_in(folder)


def explained(*words: str) -> str:
    result = CliRunner().invoke(cli, ["explain", *words])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_every_call_and_command_of_every_attempt_is_told(ran: Ran) -> None:
    """In their order, with what came of them and how the attempt ended."""
    said = explained(ran.run, "alone")
    first, _, second = said.partition("Attempt 2, by asking")
    assert "(write): answered, 7 tokens" in first and "ran false tried it: exit code 3, 0.5 s" in first
    assert "then failed: it did not work" in first
    assert (
        "ran echo tried it: exit code 0" in second
        and "wrote alone.txt" in second
        and "its work landed (commit" in second
    )
    assert "This way." not in said


def test_what_was_said_is_told_when_asked_for(ran: Ran) -> None:
    """Question, answer and output, for people and for programs."""
    said = explained(ran.run, "alone", "--said")
    assert "user: | How, 1?" in said and "answer: | This way." in said and "stdout: | tried it" in said
    document = json.loads(CliRunner().invoke(cli, ["explain", ran.run, "alone", "--said", "--json"]).output)
    call, command = document["work"][1]["did"]
    assert (call["kind"], call["request"]["messages"][0]["content"], call["reply"]["text"]) == (
        "call",
        "How, 2?",
        "This way.",
    )
    assert (command["argv"], command["stdout"], command["stderr"]) == (["echo", "tried it"], "tried it\n", "")


def test_a_commit_leads_to_its_attempt(ran: Ran) -> None:
    """By what git shows of the branch: the attempt that made it, and no other; its trailers name the same."""
    log = subprocess.run(
        ["git", "log", "--format=%h %(trailers:key=Dispatcher-Task,valueonly,separator=%x20)%(trailers:key=Dispatcher-Attempt,valueonly)"],
        cwd=ran.output, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    commit = next(line.split()[0] for line in log.splitlines() if line.split()[1:] == ["alone2"] or "alone" in line)
    said = explained(ran.run, commit)
    assert "Attempt 2, by asking" in said and "Attempt 1" not in said and commit in said


def test_what_was_found_about_the_whole_with_its_work_is_told(ran: Ran) -> None:
    """For people and for programs, and no check of the whole that was made without it."""
    assert "The whole with its work in it (tree " in (said := explained(ran.run, "alone"))
    assert said.index("check weighing passed: light enough") > said.index("The whole with its work in it")
    document = json.loads(CliRunner().invoke(cli, ["explain", ran.run, "alone", "--json"]).output)
    (found,) = document["whole_checks"]
    assert [(each["check"], each["summary"]) for each in found["evidence"]] == [("weighing", "light enough")]
    assert found["tasks"] == ["alone"]
    assert "check weighing passed: light enough ran weigh it: exit code 0, 0.5 s" in said
    assert found["evidence"][0]["details"]["commands"] == [{"argv": ["weigh", "it"], "code": 0, "took_s": 0.5}]


def test_the_agent_types_are_those_of_the_run(ran: Ran) -> None:
    """Whatever the configuration says today, which knows neither of the two."""
    assert "agent type asking" in (said := explained(ran.run, "alone")) and "none accepts it" not in said


def test_what_is_neither_task_nor_commit_is_refused(ran: Ran) -> None:
    """With both said."""
    result = CliRunner().invoke(cli, ["explain", ran.run, "beefbeef"])
    assert result.exit_code != 0
    assert "no commit of the run's work" in str(result.exception) + result.output


def test_commands_from_a_thread_are_recorded(ran: Ran) -> None:
    """Also one that was broken off."""
    said = explained(ran.run, "thread")
    assert "ran echo from a thread: exit code 0" in said and "ran wait: broken off" in said


def test_what_commands_left_behind_is_told_and_not_committed(ran: Ran) -> None:
    """By name, for people and for programs; in the branch there is only what the agent wrote."""
    assert "wrote alone.txt - left out what commands left behind: out.db" in explained(ran.run, "alone")
    document = json.loads(CliRunner().invoke(cli, ["explain", ran.run, "alone", "--json"]).output)
    assert [work["left_out"] for work in document["work"]] == [[], ["out.db"]]
    files = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "HEAD"], cwd=ran.output, capture_output=True, text=True
    )
    assert files.stdout.split() == ["alone.txt"]


def test_what_a_program_asked_for_is_told(ran: Ran) -> None:
    """What it was given and what it was refused, for people and for programs, without keys."""
    said = explained(ran.run, "alone")
    assert "was given: write alone.txt" in said and "was refused: permission fetch <secret>" in said
    document = json.loads(CliRunner().invoke(cli, ["explain", ran.run, "alone", "--json"]).output)
    assert [work["asked"] for work in document["work"]] == [
        [],
        [
            {"what": "write", "subject": "alone.txt", "granted": True},
            {"what": "permission", "subject": "fetch <secret>", "granted": False},
        ],
    ]


def test_the_report_counts_them(ran: Ran) -> None:
    """Attempt by attempt, with the way to the texts."""
    report = (ran.output / f".dispatcher/runs/{ran.run}/report.md").read_text()
    assert "| Do it | 1 | 1 | 7 | unknown | 1 (1 failed) | failed |  |" in report
    assert f"agent-dispatcher explain {ran.run} TASK --said" in report


def test_nothing_is_kept_where_that_is_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a model was asked and what it cost is on record all the same."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = run_in(tmp_path, provenance={"keep": False})
    events = AgentDispatcher({}).log_of(made.run, made.output).events
    (account, _) = (each for each in accounts(events).values() if each.task == "alone")
    assert [(call.tokens, call.request, call.reply) for call in account.calls] == [(7, None, None)]
    assert account.commands == []
    assert not (made.output / f".dispatcher/runs/{made.run}/said").exists()


def test_a_text_that_is_gone_is_said(ran: Ran) -> None:
    """The rest is told."""
    kept = ran.output / f".dispatcher/runs/{ran.run}/said"
    texts = {path: path.read_bytes() for path in kept.iterdir() if b"tried it" in path.read_bytes()}
    try:
        for path in texts:
            path.unlink()
        assert "cannot be read" in explained(ran.run, "alone", "--said")
    finally:
        for path, data in texts.items():
            path.write_bytes(data)
