"""Ten writers at work on one repository at once, with overlaps that were planned; also killed and resumed. A program of its own, started by
``test_ten_writers.py``. Prints one JSON line per case.

Usage: ``writers_driver.py FOLDER seeds FIRST LAST``: runs, each with its own order, timing and size of batches.
``writers_driver.py FOLDER kill [train]``: one run killed at the first and last hit of every failpoint that stands in the way of landing (or of
those of batches only), and resumed.

The repository is a package ``shop`` with a program ``verify.py`` that says whether the whole is right. All ten begin from the same commit:

- everybody adds a module, imports it at the top of ``shop/app.py``, exports it in ``shop/__init__.py``, and adds a dependency: additions that are
  merged; three of them also add an entry to the table in ``shop/registry.py``: a conflict that two of them have to resolve,
- two change the same line of ``shop/settings.py``: a real conflict,
- one needs more of something, another one offers less of it: green alone, red together,
- one (in odd seeds) never gets it right: it comes back with its reason, and nobody else is kept back.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import sys
import traceback
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.coordination.coordinator import Coordinator, CoordinatorSettings
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.coordination.replay import replay
from agent_dispatcher.coordination.retry import RetryPolicy
from agent_dispatcher.coordination.state_manager import StateManager
from agent_dispatcher.extension import CheckContext, Opened
from agent_dispatcher.failpoints import read_environment
from agent_dispatcher.models import Event, Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace
from agent_dispatcher.workspace.integration import Integration
from agent_dispatcher_builtins.executors.local import LocalExecutor
from agent_dispatcher_builtins.stores.hooks import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore
from agent_dispatcher_builtins.workspaces.git import GitWorkspace

RUN, BRANCH = "writers", "dispatcher/writers"
SPECIFICATION = Specification(id="shop", title="shop")
WRITERS = tuple(f"w{number}" for number in range(10))
REGISTERED = ("w3", "w4", "w5")
LIMIT = {"w6": 6, "w7": 7}
OFFERS_LESS, NEEDS_MORE = "w8", "w9"
STUBBORN = "w2"

FILES = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = [\n    "base",\n]\n',
    "shop/__init__.py": 'from .core import total\n\n__all__ = [\n    "total",\n]\n',
    "shop/core.py": "def total(values):\n    return sum(values)\n",
    "shop/app.py": "from .core import total\n\n\ndef run():\n    return total([1, 2])\n",
    "shop/registry.py": "TABLE = {\n    'core': 'total',\n}\n",
    "shop/settings.py": "LIMIT = 1\n",
    "shop/offer.py": "OFFER = 10\n",
    "shop/need.py": "NEED = 4\n",
    "verify.py": (
        "import importlib, pathlib, tomllib\n"
        "import shop, shop.app, shop.need, shop.offer, shop.registry, shop.settings\n"
        "assert shop.app.run() == 3\n"
        "names = sorted(path.stem for path in pathlib.Path('shop').glob('w*.py'))\n"
        "for name in names:\n"
        "    assert getattr(shop, name)() == getattr(shop.app, name)() == name\n"
        "    assert not hasattr(importlib.import_module('shop.' + name), 'broken'), name + ' is broken'\n"
        "assert shop.__all__ == sorted(set(shop.__all__), key=shop.__all__.index) and set(names) < set(shop.__all__)\n"
        "needed = tomllib.loads(pathlib.Path('pyproject.toml').read_text())['project']['dependencies']\n"
        "assert {'base', *('lib-' + name for name in names)} == set(needed) and len(set(needed)) == len(needed)\n"
        "assert set(shop.registry.TABLE) == {'core', *(name for name in names if name in ('w3', 'w4', 'w5'))}\n"
        "assert shop.need.NEED <= shop.offer.OFFER, f'{shop.need.NEED} are needed and {shop.offer.OFFER} offered'\n"
    ),
}


def plan_of(seed: int) -> ExecutionPlan:
    """Ten tasks; which is the most urgent, the seed says."""
    names = list(WRITERS)
    random.Random(seed).shuffle(names)
    tasks = tuple(Task(id=name, title=f"Write {name}", type="code_writing") for name in names)
    return ExecutionPlan(specification=SPECIFICATION, tasks=tasks)


class Writer(BaseAgent):
    """Adds its part to what is there. What comes back with a reason it brings in again on top of what others did."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        name, files = task.id, context.workspace
        apart_s = (0.02, 0.25)[self._seed % 2]  # the nearer they end, the larger the batches
        await asyncio.sleep(random.Random(f"{self._seed}-{name}-{context.attempt}").random() * apart_s)
        broken = "broken = True\n" if name == STUBBORN and self._seed % 2 else ""
        files.write_text(f"shop/{name}.py", f"{broken}def {name}():\n    return {name!r}\n")

        def change(path: str, pattern: str, by: str) -> None:
            text = files.read_text(path)
            changed = re.sub(pattern, by, text, count=1)
            assert changed != text, f"{path} is not as {name} expected it"
            files.write_text(path, changed)

        change("shop/app.py", r"\n\n\ndef", rf"\nfrom .{name} import {name}\n\n\ndef")
        change("shop/__init__.py", r"\n\n__all__", rf"\nfrom .{name} import {name}\n\n__all__")
        change("shop/__init__.py", r"\n\]", rf'\n    "{name}",\n]')
        change("pyproject.toml", r"\n\]", rf'\n    "lib-{name}",\n]')
        if name in REGISTERED:
            change("shop/registry.py", r"\n}", rf"\n    {name!r}: {name!r},\n}}")
        if name in LIMIT:
            change("shop/settings.py", r"LIMIT = (.*)", rf"LIMIT = max(\1, {LIMIT[name]})")
        if name == OFFERS_LESS:
            change("shop/offer.py", "10", "8" if "are needed" in context.feedback else "5")
        if name == NEEDS_MORE:
            change("shop/need.py", "4", "5" if "are needed" in context.feedback else "8")
        return AgentResult(status="done", summary=f"wrote {name}")


