"""The dispatcher: nine steps from a specification to verified work.

The public verbs come first and read like the list of steps; the steps follow in their order.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import asdict, evolve, frozen

from .collecting import rare_collections
from .config import Config, load_config
from .coordination.backend_guard import BackendGuard
from .coordination.model_calls import planning_data
from .coordination.run_state import fold
from .coordination.run_to_end import run_to_end
from .coordination.state_manager import StateManager
from .errors import (
    ConfigError,
    GraphError,
    PlanError,
    PluginError,
    Problem,
    SpecificationError,
    Unavailable,
    UnknownComponentError,
    UsageError,
)
from .extension.components import (
    AgentType,
    Decomposition,
    Language,
    PlanningContext,
    PlanRenderer,
    RunFolder,
    StatusWriter,
    Wishes,
)
from .extension.registry import Registry
from .llm import ActiveBackend, Budget, MeteredLlm, Prices, active_backend
from .models import ExecutionPlan, ExecutionResult, FinalizedSpecification, PlanPatch, Specification, Task
from .planning.conversion import Conversion, WritingFormat, convert
from .planning.dependency_resolver import DependencyResolver, Resolution
from .planning.history import Durations
from .planning.model_calls import PlanningRecord
from .planning.packed_plan import pack
from .planning.patching import PatchedPlan
from .planning.planner import make_plan, plan_tasks
from .planning.sources import load_mapping, load_path
from .planning.task_decomposer import TaskDecomposer
from .planning.wishes import combine, leave_out
from .planning.workflow import follow_up
from .reporting import build_report, build_result
from .runs.candidates import recorded_candidates
from .runs.desk import RunDesk
from .runs.history import learn, remember_durations
from .runs.index import new_run_id, remember_run, state_home
from .runs.keeping import archive_of, scrubber_of
from .runs.model_door import ModelDoor
from .runs.moving import Mover
from .runs.preflight import advise, examine, output_problems, takers, try_patch, who_accepts
from .runs.pruning import Pruner
from .runs.records import Records, RunLog
from .runs.session import RunOptions, RunSession
from .workspace.source_statuses import SourceFormat

__all__ = ["AgentDispatcher", "Source"]

log = logging.getLogger(__name__)

#: What can be planned: a path, or a specification in one of its forms.
Source = str | Path | Specification | FinalizedSpecification | Mapping[str, Any]

#: A specification may lie in the root of a large repository: its neighbours are looked at only so far.
_MOST_FILES = 5000

_T = TypeVar("_T")


@frozen
class _Ready:
    """A plan that may be run: who can do which task, and what is left out."""

    plan: ExecutionPlan
    assignments: Mapping[str, tuple[str, ...]]
    skipped: Mapping[str, str]


class AgentDispatcher:
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
        self._records = Records(self.registry)
        self._door = ModelDoor(config)

    # --- the verbs ----------------------------------------------------------------------------------------------------

    def plan(self, source: Source) -> ExecutionPlan:
        """What would be done for ``source``, and in which order; see :meth:`plan_async`."""
        return _block("plan", self.plan_async(source))

    def dispatch(self, source: Source, output: str | Path | None = None, **options: Any) -> ExecutionResult:
        """Plan and execute; see :meth:`dispatch_async`."""
        return _block("dispatch", self.dispatch_async(source, output, **options))

    def execute(self, plan: ExecutionPlan, output: str | Path | None = None, **options: Any) -> ExecutionResult:
        """Carry a plan out; see :meth:`execute_async`."""
        return _block("execute", self.execute_async(plan, output, **options))

    def resume(self, run: str | None = None, output: str | Path | None = None, **options: Any) -> ExecutionResult:
        """Go on with a run; see :meth:`resume_async`."""
        return _block("resume", self.resume_async(run, output, **options))

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

    async def plan_async(self, source: Source) -> ExecutionPlan:
        """Load, decompose, resolve, build, plan. No agent runs and nothing is written.

        Args:
            source: path of a file or folder, a specification, a finalized specification, or a dict.

        Raises:
            UsageError: the path does not exist.
            SpecificationError, GraphError, PlanError, ConfigError: why there can be no plan, with places.
        """
        specification = self._load(source)
        llm, record = self._planning_llm()
        try:
            context = self._planning_context(specification, llm)
            decomposition = await self._decompose(specification, context, record)
            durations = self._learned(specification, decomposition.tasks)
            decomposition = evolve(decomposition, tasks=durations.estimated(decomposition.tasks))
            resolution = await self._resolve_dependencies(decomposition, context)
        finally:
            if llm is not None and isinstance(llm.backend, BackendGuard):
                llm.backend.detach()
        plan = make_plan(specification, decomposition, resolution, durations)
        return plan if llm is None or record is None else record.into(plan, llm)

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
            state = await self._begin(ready, session)
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
        found = self._records.find(run, output)
        plan = found.plan
        options["allow_partial"] = bool(found.started.data.get("allow_partial"))
        session = self._initialize(found.run, found.output, plan.specification, RunOptions(**options))
        try:
            session.candidates = recorded_candidates(found.events, plan)
            over = found.finished and not (retry and found.status != "completed")
            ready = _Ready(plan, {}, {}) if over else await self._validate(plan, session)
            state = session.state(found.events)
            try:
                if not over:
                    if len(state.state().patches) > found.revision:  # whoever owned it until now has changed the plan
                        now = self._records.find(found.run, found.output)
                        plan, session.candidates = now.plan, recorded_candidates(now.events, now.plan)
                        ready = await self._validate(plan, session)
                    await self._reopen(ready, session, state, retry=retry)
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
        plan: ExecutionPlan | Source,
        *,
        output: str | Path | None = None,
        allow_partial: bool = False,
        unsafe_no_sandbox: bool = False,
    ) -> tuple[Problem, ...]:
        """Everything that would keep a plan from being run here, all at once; nothing is changed. Empty: it can be run.

        Args:
            plan: a plan, or what is to be planned first.
            output: where it would be run; ``None``: nothing is said about that.

        Raises:
            UsageError: the path does not exist.
        """
        options = RunOptions(allow_partial=allow_partial, unsafe_no_sandbox=unsafe_no_sandbox)
        return _block("problems", self._problems(plan, Path(output) if output is not None else None, options))

    async def problems_async(
        self,
        plan: ExecutionPlan | Source,
        *,
        output: str | Path | None = None,
        allow_partial: bool = False,
        unsafe_no_sandbox: bool = False,
    ) -> tuple[Problem, ...]:
        """As :meth:`problems`."""
        options = RunOptions(allow_partial=allow_partial, unsafe_no_sandbox=unsafe_no_sandbox)
        return await self._problems(plan, Path(output) if output is not None else None, options)

    async def _problems(
        self, plan: ExecutionPlan | Source, output: Path | None, options: RunOptions
    ) -> tuple[Problem, ...]:
        found = list(self.registry.problems())
        session = RunSession.open("validate", output or Path(), self.registry, options)
        try:
            ready = await self._plannable(plan, found)
            if ready is None:
                found += await output_problems(session, output) if output is not None else ()
                return tuple(dict.fromkeys(found))
            session.language = self._some_language(ready.specification, found)
            session.llm = self._some_llm(found)
            return (await examine(ready, session, output=output, known=found)).problems
        finally:
            await session.aclose()

    async def _plannable(self, plan: ExecutionPlan | Source, found: list[Problem]) -> ExecutionPlan | None:
        """The plan; ``None`` when there can be none, with the reasons added to ``found``."""
        try:
            return plan if isinstance(plan, ExecutionPlan) else await self.plan_async(plan)
        except (SpecificationError, PlanError, ConfigError) as error:
            found += error.problems
        except (GraphError, PluginError) as error:
            if str(error) not in [problem.what for problem in found]:
                found.append(Problem(str(error)))
        return None

    def _some_language(self, specification: Specification, found: list[Problem]) -> Language | None:
        """The language; where the configuration is wrong (``found`` says so), the one that would be used without it."""
        try:
            return self._language(specification)
        except ConfigError:
            return next((language for _, language in self._all("language")), None)
        except PluginError as error:
            if str(error) not in [problem.what for problem in found]:
                found.append(Problem(str(error)))
            return None

    def _some_llm(self, found: list[Problem]) -> ActiveBackend | None:
        """The model backend; ``None`` when there is none or it cannot be used, with the reasons added to ``found``."""
        try:
            return active_backend(self.config, self.registry, self._components)
        except ConfigError as error:
            found += error.problems
        except PluginError as error:
            if str(error) not in [problem.what for problem in found]:
                found.append(Problem(str(error)))
        return None

    def read_plan(self, path: Path) -> ExecutionPlan:
        """The plan in a file that ``plan --output`` wrote, maybe edited since; its specification is read again.

        Raises:
            PlanError: the file is no valid plan, or the specification has changed since the plan was made.
        """
        from .planning.plan_json import plan_from_json
        from .safe_load import plain_json, read_text

        document = plain_json(read_text(path), source=str(path))
        return plan_from_json(
            document,
            plan_path=path,
            load_specification=self._load,
            durations=learn(self.config.planning.learn_from_runs),
        )

    def write_plan(self, plan: ExecutionPlan, path: Path) -> None:
        """Write a plan as the end of the file's name says: ``.json`` is a plan file, others are what active reporters can show a plan as.

        Raises:
            UsageError: its folder does not exist, or nobody writes such files.
        """
        from .planning.plan_file import write_plan

        write_plan(plan, path, [each for _, each in self._all("reporter") if isinstance(each, PlanRenderer)])

    def convert(self, plan: ExecutionPlan, to: str) -> Conversion:
        """The plan in the words of the specification format ``to``, and what those cannot say.

        Raises:
            UsageError: no format of that name writes plans; names the active ones that do.
            PlanError: that format cannot hold this plan.
        """
        return convert(plan, to, self.plan_writer(to))

    def plan_writer(self, name: str) -> WritingFormat:
        """The specification format in which :meth:`convert` writes; to name it is enough, it need not be an active one.

        Raises:
            UsageError: no format of that name writes plans; names the active ones that do.
        """
        kind = "specification_format"
        formats = dict(self._all(kind))
        if name not in formats and any(offered.name == name for offered in self.registry.offers(kind)):
            formats[name] = self._components.get(kind, name)
        writers = {each: format for each, format in formats.items() if isinstance(format, WritingFormat)}
        if name not in writers:
            known = ", ".join(sorted(writers)) or "none"
            raise UsageError(f"no plan can be written in the format {name!r}; the formats that can: {known}")
        return writers[name]

    def agent_types_for(self, plan: ExecutionPlan, task: Task) -> tuple[tuple[str, str | None], ...]:
        """Every active agent type in rank, each with ``None`` if it would do a task of the plan, else with the reason why not."""
        session = RunSession.open("explain", Path(), self.registry, RunOptions())
        session.language = self._some_language(plan.specification, [])
        return who_accepts(task, plan, session)

    def plan_of(self, run: str | None = None, output: str | Path | None = None) -> ExecutionPlan:
        """The plan of a recorded run; arguments and errors as in :meth:`resume_async`."""
        return self._records.find(run, output).plan

    def result_of(self, run: str | None = None, output: str | Path | None = None) -> ExecutionResult:
        """The result of a run so far, from its log alone; arguments and errors as in :meth:`resume_async`."""
        found = self._records.find(run, output, unfinished_only=False)
        return build_result(
            found.plan, found.run, self._records.events(found.output, found.run), output=str(found.output)
        )

    def log_of(self, run: str | None = None, output: str | Path | None = None) -> RunLog:
        """Everything that is recorded of a run, for a replay or a timeline; arguments and errors as in :meth:`resume_async`."""
        return self._records.log(run, output)

    def desk(self, run: str | None = None, output: str | Path | None = None) -> RunDesk:
        """A recorded run from outside: what waits for a person, who is at work on it, and how to ask them for something.

        Arguments and errors as in :meth:`resume_async`.
        """
        found = self._records.find(run, output)
        return RunDesk(
            output=found.output, run=found.run, plan=found.plan, open_store=lambda: self._records.open(found.output)
        )

    def try_patch(
        self, patch: PlanPatch, run: str | None = None, output: str | Path | None = None
    ) -> PatchedPlan | tuple[Problem, ...]:
        """What a patch would make of the plan of a run as it stands, or everything that speaks against it; nothing is changed.

        Other arguments and errors as in :meth:`resume_async`.
        """
        return _block("try_patch", self.try_patch_async(patch, run, output))

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

    def runs_in(self, output: Path) -> tuple[RunFolder, ...]:
        """The runs recorded in an output folder, oldest first."""
        return self._records.runs(output)

    @property
    def pruner(self) -> Pruner:
        """Removes recorded runs; see :class:`agent_dispatcher.runs.pruning.Pruner`."""
        return Pruner(self.registry, self._records)

    async def checkpoint_async(
        self, run: str | None = None, output: str | Path | None = None, to: str | Path | None = None
    ) -> Path:
        """Write all of a recorded run into one file, which :meth:`resume_async` takes on any machine; a run may be at work meanwhile.

        Args:
            to: the file; ``None`` for one in the run's own folder of checkpoints. Other arguments and errors as in :meth:`resume_async`.

        Returns:
            The file.
        """
        return await Mover(self.registry, self._records).pack(run, output, None if to is None else Path(to))

    def checkpoint(
        self, run: str | None = None, output: str | Path | None = None, to: str | Path | None = None
    ) -> Path:
        """As :meth:`checkpoint_async`."""
        return _block("checkpoint", self.checkpoint_async(run, output, to))

    async def unpack_async(self, file: str | Path, output: str | Path | None = None) -> tuple[str, Path]:
        """Make a run out of a checkpoint file, such that it can be resumed here; see :meth:`agent_dispatcher.runs.moving.Mover.unpack`."""
        return await Mover(self.registry, self._records).unpack(Path(file), output)

    def unpack(self, file: str | Path, output: str | Path | None = None) -> tuple[str, Path]:
        """As :meth:`unpack_async`."""
        return _block("unpack", self.unpack_async(file, output))

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
        session.language = self._language(specification)
        session.source_format = self._source_format(specification)
        if options.write_back and session.source_format is None:
            raise UsageError(
                f"--write-back: {specification.title!r} was not read from a file in which the status of a task can be written"
            )
        return session

    # --- step 2: decompose --------------------------------------------------------------------------------------------

    def _load(self, source: Source) -> Specification:
        if isinstance(source, Specification):
            return source
        if isinstance(source, FinalizedSpecification):
            source = asdict(source)
        formats = self._all("specification_format")
        return load_mapping(source, formats) if isinstance(source, Mapping) else load_path(Path(source), formats)

    def _planning_llm(self) -> tuple[MeteredLlm, PlanningRecord] | tuple[None, None]:
        """The model backend in use with a meter of its own, for one plan, and the record of its calls; ``None`` without one."""
        active = active_backend(self.config, self.registry, self._components)
        if active is None:
            return None, None
        scrubber = scrubber_of(self.config, active.backend)
        record = PlanningRecord(active.name, archive_of(self.config, None, scrubber, log.warning))
        budget, prices = Budget.of(self.config.budget), Prices.of(self.config)
        guard = self._door.open(active, planning=True)
        return MeteredLlm(guard, active.name, budget, prices, journal=record, scrubber=scrubber), record

    def _planning_context(self, specification: Specification, llm: MeteredLlm | None) -> PlanningContext:
        return PlanningContext(
            specification=specification,
            language=self._language(specification),
            llm=llm,
            files=_files_beside(specification),
        )

    async def _decompose(
        self, specification: Specification, context: PlanningContext, record: PlanningRecord | None
    ) -> Decomposition:
        decomposer = TaskDecomposer(self._all("decomposer"), record.in_vain if record is not None else None)
        decomposition = await decomposer.decompose(specification, context)
        if self._is_foreign(specification):
            text = f"no plugin offers the language {specification.language}: nothing here can compile or test what is written in it"
            decomposition = evolve(decomposition, warnings=(*decomposition.warnings, text))
        decomposition = leave_out(decomposition, self._wishes().leave_out)
        return follow_up(decomposition, specification, self.config.workflow.after, self.config.where)

    def _learned(self, specification: Specification, tasks: Iterable[Task]) -> Durations:
        """What past runs say about tasks that the same agent types would do now."""
        known = learn(self.config.planning.learn_from_runs)
        if not known.seconds:
            return known
        session = RunSession.open("plan", Path(), self.registry, RunOptions())
        session.language = self._some_language(specification, [])
        return evolve(known, takers=takers(tasks, specification, session))

    # --- step 3: resolve dependencies (4 and 5, graph and plan, are make_plan) ----------------------------------------

    async def _resolve_dependencies(self, decomposition: Decomposition, context: PlanningContext) -> Resolution:
        settings = self.config.planning
        resolver = DependencyResolver(
            self._all("dependency_rule"),
            binding_threshold=settings.binding_threshold,
            advisory_threshold=settings.advisory_threshold,
            workers=self.config.concurrency(),
        )
        seen = evolve(context, suggestions=decomposition.suggestions)
        return await resolver.resolve(decomposition.tasks, context.specification, seen)

    # --- step 6: validate ---------------------------------------------------------------------------------------------

    async def _validate(self, plan: ExecutionPlan, session: RunSession, *, new: bool = False) -> _Ready:
        """Everything the (new) run needs is there, or a :class:`PlanError` says all that is not."""
        session.llm = active_backend(self.config, self.registry, self._components)
        examined = await examine(plan, session, output=session.output if new else None)
        if examined.problems:
            raise PlanError(examined.problems, f"{plan.specification.title} cannot be run:")
        validation = examined.validation
        warnings = (*plan.warnings, *(text for text in validation.warnings if text not in plan.warnings))
        return _Ready(
            evolve(validation.plan, warnings=warnings),
            validation.candidates,
            {each.task.id: "; ".join(reason for _, reason in each.reasons) for each in validation.refused},
        )

    # --- step 7: execute, step 8: monitor -----------------------------------------------------------------------------

    async def _begin(self, ready: _Ready, session: RunSession) -> StateManager:
        """Make the output ready and record the start; from here on the run can be resumed."""
        plan = ready.plan
        started = await session.workspace().start(session.run, session.output, title=plan.specification.title)
        state = session.state()
        session.keep_said(plan)
        assert session.sandbox is not None
        state.append(
            "run.started",
            data={
                "plan": state.store.put_blob(pack(plan)),
                "title": plan.specification.title,
                "output": str(session.output),
                "branch": started.branch,
                "base": started.base,
                "new": started.new,
                "sandbox": session.sandbox.tier,
                "workers": self.config.concurrency(),
                "versions": self.registry.fingerprint(),
                "allow_partial": session.options.allow_partial,
                "approvals": sorted(name for name, own in self.config.task_types.items() if own.approval == "land"),
                "approve_plan": self.config.workflow.approve_plan,
                "checks_by_type": {
                    name: list(own.checks) for name, own in self.config.task_types.items() if own.checks
                },
                "source": str(Path(plan.specification.path).resolve()) if plan.specification.path else "",
                "write_back": session.options.write_back,
                **({"planning": planning_data(plan.planning_usage)} if plan.planning_usage else {}),
            },
        )
        for text in (*started.warnings, *self.registry.warnings, *self.config.warnings):
            state.append("run.warning", data={"text": text})
        state.flush()
        remember_run(session.run, session.output, plan.specification.title)
        self._announce(session)
        return state

    async def _reopen(self, ready: _Ready, session: RunSession, state: StateManager, *, retry: bool = False) -> None:
        """Find what an earlier process left, and record that this one goes on."""
        session.remember_artifacts(tuple(state.events()))
        await session.workspace().start(session.run, session.output, title=ready.plan.specification.title)
        data: dict[str, Any] = {"epoch": state.lease.epoch, "owner": state.lease.owner}
        state.append("run.resumed", data={**data, "retry": True} if retry else data)
        state.flush()
        remember_run(session.run, session.output, ready.plan.specification.title)
        self._announce(session)

    async def _execute(self, ready: _Ready, session: RunSession, state: StateManager) -> str:
        """The coordinator carries the plan out; observers are told of every event (the session passes them on)."""
        return await session.coordinate(ready.plan, state, ready.assignments, ready.skipped, advise(session))

    @staticmethod
    def _announce(session: RunSession) -> None:
        if session.options.on_start is not None:
            session.options.on_start(session.run, session.output)

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

    # --- components and records ---------------------------------------------------------------------------------------

    def _all(self, kind: str) -> list[tuple[str, Any]]:
        """The active components of a kind by name, without those that cannot work here."""
        found = []
        for name in self.registry.active(kind):
            try:
                found.append((name, self._components.get(kind, name)))
            except Unavailable as error:
                log.warning("%s %r is left out: %s", kind.replace("_", " "), name, error)
        return found

    def _wishes(self) -> Wishes:
        """What the options of the active agent types ask of planning."""
        wishes = []
        for name in self.registry.active("agent_type"):
            component = self.registry.offered("agent_type", name).component
            if isinstance(component, AgentType):
                wishes.append(component.wishes(self.registry.options("agent_type", name)))
        return combine(wishes)

    def _source_format(self, specification: Specification) -> SourceFormat | None:
        """The format that can write statuses into the specification's source, if its own can."""
        kind, name = "specification_format", specification.format
        if not specification.path or name not in self.registry.active(kind):
            return None
        format: SourceFormat = self._components.get(kind, name)
        return format if isinstance(format, StatusWriter) else None

    def _language(self, specification: Specification) -> Language | None:
        """The language to build in: the specification's, the configured one, what an agent wishes, or the first in rank."""
        if self._is_foreign(specification):
            return None
        active = self.registry.active("language")
        wanted = specification.language or self.config.use.language or self._wishes().language
        if wanted:
            try:
                self.registry.offered("language", wanted)
            except UnknownComponentError as error:
                if wanted != specification.language or not specification.path:
                    raise
                text = f"{specification.path}: language: {error}"
                raise UnknownComponentError(text, kind="language", component=wanted, matches=error.matches) from error
            active = [wanted]
        if not active:
            return None
        language: Language = self._components.get("language", active[0])
        return language

    def _is_foreign(self, specification: Specification) -> bool:
        """Whether it names a language that nobody offers and can be planned all the same, as it does not leave the code to a generator."""
        named = specification.language
        if not named or specification.behaviour is not None:
            return False
        return all(offered.name != named for offered in self.registry.offers("language"))


def _files_beside(specification: Specification) -> tuple[str, ...]:
    """Names of the files in the specification's folder, relative and sorted; at most :data:`_MOST_FILES`, hidden ones left out."""
    if not specification.path:
        return ()
    path = Path(specification.path)
    folder = path if path.is_dir() else path.parent
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        found.extend((Path(place) / name).relative_to(folder).as_posix() for name in sorted(files) if name[0] != ".")
        if len(found) >= _MOST_FILES:
            break
    return tuple(sorted(found[:_MOST_FILES]))


def _block(verb: str, work: Coroutine[Any, Any, _T]) -> _T:
    """Run ``work`` to its end on a loop of its own."""

    async def boxed() -> None:
        # a Runner spells out the result of its task when it gives the signal handler back: of a large plan that takes seconds
        results.append(await work)

    results: list[_T] = []
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with rare_collections():
            run_to_end(boxed())
        return results[0]
    work.close()
    raise UsageError(f"{verb}() would block the running event loop: await {verb}_async() instead")
