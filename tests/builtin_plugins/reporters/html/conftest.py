"""Runs to report on, made of plans and events as the dispatcher records them, and a browser where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from agent_dispatcher.models import (
    ArtifactRef,
    Dependency,
    Event,
    Exclusion,
    ExecutionPlan,
    Gate,
    PlanningCall,
    Reason,
    Requirement,
    Specification,
    Task,
)
from agent_dispatcher.planning.execution_graph import ExecutionGraph
from agent_dispatcher.reporting import build_result
from agent_dispatcher_builtins.reporters.html.reporter import HtmlReporter


@frozen
class Run:
    """A plan and what happened."""

    plan: ExecutionPlan
    events: tuple[Event, ...]

    def write(self, folder: Path) -> str:
        """The page, as text; also in ``folder/report.html``."""
        folder.mkdir(parents=True, exist_ok=True)
        result = build_result(self.plan, "r1", self.events, output="/srv/it")
        (path,) = HtmlReporter().write(result, self.plan, self.events, folder)
        return path.read_text(encoding="utf-8")


class Recorder:
    """Collects events; ``at`` counts seconds from the start of the run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, at: float, kind: str, task: str | None = None, attempt: int | None = None, **data: Any) -> None:
        number = len(self.events) + 1
        self.events.append(
            Event(run="r1", type=kind, at=1_000_000.0 + at, seq=number, task=task, attempt=attempt, data=data)
        )


def evidence(task: str, passed: bool = True, **more: Any) -> dict[str, Any]:
    """A check as it stands in an event."""
    return {"id": f"{task}-pytest", "check": "pytest", "passed": passed, "proof": True, "summary": "3 passed", **more}


def planned(specification: Specification, tasks: Sequence[Task], edges: Sequence[tuple[str, str]]) -> ExecutionPlan:
    """A plan with phases, gates and a critical path."""
    reasons = (Reason(rule="declared", evidence="says so", source="tasks.md:7"),)
    dependencies = tuple(Dependency(before=before, after=after, reasons=reasons) for before, after in edges)
    graph = ExecutionGraph(tasks, dependencies)
    return ExecutionPlan(
        specification=specification,
        tasks=tuple(tasks),
        dependencies=dependencies,
        gates=graph.gates,
        phases=graph.phases(),
        critical_path=graph.critical_path(),
        estimates=graph.estimates(),
    )


@pytest.fixture
def recorder() -> Recorder:
    """Collects events."""
    return Recorder()


@pytest.fixture
def small_run(recorder: Recorder) -> Run:
    """``model`` (gated by ``test``) before ``storage``; ``storage`` is rejected once, then lands."""
    specification = Specification(
        id="s", title="Library", path="specs/library", requirements=(Requirement(id="R1", text="Lend books"),)
    )
    tasks = (
        Task(id="model", title="Write the model", requirements=("R1",), estimate_s=3),
        Task(
            id="test", title="Test the model", type="testing", verifies=("model",), requirements=("R1",), estimate_s=4
        ),
        Task(id="storage", title="Write the storage", source_id="T003", requirements=("R1",), estimate_s=2),
    )
    add = recorder
    add(0, "run.started", output="/srv/it", branch="dispatcher/r1", new=True, sandbox="isolated", workers=2)
    add(0, "attempt.started", "model", 1, agent_type="writer", agent="writer-1")
    add(1, "attempt.started", "test", 1, agent_type="tester", agent="tester-1")
    add(2, "attempt.sealed", "model", 1, duration_s=2.0, artifacts=[{"name": "m", "type": "code", "path": "m.py"}])
    add(4, "attempt.sealed", "test", 1, duration_s=3.0)
    add(5, "attempt.checked", "test", 1, evidence=[evidence("test", False, expected_red=True)])
    add(5, "attempt.landed", "test", 1, commit="c" * 40)
    add(5, "task.completed", "test")
    add(7, "attempt.checked", "model", 1, evidence=[evidence("model")])
    add(7, "attempt.landed", "model", 1, commit="d" * 40)
    add(7, "task.completed", "model")
    add(8, "attempt.started", "storage", 1, agent_type="writer", agent="writer-1")
    add(10, "attempt.sealed", "storage", 1, duration_s=2.0)
    add(11, "attempt.rejected", "storage", 1, why="pytest failed", feedback="pytest failed\nE assert 1 == 2")
    add(11, "attempt.retry", "storage", 2, delay_s=1.5)
    add(12.5, "attempt.started", "storage", 2, agent_type="writer", agent="writer-1")
    add(14, "attempt.sealed", "storage", 2, duration_s=1.5)
    add(16, "attempt.checked", "storage", 2, evidence=[evidence("storage")])
    add(16, "attempt.landed", "storage", 2, commit="e" * 40)
    add(16, "task.completed", "storage")
    add(20, "run.finished", status="completed", commit="e" * 40, evidence=[evidence("final")])
    return Run(planned(specification, tasks, [("model", "storage")]), tuple(add.events))


