"""What a run that was killed or frozen on its way must have come to, whatever happened."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

from run_in_git import DONE, EXECUTIONS, PLAN, RUN, TASKS

from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.models import (
    Event,
)
from killed_runs import git, log_of


def faults(case: Path, killed: bool, sealed: dict[str, str], calls_before: Counter[str], tree: str) -> list[str]:
    """Everything about the finished run that breaks a promise."""
    output, found = case / "out", []
    events = log_of(output, RUN)
    counts = Counter((event.type, event.task) for event in events)
    for task in TASKS:
        for kind in ("task.completed", "attempt.landed"):
            if counts[kind, task] != 1:
                found.append(f"{kind} of {task} is recorded {counts[kind, task]} times")
    if events[-1].type != "run.finished" or events[-1].data["status"] != "completed":
        found.append(f"the log ends with {events[-1]}")
    if [event.seq for event in events] != list(range(1, len(events) + 1)):
        found.append("the log has gaps")
    actual = git(output, "rev-parse", "HEAD^{tree}").strip()
    if actual != tree:
        found.append(f"the tree is {actual}, not {tree}")
    landed = git(output, "log", "--format=%(trailers:key=Dispatcher-Task,valueonly,separator=%x2C)").split()
    if sorted(landed) != list(TASKS):
        found.append(f"commits of tasks on the branch: {landed}")
    # once where a run completes, and once more where it was cancelled before: each time something new
    said = git(output, "log", "--format=%s").count("Statuses of finished tasks")
    ends = counts["run.finished", None]
    news = git(output, "log", "--format=%s", "--", "tasks.json").count("Statuses of finished tasks")
    outside = (case / "tasks.json").read_text()
    if not 1 <= said == news <= 2 or git(output, "show", "HEAD:tasks.json") != DONE or outside != DONE:
        found.append(f"the statuses were landed {said} times, or do not say what is finished")
    if any(event.type == "run.warning" for event in events):
        found.append("there are warnings")
    for ref, commit in sealed.items():
        try:
            git(output, "cat-file", "-e", f"{commit}^{{commit}}")
        except subprocess.CalledProcessError:
            found.append(f"sealed commit {commit} of {ref} is gone")
    calls = Counter((case / "calls").read_text().split())
    for ref in sealed:
        if "/_run/" in ref:
            continue
        task = next((name for name in TASKS if f"/{name}/" in ref or f"/{name}-" in ref), None)
        if task is None:
            found.append(f"cannot tell whose {ref} is")
        elif calls[task] != calls_before[task]:
            found.append(f"sealed work of {task} was done again")
    if any(calls[task] > times + killed for task, times in EXECUTIONS.items()):
        found.append(f"executions: {dict(calls)}")
    found += overlaps(events)
    if not killed and (counts["attempt.retry", "c"] != 1 or ends != 2):
        found.append(f"c was tried again {counts['attempt.retry', 'c']} times, the run ended {ends} times")
    about_c = [event.type for event in events if event.task == "c"]
    for kind in ("approval.requested", "approval.given"):
        if about_c.count(kind) != 1:
            found.append(f"{kind} is recorded {about_c.count(kind)} times")
    if "approval.given" not in about_c[: about_c.index("attempt.landed")]:
        found.append("c landed before it was approved")
    checked = {event.task for event in events if event.type == "attempt.checked"}
    if checked != set(TASKS):
        found.append(f"evidence is recorded only for {checked}")
    patched = [event.data["by"] for event in events if event.type == "plan.patched"]
    if len(patched) != 1 or any(event.type == "patch.refused" for event in events):
        found.append(f"the plan was patched by {patched}")
    kinds = [(event.type, event.task) for event in events]
    if kinds.index(("plan.patched", None)) > kinds.index(("attempt.started", "b")):
        found.append("b began before the plan was patched")
    replayed = replay(PLAN, events)
    if replayed.difference is not None or replayed.unchecked:
        found.append(f"the replay differs: {replayed.difference or replayed.unchecked}")
    return found


def overlaps(events: list[Event]) -> list[str]:
    """Tasks that exclude each other and were at work at once."""
    at_work: set[str] = set()
    found = []
    for event in events:
        if event.type == "run.resumed":
            at_work.clear()
        elif event.type == "attempt.started" and event.task in ("b", "c"):
            at_work.add(event.task)
            if len(at_work) == 2:
                found.append(f"b and c are at work at once at event {event.seq}")
        elif event.type in ("attempt.failed", "attempt.landed", "approval.requested", "attempt.rejected"):
            at_work.discard(event.task or "")
    return found
