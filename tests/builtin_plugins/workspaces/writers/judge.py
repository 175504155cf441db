"""What ten writers must have come to, whatever the order, the timing and the kills."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from shop import BRANCH, REGISTERED, RUN, STUBBORN, WRITERS, plan_of

from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.models import Event
from killed_runs import git, log_of


def judge(output: Path, seed: int, sealed_before: dict[str, str], started_before: Counter[str]) -> list[str]:
    """Everything about the finished run that breaks a promise."""
    events, found = log_of(output, RUN), []
    stubborn = {STUBBORN} if seed % 2 else set()
    ends = {event.task: event for event in events if event.type in ("task.completed", "task.failed")}
    for name in WRITERS:
        end = ends.get(name)
        if end is None or end.type != ("task.failed" if name in stubborn else "task.completed"):
            found.append(f"the end of {name} is {end}")
        elif name in stubborn and f"{name} is broken" not in end.data["error"]:
            found.append(f"{name} came back without its reason: {end.data['error']}")
    for event in events:
        if event.type == "attempt.rejected" and not (event.data["why"] and event.data["feedback"]):
            found.append(f"an attempt of {event.task} came back without a reason")
    landed = git(output, "log", "--format=%(trailers:key=Dispatcher-Task,valueonly,separator=%x2C)", BRANCH).split()
    if sorted(landed) != sorted({*WRITERS} - stubborn):
        found.append(f"commits of tasks on the branch: {sorted(landed)}")
    reachable = set(git(output, "rev-list", "--all").split())
    for event in events:
        if event.type == "attempt.sealed" and event.data["change"]["commit"] not in reachable:
            found.append(f"the sealed work of {event.task}, attempt {event.attempt}, is gone")
    found += [f"{commit} of {ref} is gone" for ref, commit in sealed_before.items() if commit not in reachable]
    started = Counter(event.task for event in events if event.type == "attempt.started")
    for ref in sealed_before:
        name, attempt = ref.split("/")[-2:]
        refused = sum(event.type == "attempt.rejected" and event.task == name for event in events)
        if started_before[name] == int(attempt) and started[name] > int(attempt) + refused:
            found.append(f"sealed work of {name} was done again")
    found += judge_evidence(output, events)
    if found_on := verify_tip(output):
        found.append(f"the final tree does not pass: {found_on}")
    if git(output, "status", "--porcelain") or len(git(output, "worktree", "list").splitlines()) != 1:
        found.append("something was left behind")
    replayed = replay(plan_of(seed), events)
    if replayed.difference is not None or replayed.unchecked:
        found.append(f"the replay differs: {replayed.difference or replayed.unchecked}")
    return found


def judge_evidence(output: Path, events: list[Event]) -> list[str]:
    """Whatever the branch was moved to had been looked at and found green, and that was recorded before."""
    green: set[str] = set()
    found = []
    batch: list[str] = []
    for event in events:
        if event.type == "whole.checked":
            if all(one["passed"] for one in event.data["evidence"]):
                green.add(event.data["tree"])
            batch = list(event.data["tasks"])
        elif event.type == "attempt.landed" and not event.data.get("found"):
            if event.task not in batch:
                continue  # made on the very tip: what concerns it was looked at
            batch.remove(event.task)
            if not batch and event.data["tree"] not in green:
                found.append(f"the batch of {event.task} landed and its tree was not looked at")
    return found


def verify_tip(output: Path) -> str:
    """What ``verify.py`` says about the branch, run by hand."""
    place = output.parent / "by-hand"
    git(output, "worktree", "add", "-q", "--detach", str(place), BRANCH)
    try:
        done = subprocess.run(
            [sys.executable, "-B", "verify.py"], cwd=place, capture_output=True, text=True, check=False
        )
        limit = (place / "shop" / "settings.py").read_text().strip()
        table = set(re.findall(r"'(w\d)'", (place / "shop" / "registry.py").read_text()))
    finally:
        git(output, "worktree", "remove", "--force", str(place))
    if limit not in ("LIMIT = max(max(1, 6), 7)", "LIMIT = max(max(1, 7), 6)") or table != set(REGISTERED):
        return f"{limit}, {sorted(table)}"
    return "" if done.returncode == 0 else done.stderr.strip()


def what_happened(output: Path) -> dict[str, Any]:
    """Numbers about a run."""
    events = log_of(output, RUN)
    reasons = [event for event in events if event.type == "attempt.rejected"]
    return {
        "attempts": sum(event.type == "attempt.started" for event in events),
        "together": max((len(event.data["tasks"]) for event in events if event.type == "whole.checked"), default=0),
        "conflicts": sum(bool(event.data["conflict"]) for event in reasons),
        "with_sides": sum("what both started from" in event.data["feedback"] for event in reasons),
        "torn": sorted({path for event in reasons for path in event.data["conflict"]}),
        "red_together": sum("the whole is red" in event.data["why"] for event in reasons),
    }