class Verify:
    """Runs ``verify.py`` on the whole; of a task only whether its module can be read."""

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        return True

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        tree = context.tree
        if task is not None:
            text = (tree.path / "shop" / f"{task.id}.py").read_text()
            compile(text, task.id, "exec")
            return Evidence(id="x", check="x", passed=True, tree=tree.tree, summary="it can be read")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "verify.py"),
            cwd=tree.path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode().strip().splitlines()
        passed = process.returncode == 0
        return Evidence(id="x", check="x", passed=passed, tree=tree.tree, summary=said[-1] if said else "all is right")


def make_repository(folder: Path) -> None:
    """The shop as it was before."""
    for path, text in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "The shop")


async def carry_out(output: Path, seed: int) -> str:
    """One process of the run: begin it or go on with it."""
    data, plan = output / ".dispatcher", plan_of(seed)
    workspace: Any = GitWorkspace()
    with closing(SqlStore(data, SqlOptions(lease_s=1.0))) as store:
        state = StateManager(store, RUN, renew_s=0.2).open()
        try:
            begun = any(event.type == "run.started" for event in state.events())
            started = await workspace.start(RUN, output, title=SPECIFICATION.title)
            if begun:
                state.append("run.resumed", data={"owner": "driver", "epoch": state.lease.epoch})
            else:
                state.append("run.started", data={"base": started.base, "branch": started.branch})
            state.flush()
            run_dir = data / "runs" / RUN
            run_dir.mkdir(parents=True, exist_ok=True)

            def context_for(task: Task, attempt: int, opened: Opened, feedback: str, /, **own: Any) -> AgentContext:
                return AgentContext(
                    run=RUN,
                    attempt=attempt,
                    task=task.id,
                    specification=SPECIFICATION,
                    workspace=GuardedWorkspace(opened.path),
                    sandbox=None,  # type: ignore[arg-type]
                    feedback=feedback,
                    **own,
                )

            factory = AgentFactory(lambda name: Writer(seed))
            coordinator = Coordinator(
                plan=plan,
                run=RUN,
                state=state,
                workspace=workspace,
                integration=Integration(
                    workspace=workspace,
                    checks=[("verify", Verify())],
                    sandbox=None,  # type: ignore[arg-type]
                    language=None,
                    plan=plan,
                    run_dir=run_dir,
                ),
                executor=LocalExecutor(),
                factory=factory,
                bus=MessageBus(),
                settings=CoordinatorSettings(
                    concurrency=10,
                    poll_s=0.05,
                    max_attempts=6,
                    max_batch=(8, 3, 5)[seed % 3],
                    retry=RetryPolicy(base_s=0.01, max_s=0.01),
                ),
                assignments={task.id: ("writer",) for task in plan.tasks},
                context_for=context_for,
            )
            try:
                return await coordinator.run()
            finally:
                await factory.aclose()
        finally:
            state.close()
            await workspace.aclose()