@pytest.fixture
def asked_run(recorder: Recorder) -> Run:
    """``write`` was planned with a model; its first attempt asks twice and runs a command that fails, its second lands with ``other``."""
    specification = Specification(
        id="s", title="Shop", path="specs/shop", requirements=(Requirement(id="R1", text="Sell things"),)
    )
    tasks = (Task(id="write it", title="Write the cart", requirements=("R1",)), Task(id="other", title="Do it alone"))
    planning = (
        PlanningCall(number="1", purpose="decompose", backend="b", model="planner-1", about=("R1",), tokens=900, used=False),
        PlanningCall(
            number="2", purpose="dependencies", model="planner-1", about=("write it",), tokens=800, cost_usd=0.5, request=f"sha256:{'1' * 64}"
        ),
    )  # fmt: skip
    add = recorder
    add(0, "run.started", output="/srv/it", branch="dispatcher/r1", sandbox="isolated", workers=2)
    add(0, "attempt.started", "write it", 1, agent_type="writer", agent="writer-1", base="b" * 40)
    for number, more in (("1.1", {"tools": ["read_file", "read_file", "list"]}), ("1.2", {"error": "timeout"})):
        add(
            1,
            "model.reserved",
            "write it",
            1,
            call=number,
            backend="b",
            purpose="code_writing",
            request=f"sha256:{'2' * 64}",
        )
        data = {"call": number, "model": "coder-1", "tokens": 1234, "nano_usd": 2_500_000, "took_s": 3.5, **more}
        add(2, "model.settled", "write it", 1, reply=None if "error" in more else f"sha256:{'3' * 64}", **data)
    add(
        3,
        "command.ran",
        "write it",
        1,
        argv=["python", "-c", "print('a b')"],
        code=2,
        took_s=0.25,
        stdout=f"sha256:{'4' * 64}",
        stderr="",
    )
    add(4, "attempt.failed", "write it", 1, error="no", reason="failed")
    add(5, "attempt.started", "write it", 2, agent_type="writer", agent="writer-1", base="b" * 40)
    add(5, "attempt.started", "other", 1, agent_type="writer", agent="writer-2")
    for number in range(103):
        argv = ["run", f"command-{number}", "x" * 50, "--an-option-with-a-long-name"]
        add(6, "command.ran", "write it", 2, argv=argv, code=0, limit_hit="time" if number == 102 else None, took_s=1.0)
    for task, attempt in (("write it", 2), ("other", 1)):
        add(7, "attempt.sealed", task, attempt, duration_s=2.0, change={"commit": "a" * 40})
    add(
        8,
        "whole.checked",
        tree="f" * 40,
        tasks=["write it", "other"],
        evidence=[{**evidence("whole"), "summary": "31 passed together"}],
    )
    for task, attempt in (("write it", 2), ("other", 1)):
        add(9, "attempt.landed", task, attempt, commit="d" * 40)
        add(9, "task.completed", task)
    add(10, "run.finished", status="completed", commit="d" * 40, evidence=[evidence("final")])
    return Run(evolve(planned(specification, tasks, []), planning_calls=planning), tuple(add.events))


