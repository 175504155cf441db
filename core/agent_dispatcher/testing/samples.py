"""Small values of the models that the suites try components on, also hostile and large ones."""

from __future__ import annotations

from collections.abc import Iterator

from ..models import (
    Artifact,
    ArtifactRef,
    Dependency,
    Event,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    Requirement,
    RequirementResult,
    Specification,
    Task,
    TaskResult,
)

__all__ = ["HOSTILE", "hostile_plan", "large_plan", "result_of", "sample_plan", "sample_specification", "story_of"]

#: Text that means something to HTML, Markdown, a template, a terminal, a spreadsheet or a database.
HOSTILE = (
    "</title><script>alert(1)</script> | **bold** `code` [link](javascript:alert(1)) {{ 7*7 }} {% raw %} ${x} "
    "\x1b[31mred\x1b[0m\x07 \"quoted\" 'single' & <!-- \u202eright-to-left\u202c \U0001f4a5 =1+1 ; DROP TABLE runs"
)


def sample_specification(title: str = "Sample", requirement: str = "It works") -> Specification:
    """One requirement and nothing declared."""
    return Specification(
        id="sample", title=title, requirements=(Requirement(id="R1", text=requirement, source="s.md:1"),)
    )


def sample_plan(*tasks: Task, specification: Specification | None = None) -> ExecutionPlan:
    """A plan with those tasks, or with one that writes and one that tests it."""
    if not tasks:
        tasks = (
            Task(
                id="write",
                title="Write it",
                requirements=("R1",),
                produces=(ArtifactRef(type="path", name="src/it.txt"),),
            ),
            Task(id="check", title="Check it", type="testing", requirements=("R1",), verifies=("write",)),
        )
    return ExecutionPlan(
        specification=specification or sample_specification(),
        tasks=tasks,
        phases=(tuple(task.id for task in tasks),),
    )


def hostile_plan() -> ExecutionPlan:
    """A plan whose every text is :data:`HOSTILE`."""
    return sample_plan(
        Task(id="write", title=HOSTILE, description=HOSTILE, group=HOSTILE, requirements=("R1",)),
        specification=sample_specification(HOSTILE, HOSTILE),
    )


def large_plan(tasks: int = 300) -> ExecutionPlan:
    """A plan of so many tasks in layers of ten, each task behind one of the layer before."""
    made = tuple(
        Task(id=f"t{number}", title=f"Task {number}", requirements=("R1",), group=f"Part {number // 50}")
        for number in range(tasks)
    )
    return ExecutionPlan(
        specification=sample_specification(),
        tasks=made,
        dependencies=tuple(Dependency(before=f"t{number - 10}", after=f"t{number}") for number in range(10, tasks)),
        phases=tuple(tuple(task.id for task in made[first : first + 10]) for first in range(0, tasks, 10)),
        critical_path=tuple(f"t{number}" for number in range(0, tasks, 10)),
    )


def result_of(plan: ExecutionPlan, status: str = "completed", error: str = "") -> ExecutionResult:
    """A result of ``plan``: every task completed with evidence, or with ``error`` the last one failed."""
    results, artifacts = [], []
    for task in plan.tasks:
        failed = bool(error) and task is plan.tasks[-1]
        proof = Evidence(
            id=f"{task.id}-1-sample", check="sample", passed=not failed, tree="0" * 40, summary=task.title, proof=True
        )
        results.append(
            TaskResult(
                id=task.id,
                status="failed" if failed else "completed",
                title=task.title,
                agent="sampler",
                attempts=1,
                commit=None if failed else "1" * 40,
                evidence=(proof,),
                error=error if failed else None,
            )
        )
        artifacts.append(Artifact(name=task.title, type="code", path=f"src/{task.id}.txt", task=task.id))
    return ExecutionResult(
        run="20260101-000000-0000",
        status=status,
        output="/nowhere/output",
        branch="dispatcher/20260101-000000-0000",
        commit="1" * 40,
        specification=plan.specification,
        requirements=tuple(
            RequirementResult(
                id=requirement.id,
                verdict="not_met" if error else "met",
                tasks=tuple(task.id for task in plan.tasks if requirement.id in task.requirements),
            )
            for requirement in plan.specification.requirements
        ),
        task_results=tuple(results),
        final_artifacts=tuple(artifacts),
        warnings=plan.warnings,
    )


def story_of(plan: ExecutionPlan, status: str = "completed") -> tuple[Event, ...]:
    """The events of a run in which the tasks of ``plan`` land one after the other."""
    return tuple(_number(_story(plan, status)))


def _story(plan: ExecutionPlan, status: str) -> Iterator[Event]:
    run, at = "20260101-000000-0000", 1_767_225_600.0
    yield Event(run=run, type="run.started", at=at, data={"title": plan.specification.title, "workers": 2})
    for number, task in enumerate(plan.tasks, 1):
        began = at + number
        data = {"agent_type": "sampler", "agent": "sampler-1", "base": "0" * 40}
        yield Event(run=run, type="attempt.started", at=began, task=task.id, attempt=1, data=data)
        sealed = {"summary": task.title, "duration_s": 0.5, "artifacts": []}
        yield Event(run=run, type="attempt.sealed", at=began + 0.5, task=task.id, attempt=1, data=sealed)
        landed = {"commit": "1" * 40, "tree": "0" * 40}
        yield Event(run=run, type="attempt.landed", at=began + 0.6, task=task.id, attempt=1, data=landed)
        yield Event(run=run, type="task.completed", at=began + 0.6, task=task.id, data={"commit": "1" * 40})
    yield Event(run=run, type="run.finished", at=at + len(plan.tasks) + 1, data={"status": status, "commit": "1" * 40})


def _number(events: Iterator[Event]) -> Iterator[Event]:
    from attrs import evolve

    for seq, event in enumerate(events, 1):
        yield evolve(event, seq=seq)