def process(output: Path, seed: int, failpoints: str = "") -> int:
    """Carry the run out in a child; its exit status (0: it is over, -9: killed)."""
    pid = os.fork()
    if pid == 0:
        os.environ["AD_FAILPOINTS"] = failpoints
        read_environment()
        code = 1
        try:
            code = 0 if asyncio.run(carry_out(output, seed)) in ("completed", "failed") else 2
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def log_of(output: Path) -> list[Event]:
    with closing(SqlStore(output / ".dispatcher")) as store:
        return list(store.read(RUN))


def judge(output: Path, seed: int, sealed_before: dict[str, str], started_before: Counter[str]) -> list[str]:
    """Everything about the finished run that breaks a promise."""
    events, found = log_of(output), []
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
    events = log_of(output)
    reasons = [event for event in events if event.type == "attempt.rejected"]
    return {
        "attempts": sum(event.type == "attempt.started" for event in events),
        "together": max((len(event.data["tasks"]) for event in events if event.type == "whole.checked"), default=0),
        "conflicts": sum(bool(event.data["conflict"]) for event in reasons),
        "with_sides": sum("what both started from" in event.data["feedback"] for event in reasons),
        "torn": sorted({path for event in reasons for path in event.data["conflict"]}),
        "red_together": sum("the whole is red" in event.data["why"] for event in reasons),
    }


def seeds(folder: Path, first: int, last: int) -> bool:
    bad = False
    for seed in range(first, last):
        case = folder / f"seed-{seed}"
        make_repository(case / "out")
        code = process(case / "out", seed)
        found = [f"the run ends with {code}"] if code else judge(case / "out", seed, {}, Counter())
        print(json.dumps({"seed": seed, "faults": found, **what_happened(case / "out")}), flush=True)
        bad = bad or bool(found)
        shutil.rmtree(case)
    return not bad


def kill_everywhere(folder: Path, only: str = "") -> bool:
    """Kill a run at failpoints of landing, the first and the last hit; whether nothing broke a promise."""
    seed, trace = 6, folder / "trace"
    make_repository(folder / "reference" / "out")
    if process(folder / "reference" / "out", seed, f"trace={trace}") != 0:
        raise SystemExit("the run without faults does not end")
    hits = Counter(line.partition(":")[0] for line in trace.read_text().split())
    bad = False
    for name in sorted(hits):
        if not name.startswith(
            only or ("train.", "workspace.", "landing.", "integration.", "seal.", "final.", "finish.")
        ):
            continue
        for hit in sorted({1, hits[name]}):
            case = folder / f"{name}-{hit}"
            output = case / "out"
            make_repository(output)
            first = process(output, seed, f"{name}:{hit}:kill")
            while first == 0 and hit > 1:  # fewer hits this time: the last one is an earlier one
                shutil.rmtree(case)
                make_repository(output)
                hit -= 1
                first = process(output, seed, f"{name}:{hit}:kill")
            refs = git(output, "for-each-ref", "--format=%(refname) %(objectname)", "refs/dispatcher").split("\n")
            sealed = dict(line.split() for line in refs if line)
            started = Counter(event.task or "" for event in log_of(output) if event.type == "attempt.started")
            second = process(output, seed)
            found = [f"resume ends with {second}"] if second else judge(output, seed, sealed, started)
            report = {"point": f"{name}:{hit}", "first": first, "sealed": len(sealed), "faults": found}
            print(json.dumps(report), flush=True)
            bad = bad or bool(found)
            shutil.rmtree(case)
    return not bad


if __name__ == "__main__":
    where, mode, *rest = sys.argv[1:]
    good = seeds(Path(where), int(rest[0]), int(rest[1])) if mode == "seeds" else kill_everywhere(Path(where), *rest)
    sys.exit(not good)