#: What strangers may write anywhere. Each would set the title of the page if it ever ran, or break out of where it stands.
PAYLOADS = (
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "\"><svg onload=document.title='pwned'>",
    "' autofocus onfocus=document.title='pwned' x='",
    "</title></style></textarea></svg><script>document.title='pwned'</script>",
    "javascript:document.title='pwned'",
    "{{ 7*191 }}{% raw %}",
    "&lt;script&gt;&#x3c;script&#x3e;",
    "\x1b[31mred\x1b[0m \u202egnp.exe \u2066 \x00 \ud800 ]]><!--",
)


@pytest.fixture
def hostile_run(recorder: Recorder) -> Run:
    """Every text that others write is a payload."""
    evil = " ".join(PAYLOADS)
    requirement = Requirement(id=f"R{evil}", text=evil, priority="high", source=evil)
    specification = Specification(
        id="s", title=evil, path=evil, format=evil, digest=evil, requirements=(requirement,), warnings=PAYLOADS
    )
    ref = ArtifactRef(type=evil, name=evil)
    ids = [f"a{evil}", "b\" onclick=\"document.title='pwned'", "c"]
    tasks = tuple(
        Task(id=task_id, title=evil, source_id=evil, description=evil * 3, type=kind, group=evil, source=evil,
             requirements=(requirement.id,), produces=(ref,), estimate_s=1)
        for task_id, kind in zip(ids, (evil, "testing", "\"><script>"), strict=True)
    )  # fmt: skip
    reasons = (Reason(rule=evil, evidence=evil, source=evil),)
    plan = ExecutionPlan(
        specification=specification,
        tasks=tasks,
        dependencies=(Dependency(before=ids[0], after=ids[1], reasons=reasons),),
        exclusions=(Exclusion(tasks=(ids[0], ids[2]), resource=evil),),
        gates=(Gate(test=ids[2], subject=ids[1]),),
        phases=((ids[0], ids[2]), (ids[1],)),
        critical_path=(ids[0], ids[1]),
        warnings=PAYLOADS,
        planning_calls=(
            PlanningCall(number=evil, purpose=evil, model=evil, about=(ids[0],), error=evil, request=evil),
        ),
    )
    add = recorder
    add(0, "run.started", output=evil, branch=evil, base=evil, sandbox=evil, workers=evil, versions={evil: evil})
    bad = {"id": evil, "check": evil, "passed": False, "summary": evil, "log": "javascript:alert(1)", "tree": evil}
    found = {"path": evil, "line": 1, "rule": evil, "severity": evil, "what": evil, "quote": evil}
    bad["details"] = {"findings": [found]}
    for number, task_id in enumerate(ids):
        add(number, "attempt.started", task_id, 1, agent_type=evil, agent=evil)
    add(1, "model.reserved", ids[0], 1, call=evil, backend=evil, purpose=evil, request=evil)
    add(2, "model.settled", ids[0], 1, call=evil, model=evil, error=evil, tools=[evil, "a"], reply=evil, tokens=1)
    add(2, "command.ran", ids[0], 1, argv=[evil, "x"], code=0, limit_hit=evil, stdout=evil, stderr=None)
    add(3, "whole.checked", tree=evil, tasks=[*ids, evil], evidence=[bad])
    add(
        3,
        "attempt.sealed",
        ids[0],
        1,
        summary=evil,
        artifacts=[{"name": evil, "type": evil, "path": evil, "findings": [found]}],
    )
    add(4, "attempt.checked", ids[0], 1, evidence=[{**bad, "passed": True, "details": {evil: [evil, {evil: evil}]}}])
    add(4, "attempt.landed", ids[0], 1, commit=evil)
    add(4, "task.completed", ids[0])
    add(5, "attempt.failed", ids[2], 1, error=evil, reason=evil)
    add(5, "task.failed", ids[2], error=evil * 2)
    add(5, "task.blocked", ids[1], by=[ids[2], evil])
    add(5, "run.warning", text=evil)
    add(6, "run.finished", status="failed", evidence=[bad], error=evil)
    return Run(plan, tuple(add.events))


