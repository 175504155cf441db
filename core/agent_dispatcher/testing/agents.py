"""What an agent must keep to: it writes only what it promised and only through its workspace, says honestly what it did, and can be used again."""

from __future__ import annotations

import asyncio
import inspect
import math
import os
import tempfile
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ..agents.base_agent import AgentResult, BaseAgent, SyncAgent
from ..errors import PathRefused, PluginError, SandboxUnavailable
from ..extension.components import AgentType, Available, Sandbox
from ..models import PlanPatch, Specification, Task
from ..workspace.path_names import split_path
from .context import AgentRun, run_agent_async
from .contract import Contract
from .samples import sample_specification

__all__ = ["AgentContract"]

_T = TypeVar("_T")


class AgentContract(Contract):
    """Subclass it and override :meth:`make_agent` and :meth:`task`.

    Attributes:
        only_promised: whether the agent may write no file but those its task promises (and the ones that were there before).
    """

    only_promised: ClassVar[bool] = True

    def make_agent(self) -> BaseAgent | SyncAgent:
        """A fresh instance, as its agent type's factory makes it."""
        self.to_override("make_agent(self)")

    def task(self) -> Task:
        """A task that the agent can do."""
        self.to_override("task(self)")

    def agent_type(self) -> AgentType | None:
        """What its plugin offers; ``None`` (the default) skips the promises about it."""
        return None

    def foreign_task(self) -> Task | None:
        """A task that is none of its business; ``None`` (the default) skips."""
        return None

    def specification(self) -> Specification:
        """What is being built."""
        return sample_specification()

    def files(self) -> Mapping[str, str]:
        """What the workspace holds before."""
        return {}

    def make_sandbox(self) -> Sandbox | None:
        """What its commands run in; without one (the default) every command is refused."""
        return None

    def context(self) -> Mapping[str, Any]:
        """Further fields of the context: ``language``, ``llm`` (a fresh one each time), ``promised``, ..."""
        return {}

    # --- promises -----------------------------------------------------------------------------------------------------

    def test_it_is_an_agent(self) -> None:
        """The instance is a BaseAgent whose ``execute`` awaits, or a SyncAgent whose ``execute`` does not."""
        agent = self.make_agent()
        self.promise(
            isinstance(agent, BaseAgent | SyncAgent),
            f"it is a {type(agent).__name__}",
            "an agent is a BaseAgent or a SyncAgent",
        )
        waits = inspect.iscoroutinefunction(agent.execute)
        self.promise(
            waits == isinstance(agent, BaseAgent),
            f"its execute {'awaits' if waits else 'does not await'}",
            "BaseAgent.execute is async, SyncAgent.execute is not",
        )

    def test_it_does_its_task(self, tmp_path: Path) -> None:
        """The suite's task ends as *done*, and the files it promises are there."""
        run = self._run(tmp_path)
        if run.result.status != "done":
            self.broken(f"its own task ended as {run.result.status}: {run.result.error}", "what it takes it does")
        promised = [ref.name for ref in self.task().produces if ref.type == "path"]
        missing = [path for path in promised if path not in run.files]
        self.promise(
            not missing,
            f"it said done and these promised files are missing: {missing}",
            "done means that there is something to check",
        )

    def test_its_result_can_be_recorded(self, tmp_path: Path) -> None:
        """Summary is one line, artifacts are files of the workspace, usage is a number, a failure has a reason, a patch is a patch."""
        run = self._run(tmp_path)
        result = run.result
        self.promise(
            "\n" not in result.summary.strip(),
            f"the summary has several lines: {result.summary!r:.200}",
            "summary is one sentence",
        )
        self.promise(
            result.patch is None or isinstance(result.patch, PlanPatch),
            f"its patch is a {type(result.patch).__name__}",
            "what it wants changed in the plan is a PlanPatch",
        )
        for artifact in result.artifacts:
            try:
                split_path(artifact.path)
            except PathRefused as error:
                self.broken(
                    f"an artifact has the path {artifact.path!r}: {error}",
                    "artifact paths are relative to the workspace",
                )
            self.promise(
                artifact.path in run.files,
                f"the artifact {artifact.path} is not in the workspace",
                "artifacts are what was made",
            )
            self.promise(
                artifact.task == self.task().id,
                f"the artifact {artifact.path} is said to be of task {artifact.task!r}",
                "artifacts name the task they were made for",
            )
        self.promise(
            result.tokens >= 0 and not (result.cost_usd or 0) < 0,
            f"the usage is {result.tokens}, {result.cost_usd}",
            "usage is not negative",
        )

    def test_it_writes_only_what_it_promised(self, tmp_path: Path) -> None:
        """No file but the promised ones is new or changed, and nothing that was there is gone."""
        if not self.only_promised:
            self.skip("the suite says that the agent may write other files, too")
        run, before = self._run(tmp_path), self.files()
        promised = {ref.name for ref in self.task().produces if ref.type == "path"}
        changed = sorted(path for path in {*run.files, *before} - promised if run.files.get(path) != before.get(path))
        self.promise(
            not changed,
            f"it changed {changed}, which its task does not promise",
            "an agent touches only what its task promises",
        )

    def test_it_stays_in_its_workspace(self, tmp_path: Path) -> None:
        """Beside the workspace nothing is written: not into the current folder, not beside it, not into the temporary folder; the process is as before."""
        decoy = tmp_path / "current"
        (decoy / "below").mkdir(parents=True)
        sandbox = self._sandbox()
        here, environment, temporary = Path.cwd(), dict(os.environ), tempfile.tempdir
        os.chdir(decoy)
        tempfile.tempdir = str(decoy)
        try:
            self._run(tmp_path / "own", sandbox=sandbox)
            moved = Path.cwd()
            changed = sorted(key for key in {*os.environ, *environment} if os.environ.get(key) != environment.get(key))
        finally:
            os.chdir(here)
            tempfile.tempdir = temporary
        left = sorted(
            path.relative_to(tmp_path).as_posix()
            for path in tmp_path.rglob("*")
            if path.is_file() and not path.is_relative_to(tmp_path / "own" / "work")
        )
        self.promise(
            not left, f"it left files outside its workspace: {left}", "an agent writes through context.workspace only"
        )
        self.promise(
            moved == decoy,
            f"it changed the current folder to {moved}",
            "an agent leaves the process as it is: others run in it",
        )
        self.promise(
            not changed, f"it changed the variables {changed}", "an agent leaves the process as it is: others run in it"
        )

    def test_it_can_be_used_again(self, tmp_path: Path) -> None:
        """One instance does the task a second time in another folder as it did the first time; so does a fresh one."""
        agent = self.make_agent()
        runs = [
            self._run(tmp_path / str(number), agent=each)
            for number, each in enumerate((agent, agent, self.make_agent()))
        ]
        statuses = [run.result.status for run in runs]
        self.promise(
            len(set(statuses)) == 1,
            f"three times the same task ended as {statuses}",
            "an instance is used for many tasks",
        )
        paths = [sorted(run.files) for run in runs]
        self.promise(
            paths[0] == paths[1] == paths[2],
            f"three times the same task left {paths}",
            "what an agent remembers does not change its work",
        )

    def test_progress_is_a_fraction(self, tmp_path: Path) -> None:
        """Progress goes from 0 to 1 and never back, with a text."""
        told = self._run(tmp_path).progress
        fractions = [fraction for fraction, _ in told]
        sound = all(isinstance(each, int | float) and math.isfinite(each) and 0 <= each <= 1 for each in fractions)
        self.promise(sound, f"it reported progress of {fractions}", "fraction is from 0 to 1")
        self.promise(fractions == sorted(fractions), f"progress went back: {fractions}", "progress does not go back")
        self.promise(
            all(isinstance(text, str) for _, text in told), "it reported progress without a text", "progress has a text"
        )

    def test_the_event_loop_goes_on(self, tmp_path: Path) -> None:
        """While an agent works, other agents go on: nothing holds the event loop for more than a second."""
        sandbox, worst = self._sandbox(), 0.0

        async def work() -> None:
            nonlocal worst

            async def tick() -> None:
                nonlocal worst
                while True:
                    before = time.monotonic()
                    await asyncio.sleep(0.01)
                    worst = max(worst, time.monotonic() - before - 0.01)

            ticking = asyncio.ensure_future(tick())
            await self._attempt(tmp_path, self.make_agent(), self.task(), sandbox)
            await asyncio.sleep(0.02)
            ticking.cancel()

        self._tried(work())
        self.promise(
            worst < 1.0,
            f"the event loop stood still for {worst:.1f} seconds",
            "an agent that blocks is a SyncAgent, or uses a thread",
        )

    def test_cancelling_ends_it(self, tmp_path: Path) -> None:
        """An agent that awaits ends when it is cancelled, at once and as cancelled."""
        if isinstance(self.make_agent(), SyncAgent):
            self.skip("a SyncAgent cannot be interrupted; it looks at context.deadline")

        sandbox = self._sandbox()

        async def work() -> tuple[bool, bool]:
            attempt = asyncio.ensure_future(self._attempt(tmp_path, self.make_agent(), self.task(), sandbox))
            for _ in range(3):
                await asyncio.sleep(0)
            if attempt.done():
                return True, False
            attempt.cancel()
            await asyncio.wait({attempt}, timeout=5.0)
            return attempt.done(), attempt.done() and not attempt.cancelled() and attempt.exception() is None

        ended, swallowed = self._tried(work())
        self.promise(ended, "five seconds after it was cancelled it was still at work", "cancelling ends an attempt")
        self.promise(not swallowed, "it was cancelled and returned a result", "CancelledError passes through")

    def test_foreign_tasks_are_not_done(self, tmp_path: Path) -> None:
        """A task that is none of its business is declined or fails with a reason; it is never *done*."""
        task = self.foreign_task()
        if task is None:
            self.skip("the suite has no foreign task (foreign_task)")
        try:
            result = self._run(tmp_path, task=task).result
        except AssertionError:
            raise
        except Exception as error:
            self.broken(f"a foreign task raised {type(error).__name__}: {error}", "what it cannot do it declines")
        self.promise(
            result.status != "done",
            "it said done to a task that is none of its business",
            "what it cannot do it declines",
        )
        self.promise(result.error, f"it {result.status} without a reason", "a refusal has a reason")

    def test_its_type_says_what_it_does(self) -> None:
        """The offered agent type has a plain name, a summary and task types, and its ``accepts`` agrees with the suite's tasks, purely."""
        offered = self.agent_type()
        if offered is None:
            self.skip("the suite names no agent type (agent_type)")
        plain = offered.name == offered.name.lower() and offered.name.replace("-", "").isalnum()
        self.promise(plain, f"the name is {offered.name!r}", "names are in kebab case")
        self.promise(offered.summary.strip(), "the summary is empty", "a component says in one sentence what it does")
        task, foreign = self.task(), self.foreign_task()
        fits = "*" in offered.task_types or task.type in offered.task_types
        self.promise(
            fits,
            f"its task types {sorted(offered.task_types)} do not have {task.type!r}",
            "task_types names what it does",
        )
        language = self.context().get("language")
        available = Available(
            specification=self.specification(),
            language=getattr(language, "name", ""),
            llm="sample",
            capabilities=frozenset({"sandbox"}),
        )
        first, second = (offered.accepts(task, available) for _ in range(2))
        self.promise(
            first is None and second is None,
            f"accepts gave {first!r}, then {second!r} for the suite's task",
            "accepts is None for what it can do, and pure",
        )
        if foreign is not None and (foreign.type in offered.task_types or "*" in offered.task_types):
            reason = offered.accepts(foreign, available)
            self.promise(
                isinstance(reason, str) and reason,
                f"accepts gave {reason!r} for the foreign task",
                "accepts gives the reason why not",
            )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _run(
        self,
        place: Path,
        *,
        agent: BaseAgent | SyncAgent | None = None,
        task: Task | None = None,
        sandbox: Sandbox | None = None,
    ) -> AgentRun:
        ready = sandbox or self._sandbox()
        return self._tried(self._attempt(place, agent or self.make_agent(), task or self.task(), ready))

    def _sandbox(self) -> Sandbox | None:
        """The suite's sandbox after it proved itself; skips where it does not work."""
        sandbox = self.make_sandbox()
        if sandbox is not None:
            self._tried(sandbox.probe())
        return sandbox

    def _tried(self, work: Coroutine[Any, Any, _T]) -> _T:
        try:
            return self.go(work, limit_s=120.0)
        except PluginError as error:
            self.broken(str(error), "execute returns an AgentResult")
        except SandboxUnavailable as error:
            self.skip(str(error))

    async def _attempt(
        self, place: Path, agent: BaseAgent | SyncAgent, task: Task, sandbox: Sandbox | None
    ) -> AgentRun:
        run = await run_agent_async(
            agent,
            task,
            folder=place / "work",
            files=self.files(),
            specification=self.specification(),
            **{"sandbox": sandbox, "deadline": time.monotonic() + 120.0, **self.context()},
        )
        assert isinstance(run.result, AgentResult)
        return run
