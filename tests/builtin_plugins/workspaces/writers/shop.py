"""A package ``shop`` and ten writers who change it at once.

A program ``verify.py`` says whether the whole is right. All ten begin from the same commit:

- everybody adds a module, imports it at the top of ``shop/app.py``, exports it in ``shop/__init__.py``, and adds a dependency: additions that are
  merged; three of them also add an entry to the table in ``shop/registry.py``: a conflict that two of them have to resolve,
- two change the same line of ``shop/settings.py``: a real conflict,
- one needs more of something, another one offers less of it: green alone, red together,
- one (in odd seeds) never gets it right: it comes back with its reason, and nobody else is kept back.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.coordination.agent_factory import AgentFactory
from agent_dispatcher.coordination.coordinator import Coordinator, CoordinatorSettings
from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.coordination.retry import RetryPolicy
from agent_dispatcher.coordination.state_manager import StateManager
from agent_dispatcher.extension import CheckContext
from agent_dispatcher.models import Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher.workspace.integration import Integration
from agent_dispatcher_builtins.executors.local import LocalExecutor
from agent_dispatcher_builtins.stores.options import SqlOptions
from agent_dispatcher_builtins.stores.sql import SqlStore
from agent_dispatcher_builtins.workspaces.git import GitWorkspace
from killed_runs import contexts_of, git, record_beginning

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
            started = await workspace.start(RUN, output, title=SPECIFICATION.title)
            record_beginning(state, lambda: {"base": started.base, "branch": started.branch})
            run_dir = data / "runs" / RUN
            run_dir.mkdir(parents=True, exist_ok=True)

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
                context_for=contexts_of(RUN, SPECIFICATION),
            )
            try:
                return await coordinator.run()
            finally:
                await factory.aclose()
        finally:
            state.close()
            await workspace.aclose()


def complete(output: Path, seed: int) -> int:
    """Carry the run out; the exit status of the process (0: it is over)."""
    return 0 if asyncio.run(carry_out(output, seed)) in ("completed", "failed") else 2