@pytest.fixture
def large_run(recorder: Recorder) -> Run:
    """300 tasks in nine groups; one in ten is rejected once, one fails."""
    requirements = tuple(Requirement(id=f"FR-{n:03}", text=f"Do thing {n} observably") for n in range(40))
    specification = Specification(id="s", title="Logistics", requirements=requirements)
    tasks = []
    edges = []
    for number in range(300):
        group = number // 35
        tasks.append(
            Task(
                id=f"t{number}",
                source_id=f"T{number:03}",
                title=f"Implement part {number} of the service in src/services/part_{number}.py",
                description="What it does is told in the plan. " * 4,
                type="testing" if number % 4 == 3 else "code_writing",
                group=f"Phase {group}: User story {group}",
                requirements=(f"FR-{number % 40:03}",),
                verifies=(f"t{number - 1}",) if number % 4 == 3 else (),
                estimate_s=30.0,
            )
        )
        if number >= 35:
            edges.append((f"t{35 * (group - 1) + 4 * (number % 8)}", f"t{number}"))
    add = recorder
    add(0, "run.started", output="/srv/it", branch="dispatcher/r1", sandbox="isolated", workers=8)
    for number, task in enumerate(tasks):
        at, agent = 10.0 * number, f"writer-{number % 8}"
        for attempt in (1, 2) if number % 10 == 5 else (1,):
            begin = at + 4.0 * (attempt - 1)
            add(begin, "attempt.started", task.id, attempt, agent_type="writer", agent=agent)
            if number == 299:
                add(begin + 1, "attempt.failed", task.id, 1, error="RuntimeError: no", reason="raised")
                add(begin + 1, "task.failed", task.id, error="RuntimeError: no")
                continue
            artifacts = [{"name": "m", "type": "code", "path": f"src/services/part_{number}.py"}]
            add(begin + 2, "attempt.sealed", task.id, attempt, duration_s=2.0, artifacts=artifacts, tokens=10)
            if number % 10 == 5 and attempt == 1:
                add(begin + 3, "attempt.rejected", task.id, 1, why="red", feedback="E   assert 401 == 200\n" * 40)
                continue
            checks = [evidence(task.id), {**evidence(task.id), "id": f"{task.id}-compile", "check": "compile"}]
            add(begin + 3, "attempt.checked", task.id, attempt, evidence=checks)
            add(begin + 3, "attempt.landed", task.id, attempt, commit=f"{number:040x}")
            add(begin + 3, "task.completed", task.id)
    add(3010, "run.finished", status="failed")
    return Run(planned(specification, tasks, edges), tuple(add.events))


Browse = Callable[..., str]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium is installed, and without a browser nobody knows how the page is read")
    return found


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Browse:
    """Opens a file in the browser (``dark``: in dark mode) and gives the document as the browser holds it after all scripts ran."""

    def dump(page: Path, *, dark: bool = False, width: int = 1280) -> str:
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900",
            "--virtual-time-budget=3000",
            "--dump-dom",
            *(["--force-dark-mode"] if dark else []),
            page.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, timeout=90, check=True)
        return done.stdout.decode("utf-8", "replace")

    return dump


@pytest.fixture
def without_policy() -> Callable[[str], str]:
    """The page without its policy, so that a test may add a script and nothing but the escaping protects it."""

    def strip(page: str) -> str:
        stripped, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        assert count == 1
        return stripped

    return strip
