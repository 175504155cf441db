"""The dispatcher: nine steps from a specification to verified work.

The public verbs come first and read like the list of steps; the steps follow in their order. What can be asked of plans in files and of recorded runs
stands in :class:`.runs.plan_files.PlanFiles` and :class:`.runs.recorded.RecordedRuns`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from .collecting import no_collections
from .config import Config, load_config
from .coordination.backend_guard import BackendGuard
from .coordination.run_state import fold
from .coordination.state_manager import StateManager
from .errors import ConfigError, DispatcherError, PlanError, Problem, UsageError
from .extension.components import Decomposition, PlanningContext
from .extension.llm import LastingBackend
from .extension.registry import Registry
from .llm import Budget, MeteredLlm, Prices, no_limit
from .models import ExecutionPlan, ExecutionResult, PlanPatch, Specification, Task
from .planning.dependency_resolver import DependencyResolver, Resolution
from .planning.history import Durations
from .planning.kept_replies import KeptReplies, replies_folder
from .planning.model_calls import PlanningLlm, PlanningRecord, Watch
from .planning.neighbours import files_beside
from .planning.patching import PatchedPlan
from .planning.planner import make_plan, plan_tasks
from .planning.reusing import Reusing
from .planning.task_decomposer import TaskDecomposer
from .planning.wishes import leave_out
from .planning.workflow import follow_up
from .reporting import build_report
from .runs.beginning import Ready, begin, reopen
from .runs.blocking import block
from .runs.candidates import recorded_candidates
from .runs.choices import Choices, Source
from .runs.history import learn, remember_durations
from .runs.index import new_run_id, state_home
from .runs.keeping import archive_of, scrubber_of
from .runs.model_door import ModelDoor
from .runs.plan_files import PlanFiles
from .runs.preflight import advise, examine, takers, try_patch, who_accepts
from .runs.problems import find_problems
from .runs.recorded import RecordedRuns
from .runs.records import Records
from .runs.session import RunOptions, RunSession

__all__ = ["AgentDispatcher", "Source"]

log = logging.getLogger(__name__)


class AgentDispatcher(PlanFiles, RecordedRuns):
    """Plans specifications and carries plans out.

    Args:
        config: sections and keys of the configuration file (or the architecture's own) as a dict, or a whole :class:`Config`.
        plugins: ``(name, plugin)`` pairs to use beside, or with ``discover=False`` instead of, what is installed.
        discover: whether installed plugins are found through their entry points, and configuration files are read.

    Dispatchers are independent of each other: two in one process share nothing. Each verb has an ``_async`` twin; the plain one
    refuses inside a running event loop.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | Config | None = None,
        *,
        plugins: Iterable[tuple[str, Any]] = (),
        discover: bool = True,
    ) -> None:
        if not isinstance(config, Config):
            config = load_config(Path.cwd() if discover else None, overrides=config or {}, use_files=discover)
        self.config = config
        self.registry = Registry(config, plugins=tuple(plugins), discover=discover)
        self._components = self.registry.scope(state_home() / "components")
        self._choose = Choices(config, self.registry, self._components)
        self._records = Records(self.registry)
        self._door = ModelDoor(config)

    # --- the verbs ----------------------------------------------------------------------------------------------------

    def plan(self, source: Source, *, fresh: bool = False, watch: Watch | None = None) -> ExecutionPlan:
        """What would be done for ``source``, and in which order; see :meth:`plan_async`."""
        return block("plan", self.plan_async(source, fresh=fresh, watch=watch))

    def dispatch(self, source: Source, output: str | Path | None = None, **options: Any) -> ExecutionResult:
        """Plan and execute; see :meth:`dispatch_async`."""
        return block("dispatch", self.dispatch_async(source, output, **options))

    def execute(self, plan: ExecutionPlan, output: str | Path | None = None, **options: Any) -> ExecutionResult:
        """Carry a plan out; see :meth:`execute_async`."""
        return block("execute", self.execute_async(plan, output, **options))

    def resume(self, run: str | None = None, output: str | Path | None = None, **options: Any) -> ExecutionResult:
        """Go on with a run; see :meth:`resume_async`."""
        return block("resume", self.resume_async(run, output, **options))

    def plan_tasks(
        self, tasks: Iterable[Task | Mapping[str, Any]], dependencies: Iterable[Any] = (), *, title: str = "tasks"
    ) -> ExecutionPlan:
        """A plan from a graph of your own.

        Args:
            tasks: tasks, or dicts with ``id`` and whatever other fields of a task.
            dependencies: :class:`agent_dispatcher.models.Dependency` values or ``(before, after)`` pairs of ids.

        Raises:
            CycleError: tasks wait for each other.
        """
        return plan_tasks(tasks, dependencies, title=title)

    async def plan_async(self, source: Source, *, fresh: bool = False, watch: Watch | None = None) -> ExecutionPlan:
        """Load, decompose, resolve, build, plan. No agent runs, and nothing is written but what a model answered, into the user's cache.

        Args:
            source: path of a file or folder, a specification, a finalized specification, or a dict.
            fresh: a model is asked whatever it has answered before (see :mod:`agent_dispatcher.planning.kept_replies`).
            watch: called with each question to a language model; what it gives is entered while the question is asked.

        Raises:
            UsageError: the path does not exist.
            SpecificationError, GraphError, PlanError, ConfigError: why there can be no plan, with places.
        """
        specification = self._choose.load(source)
        rules = self._choose.all("dependency_rule")  # a name that nobody has is told before a model is paid
        llm = self._planning_llm(watch, fresh=fresh)
        try:
            context = self._planning_context(specification, llm)
            decomposition = await self._decompose(specification, context, llm)
            durations = self._learned(specification, decomposition.tasks)
            decomposition = evolve(decomposition, tasks=durations.estimated(decomposition.tasks))
            resolution = await self._resolve_dependencies(decomposition, rules, context)
            if llm is not None:
                llm.ensure_useful()
        finally:
            if llm is not None and isinstance(llm.meter.backend, BackendGuard):
                llm.meter.backend.detach()
        plan = make_plan(specification, decomposition, resolution, durations)
        return plan if llm is None else llm.into(plan)

    async def dispatch_async(self, source: Source, output: str | Path | None = None, **options: Any) -> ExecutionResult:
        """Plan ``source`` and carry the plan out; the rest as in :meth:`execute_async`."""
        return await self.execute_async(await self.plan_async(source), output, **options)

    async def execute_async(
        self, plan: ExecutionPlan, output: str | Path | None = None, **options: Any
    ) -> ExecutionResult:
        """Initialize, validate, execute, report.

        Args:
            plan: what :meth:`plan_async` gave, maybe edited.
            output: root of the repository the work goes into; ``./<slug of the title>`` when ``None``.
            options: fields of :class:`agent_dispatcher.runs.session.RunOptions`.

        Returns:
            What came of it. A failed run is a result, not an exception.

        Raises:
            UsageError, ConfigError, PlanError, WorkspaceError, SandboxUnavailable: the run was refused; nothing was changed.
            asyncio.CancelledError: the run was interrupted and can be resumed.
        """
        folder = Path(output) if output is not None else Path(plan.specification.id or "output")
        session = self._initialize(new_run_id(), folder, plan.specification, RunOptions(**options))
        try:
            ready = await self._validate(plan, session, new=True)
            state = await begin(ready, session)
            try:
                await self._execute(ready, session, state)
                return self._report(ready.plan, session, state)
            finally:
                state.close()
        finally:
            await session.aclose()

    async def resume_async(
        self, run: str | None = None, output: str | Path | None = None, *, retry: bool = False, **options: Any
    ) -> ExecutionResult:
        """Go on with a run where its log ends, also with one that was cancelled. Of a finished run only the report is written again.

        Args:
            run: the run's id, or a checkpoint file, which is unpacked first; ``None`` for the newest unfinished one of the output folder.
            output: the output folder; ``None`` for the one the id names, or the nearest at or above the current folder.
            retry: take up failed and blocked tasks again, with all their attempts, also of a run that has ended.
            options: fields of :class:`agent_dispatcher.runs.session.RunOptions`; ``allow_partial`` and ``write_back`` are as the run was started.

        Raises:
            UsageError: there is no such run.
            Held: another live process owns it.
        """
        if run is not None and Path(run).is_file():
            run, output = await self.unpack_async(run, output)
        with no_collections():
            found = self._records.find(run, output)
        plan = found.plan
        options["allow_partial"] = bool(found.started.data.get("allow_partial"))
        session = self._initialize(found.run, found.output, plan.specification, RunOptions(**options))
        try:
            session.candidates = recorded_candidates(found.events, plan)
            over = found.finished and not (retry and found.status != "completed")
            ready = Ready(plan, {}, {}) if over else await self._validate(plan, session)
            state = session.state(found.events)
            try:
                if not over:
                    with no_collections():
                        patches = len(state.state().patches)
                    if patches > found.revision:  # whoever owned it until now has changed the plan
                        now = self._records.find(found.run, found.output)
                        plan, session.candidates = now.plan, recorded_candidates(now.events, now.plan)
                        ready = await self._validate(plan, session)
                    await reopen(ready, session, state, retry=retry)
                    await self._execute(ready, session, state)
                return self._report(plan, session, state)
            finally:
                state.close()
        finally:
            await session.aclose()

    async def aclose(self) -> None:
        """Close what planning opened; the dispatcher must not be used afterwards."""
        await self._components.aclose()

    # --- what can be asked without running anything -------------------------------------------------------------------

    def problems(
        self,
        plan: ExecutionPlan | Source | DispatcherError,
        *,
        output: str | Path | None = None,
        allow_partial: bool = False,
        unsafe_no_sandbox: bool = False,
    ) -> tuple[Problem, ...]:
        """Everything that would keep a plan from being run here, all at once. Empty: it can be run.

        Nothing is changed; packages that commands on the output need are fetched into the cache of its language.

        Args:
            plan: a plan, what is to be planned first, or the error that planning it ended with.
            output: where it would be run; ``None``: nothing is said about that.

        Raises:
            UsageError: the path does not exist.
        """
        return block(
            "problems",
            self.problems_async(plan, output=output, allow_partial=allow_partial, unsafe_no_sandbox=unsafe_no_sandbox),
        )

    async def problems_async(
        self,
        plan: ExecutionPlan | Source | DispatcherError,
        *,
        output: str | Path | None = None,
        allow_partial: bool = False,
        unsafe_no_sandbox: bool = False,
    ) -> tuple[Problem, ...]:
        """As :meth:`problems`."""
        options = RunOptions(allow_partial=allow_partial, unsafe_no_sandbox=unsafe_no_sandbox)
        where = Path(output) if output is not None else None
        return await find_problems(plan, where, options, self._choose, self.plan_async)

    def no_limit(self) -> str:
        """A line that says that nothing limits what the model in use may cost; ``""`` where something does, or there is none to pay for."""
        active = self._choose.llm()
        return "" if active is None else no_limit(self.config.budget, Prices.of(self.config), active)

    def agent_types_for(self, plan: ExecutionPlan, task: Task) -> tuple[tuple[str, str | None], ...]:
        """Every active agent type in rank, each with ``None`` if it would do a task of the plan, else with the reason why not."""
        session = RunSession.open("explain", Path(), self.registry, RunOptions())
        session.language = self._choose.some_language(plan.specification, [])
        return who_accepts(task, plan, session)

    def try_patch(
        self, patch: PlanPatch, run: str | None = None, output: str | Path | None = None
    ) -> PatchedPlan | tuple[Problem, ...]:
        """What a patch would make of the plan of a run as it stands, or everything that speaks against it; nothing is changed.

        Other arguments and errors as in :meth:`resume_async`.
        """
        return block("try_patch", self.try_patch_async(patch, run, output))

    async def try_patch_async(
        self, patch: PlanPatch, run: str | None = None, output: str | Path | None = None
    ) -> PatchedPlan | tuple[Problem, ...]:
        """As :meth:`try_patch`."""
        found = self._records.find(run, output)
        options = RunOptions(allow_partial=bool(found.started.data.get("allow_partial")))
        session = self._initialize(found.run, found.output, found.plan.specification, options)
        try:
            return try_patch(found.plan, fold(self._records.events(found.output, found.run)), patch, session)
        finally:
            await session.aclose()

    # --- step 1: initialize -------------------------------------------------------------------------------------------

    def _initialize(self, run: str, output: Path, specification: Specification, options: RunOptions) -> RunSession:
        """All problems of the configuration at once, then the parts of the run. Nothing is created on disk."""
        problems = self.registry.problems()
        if problems:
            raise ConfigError(problems)
        if output.exists() and not output.is_dir():
            raise UsageError(
                f"output {output} is a file: name a folder that is missing or empty, or a repository's root"
            )
        session = RunSession.open(run, output, self.registry, options)
        session.door = self._door
        session.language = self._choose.language(specification)
        session.source_format = self._choose.source_format(specification)
        if options.write_back and session.source_format is None:
            raise UsageError(
                f"--write-back: {specification.title!r} was not read from a file in which the status of a task can be written"
            )
        return session

    # --- step 2: decompose --------------------------------------------------------------------------------------------

    def _planning_llm(self, watch: Watch | None, *, fresh: bool) -> PlanningLlm | None:
        """The model backend in use with a meter of its own, for one plan, and the record of its calls; ``None`` without one."""
        active = self._choose.llm()
        if active is None:
            return None
        scrubber = scrubber_of(self.config, active.backend)
        record = PlanningRecord(active.name, archive_of(self.config, None, scrubber, log.warning))
        budget, prices = Budget.of(self.config.budget), Prices.of(self.config)
        guard = self._door.open(active, planning=True)
        meter = MeteredLlm(guard, active.name, budget, prices, journal=record, scrubber=scrubber)
        reusing = None
        if self.config.planning.reuse_replies and isinstance(active.backend, LastingBackend):
            kept = KeptReplies(replies_folder(), scrubber)
            options = self.config.options.get(f"llm:{active.name}", {})
            reusing = Reusing(kept, active.name, active.backend, options, fresh)
        return PlanningLlm(meter, record, watch, reusing)

    def _planning_context(self, specification: Specification, llm: PlanningLlm | None) -> PlanningContext:
        return PlanningContext(
            specification=specification,
            language=self._choose.language(specification),
            llm=llm,
            files=files_beside(specification),
        )

    async def _decompose(
        self, specification: Specification, context: PlanningContext, llm: PlanningLlm | None
    ) -> Decomposition:
        decomposer = TaskDecomposer(self._choose.all("decomposer"), llm.in_vain if llm is not None else None)
        decomposition = await decomposer.decompose(specification, context)
        if llm is not None:
            llm.ensure_useful()
        if self._choose.is_foreign(specification):
            text = f"no plugin offers the language {specification.language}: nothing here can compile or test what is written in it"
            decomposition = evolve(decomposition, warnings=(*decomposition.warnings, text))
        elif text := self._choose.unspoken(specification, decomposition.tasks):
            decomposition = evolve(decomposition, warnings=(*decomposition.warnings, text))
        decomposition = leave_out(decomposition, self._choose.wishes().leave_out)
        return follow_up(decomposition, specification, self.config.workflow.after, self.config.where)

    def _learned(self, specification: Specification, tasks: Iterable[Task]) -> Durations:
        """What past runs say about tasks that the same agent types would do now."""
        known = learn(self.config.planning.learn_from_runs)
        if not known.seconds:
            return known
        session = RunSession.open("plan", Path(), self.registry, RunOptions())
        session.language = self._choose.some_language(specification, [])
        return evolve(known, takers=takers(tasks, specification, session))

    # --- step 3: resolve dependencies (4 and 5, graph and plan, are make_plan) ----------------------------------------

    async def _resolve_dependencies(
        self, decomposition: Decomposition, rules: Sequence[tuple[str, Any]], context: PlanningContext
    ) -> Resolution:
        settings = self.config.planning
        resolver = DependencyResolver(
            rules,
            binding_threshold=settings.binding_threshold,
            advisory_threshold=settings.advisory_threshold,
            workers=self.config.concurrency(),
        )
        seen = evolve(context, suggestions=decomposition.suggestions)
        return await resolver.resolve(decomposition.tasks, context.specification, seen)

    # --- step 6: validate ---------------------------------------------------------------------------------------------

    async def _validate(self, plan: ExecutionPlan, session: RunSession, *, new: bool = False) -> Ready:
        """Everything the (new) run needs is there, or a :class:`PlanError` says all that is not."""
        session.llm = self._choose.llm()
        examined = await examine(plan, session, output=session.output if new else None)
        if examined.problems:
            raise PlanError(examined.problems, f"{plan.specification.title} cannot be run:")
        validation = examined.validation
        warnings = (*plan.warnings, *(text for text in validation.warnings if text not in plan.warnings))
        return Ready(
            evolve(validation.plan, warnings=warnings),
            validation.candidates,
            {each.task.id: "; ".join(reason for _, reason in each.reasons) for each in validation.refused},
        )

    # --- step 7: execute (after begin or reopen, which make the run's record), step 8: monitor -------------------------

    async def _execute(self, ready: Ready, session: RunSession, state: StateManager) -> str:
        """The coordinator carries the plan out; observers are told of every event (the session passes them on)."""
        return await session.coordinate(ready.plan, state, ready.assignments, ready.skipped, advise(session))

    # --- step 9: report -----------------------------------------------------------------------------------------------

    def _report(self, plan: ExecutionPlan, session: RunSession, state: StateManager) -> ExecutionResult:
        """Aggregate the log into the result and let every reporter write; one that raises costs a warning."""
        plan = session.plan or plan
        events = tuple(state.events())
        result, took = build_report(plan, session.run, events, output=str(session.output))
        session.run_dir.mkdir(parents=True, exist_ok=True)
        for name in self.registry.active("reporter"):
            try:
                session.components.get("reporter", name).write(result, plan, events, session.run_dir)
            except Exception as error:
                log.warning("reporter %s failed", name, exc_info=True)
                result = evolve(result, warnings=(*result.warnings, f"reporter {name!r} failed: {error}"))
        remember_durations(session.run, took)
        return result
