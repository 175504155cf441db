"""What must hold whenever time passes, and what must hold when a run is over. Judged from the log and from outside, by rules of its own."""

from __future__ import annotations

from collections import Counter

from plans import DEMAND
from world import Process, World

from agent_dispatcher.coordination.run_state import RunState, fold
from agent_dispatcher.models import ExecutionPlan, Task

ENDED = frozenset({"completed", "failed", "blocked", "skipped", "cancelled"})


def judge_quiet(world: World, now: float, concurrency: int) -> list[str]:
    """Nothing is ready to run in the event loop: everything that could be decided was, and everything decided was recorded.

    Exclusions are looked at with caution: whoever is in progress may hold what he excludes.
    """
    process = world.process
    if process is None or not process.alive or process.coordinator is None or process.quiet:
        return []
    statuses = process.coordinator.statuses()
    if not statuses:
        return []  # still beginning
    state, plan = world.state, world.plan_now()
    found = []
    parents = {task.id for task in plan.tasks if task.children}
    for name, status in statuses.items():
        recorded = state.task(name).status
        said = "pending" if status == "ready" else status
        if name not in parents and said != recorded:
            found.append(f"at {now:.3f} {name} is {status}, and the log says {recorded}")
    tests: dict[str, list[str]] = {}
    for gate in plan.gates:
        tests.setdefault(gate.subject, []).append(gate.test)
    before: dict[str, list[str]] = {}
    for one, other in plan.binding_edges():
        before.setdefault(other, []).append(one)
    done = {task.id for task in plan.tasks if state.task(task.id).status == "completed"}
    running = [name for name, task in state.tasks.items() if (task.status, task.phase) == ("in_progress", "running")]
    for resource, most in DEMAND.resources.items():
        used = sum(DEMAND.own_needs(task).get(resource, 0) for task in plan.tasks if task.id in running)
        if used > most:
            found.append(f"at {now:.3f} {used} of {resource} are taken, and there are {most}")
    if len(running) > concurrency:
        found.append(f"at {now:.3f} {running} are in progress, and only {concurrency} may be")
    for task in plan.tasks:
        known = state.task(task.id)
        if known.status == "pending" and len(running) < concurrency and not task.children:
            rests = process.resting.get(task.id, 0.0) > now - 0.002
            held = any(
                state.task(other).status == "in_progress"
                for exclusion in plan.exclusions
                if task.id in exclusion.tasks
                for other in exclusion.tasks
            )
            held = held or short(plan, process, task, state, running)
            if not rests and not held and done.issuperset(before.get(task.id, ())):
                found.append(f"at {now:.3f} {task.id} could run, and {concurrency - len(running)} places are free")
        waits = known.approval == "requested" or not done.issuperset(tests.get(task.id, ()))
        if (known.status, known.phase) == ("in_progress", "sealed") and not waits and process.landing is None:
            found.append(f"at {now:.3f} {task.id} could land, and nothing is landing")
    return found


def short(plan: ExecutionPlan, process: Process, task: Task, state: RunState, running: list[str]) -> bool:
    """Whether there is too little of a resource for it beside those at work, or its backend does not answer. One that was passed too often may
    have something set aside for it: then nothing is said."""
    if process.coordinator._engine._resources._first >= 0:
        return True
    if (state.task(task.id).agent_type or "worker") in DEMAND.backends and process.guard.circuit.state != "closed":
        return True
    at_work = [each for each in plan.tasks if each.id in running]
    return any(
        amount + sum(DEMAND.own_needs(other).get(resource, 0) for other in at_work) > DEMAND.resources[resource]
        for resource, amount in DEMAND.own_needs(task).items()
    )


def judge_log(world: World, *, over: bool = True) -> list[str]:
    """What a log may say at all, and with ``over`` what it must say at the end of a run."""
    log, found = world.log, list(world.violations)
    if [event.seq for event in log] != list(range(1, len(log) + 1)):
        found.append("the log has gaps")
    if list(world.store.read("seeded")) != log:
        found.append("what was recorded is not what is there")
    state, plan = fold(log), world.plan_now()
    for kind in ("attempt.landed", "task.completed"):
        for task, times in Counter(event.task for event in log if event.type == kind).items():
            if times != 1:
                found.append(f"{kind} of {task} is recorded {times} times")
    found += _judge_attempts(world)
    recorded = {event.task for event in log if event.type == "attempt.landed"}
    if over and recorded != set(world.landed):
        found.append(f"landed are {sorted(world.landed)}, and recorded {sorted(filter(None, recorded))}")
    position = {(event.type, event.task): event.seq for event in log}
    for before, after in plan.binding_edges():
        landed = position.get(("attempt.landed", after))
        if landed is not None and position.get(("task.completed", before), landed) >= landed:
            found.append(f"{after} landed before {before} was completed")
    requests = Counter(event.data.get("request") for event in log if event.type in ("plan.patched", "patch.refused"))
    found += [f"request {name} was decided {times} times" for name, times in requests.items() if name and times > 1]
    if not over:
        return found
    ends = {task.id: state.task(task.id).status for task in plan.tasks}
    open_ones = sorted(name for name, status in ends.items() if status not in ENDED)
    if open_ones:
        found.append(f"the run is {state.status}, and {open_ones} have not ended")
    values = set(ends.values())
    expected = "failed" if "failed" in values else "completed" if values <= {"completed"} else "partial"
    if state.status != "cancelled" and state.status != expected:
        found.append(f"the run is {state.status}, and its tasks say {expected}")
    last = [event.data["status"] for event in log if event.type == "run.finished"]
    if log[-1].type != "run.finished" or [status for status in last[:-1] if status != "cancelled"]:
        found.append(f"ends of the run: {last}, the last event is {log[-1].type}")
    said = [event.seq for event in log if event.type == "message"]
    if world.heard != said[: len(world.heard)]:
        found.append(f"heard were {world.heard}, and said {said}")
    return found


def _judge_attempts(world: World) -> list[str]:
    """Numbers without gaps, sealed work never done again, an end that is decided once, approval before landing."""
    found: list[str] = []
    last: dict[str, int] = {}
    phase: dict[str, str] = {}
    reviewed = {task.id for task in world.plan_now().tasks if task.type == "reviewed"}
    approved: set[tuple[str, int]] = set()
    for event in world.log:
        task, attempt = event.task, event.attempt or 0
        if task is None:
            continue
        if event.type == "attempt.started":
            if attempt != last.get(task, 0) + 1:
                found.append(f"{task} starts attempt {attempt} after {last.get(task, 0)}")
            if phase.get(task) in ("running", "sealed", "landed"):
                found.append(f"attempt {attempt} of {task} starts while the one before is {phase[task]}")
            last[task], phase[task] = attempt, "running"
        elif event.type in ("attempt.sealed", "attempt.failed", "attempt.rejected", "attempt.landed"):
            due = {"attempt.sealed": "running", "attempt.failed": "running"}.get(event.type, "sealed")
            found_later = event.data.get("found") and event.type == "attempt.landed"
            if (phase.get(task), last.get(task)) != (due, attempt) and not found_later:
                found.append(f"{event.type} of attempt {attempt} of {task}, which is {phase.get(task)}")
            phase[task] = event.type.partition(".")[2]
            if event.type == "attempt.landed" and task in reviewed and (task, attempt) not in approved:
                found.append(f"attempt {attempt} of {task} landed without approval")
        elif event.type == "approval.given":
            approved.add((task, attempt))
    return found
