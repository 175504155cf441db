"""Everything that lives exactly as long as one run: its components, its sandbox, its agents, its place on disk."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import Factory, define, evolve, field, frozen

from ..config import Config
from ..coordination.agent_factory import AgentFactory
from ..coordination.coordinator import Coordinator, CoordinatorSettings
from ..coordination.loop_watch import LoopWatch
from ..coordination.memory_store import MemoryStore
from ..coordination.model_calls import ModelCalls
from ..coordination.patches import Advise
from ..coordination.state_manager import StateManager
from ..errors import ConfigError, Problem
from ..extension.components import AgentType, Check, Language, Remembering, Sandbox, Store, Workspace
from ..extension.registry import Components, Registry
from ..llm import ActiveBackend, Budget, Prices
from ..models import Artifact, Event, ExecutionPlan
from ..provenance import Archive, Scrubber
from ..workspace.integration import Integration
from ..workspace.source_statuses import SourceFormat, SourceStatuses
from .checkpoints import Checkpoints, Packing
from .contexts import Contexts, artifacts_of
from .index import STATE_FOLDER
from .keeping import access_log, archive_of, command_log, scrubber_of, tell_of_plain_keys
from .model_door import ModelDoor
from .moving import configuration_of
from .supply import demand

__all__ = ["RunOptions", "RunSession"]

log = logging.getLogger(__name__)


@frozen(kw_only=True)
class RunOptions:
    """What only the caller of a run can decide, never a file.

    Attributes:
        allow_partial: leave out tasks that no agent type accepts instead of refusing the plan.
        unsafe_no_sandbox: run commands without a sandbox.
        write_back: set the statuses of finished tasks in the specification's own file too.
        on_events: called with each batch of recorded events; for progress displays.
        on_start: called once with the run's id and output when the run exists.
        on_coordinator: given the coordinator, for whoever wants to pause or cancel the run.
    """

    allow_partial: bool = False
    unsafe_no_sandbox: bool = False
    write_back: bool = False
    on_events: Callable[[Sequence[Event]], None] | None = None
    on_start: Callable[[str, Path], None] | None = None
    on_coordinator: Callable[[Coordinator], None] | None = None


@define(kw_only=True)
class RunSession:
    """The parts of one run. They are created when first needed and closed by :meth:`aclose`.

    Attributes:
        run: the run's id.
        output: absolute path of the repository's root.
        sandbox: what commands run in; set by :meth:`AgentDispatcher` once it is chosen and probed.
        llm: the model backend in use; ``None`` without one. It lives as long as the dispatcher.
        door: what guards the backend; the dispatcher's own, so that its runs and its planning keep to one pace.
        fallbacks: task id to agent types that take over; set when the plan is validated.
        candidates: task id to the agent types that the log has for it, where it has several; set when the run is taken up again.
        plan: what is carried out, as it is now; set by :meth:`coordinate` and by every patch.
        source_format: what writes statuses into the specification's source; ``None`` when its format does not.
    """

    run: str
    output: Path
    config: Config
    options: RunOptions
    registry: Registry
    components: Components
    language: Language | None = None
    sandbox: Sandbox | None = None
    llm: ActiveBackend | None = None
    door: ModelDoor = field(default=Factory(lambda self: ModelDoor(self.config), takes_self=True))
    source_format: SourceFormat | None = None
    plan: ExecutionPlan | None = None
    fallbacks: Mapping[str, tuple[str, ...]] = field(factory=dict)
    candidates: Mapping[str, tuple[str, ...]] = field(factory=dict)
    _memory: MemoryStore = field(factory=MemoryStore)
    _artifacts: dict[str, tuple[Artifact, ...]] = field(factory=dict)
    _factory: AgentFactory | None = None
    _scrubber: tuple[ActiveBackend | None, Scrubber] | None = None

    @classmethod
    def open(cls, run: str, output: Path, registry: Registry, options: RunOptions) -> RunSession:
        """A session for a run in ``output``; nothing is created on disk yet."""
        folder = output.resolve()
        return cls(
            run=run,
            output=folder,
            config=registry.config,
            options=options,
            registry=registry,
            components=registry.scope(folder / STATE_FOLDER),
        )

    @property
    def data_dir(self) -> Path:
        """``<output>/.dispatcher``."""
        return self.output / STATE_FOLDER

    @property
    def run_dir(self) -> Path:
        """Folder of this run's evidence and report."""
        return self.data_dir / "runs" / self.run

    def one(self, kind: str) -> Any:
        """The active component of a kind of which one is active.

        Raises:
            ConfigError: no plugin offers one.
        """
        name = self.registry.one(kind)
        if name is None:
            raise ConfigError(_nobody_offers(kind))
        return self.components.get(kind, name)

    def missing(self) -> tuple[Problem, ...]:
        """Kinds of component that every run needs and nobody offers."""
        kinds = ["workspace", "executor", "message_bus"]
        if self.config.state_manager.enable_persistence:
            kinds.append("store")
        return tuple(_nobody_offers(kind) for kind in kinds if self.registry.one(kind) is None)

    def workspace(self) -> Workspace:
        """The active workspace."""
        workspace: Workspace = self.one("workspace")
        return workspace

    def store(self) -> Store:
        """The active store; one in memory when nothing is to be persisted."""
        if not self.config.state_manager.enable_persistence:
            return self._memory
        store: Store = self.one("store")
        return store

    def checks(self) -> list[tuple[str, Check]]:
        """All active checks, in order."""
        return [(name, self.components.get("check", name)) for name in self.registry.active("check")]

    def checks_by_type(self, started: Mapping[str, Any] | None = None) -> dict[str, list[tuple[str, Check]]]:
        """Checks that ``[task_types]`` asks for and that are not active for every task, in the order of the configuration.

        Args:
            started: data of ``run.started``: what was asked for when the run began is still asked for, wherever it is resumed.
        """
        wanted = {type: list(settings.checks) for type, settings in self.config.task_types.items()}
        for type, names in ((started or {}).get("checks_by_type") or {}).items():
            wanted.setdefault(type, []).extend(names)
        active = self.registry.active("check")
        own = {
            type: [(name, self.components.get("check", name)) for name in dict.fromkeys(names) if name not in active]
            for type, names in wanted.items()
        }
        return {type: checks for type, checks in own.items() if checks}

    def agent_types(self) -> list[AgentType]:
        """All active agent types, best first."""
        offered = (self.registry.offered("agent_type", name).component for name in self.registry.active("agent_type"))
        return [component for component in offered if isinstance(component, AgentType)]

    def state(self, known: Sequence[Event] = ()) -> StateManager:
        """The run's state, with its lease.

        Args:
            known: the log as far as it was read already.

        Raises:
            Held: another live process owns the run.
        """
        state = StateManager(self.store(), self.run, clean=self.scrubber().value).open(known)
        state.subscribe(self._see)
        return state

    def scrubber(self) -> Scrubber:
        """What takes out the keys that this run knows of, those of the model backend in use among them."""
        if self._scrubber is None or self._scrubber[0] is not self.llm:
            self._scrubber = self.llm, scrubber_of(self.config, self._backend())
        return self._scrubber[1]

    def _backend(self) -> object:
        return self.llm.backend if self.llm is not None else None

    def keep_said(self, plan: ExecutionPlan) -> None:
        """Keep in the run's folder what was asked and answered for the plan, so that it goes where the run goes."""
        if plan.said:
            archive = archive_of(self.config, self.run_dir, self.scrubber(), log.warning)
            if archive is not None:
                archive.adopt(plan.said)

    async def coordinate(
        self,
        plan: ExecutionPlan,
        state: StateManager,
        assignments: Mapping[str, tuple[str, ...]],
        skipped: Mapping[str, str],
        advise: Advise | None = None,
    ) -> str:
        """Carry the plan out; returns the run's status.

        Args:
            advise: what plugins say about a plan with a patch in it.
        """
        assert self.sandbox is not None
        workspace = self.workspace()

        def warn(text: str) -> None:
            state.append("run.warning", data={"text": text})

        scrubber = self.scrubber()
        tell_of_plain_keys(self.config, self._backend(), warn)
        archive = archive_of(self.config, self.run_dir, scrubber, warn)
        contexts = Contexts(
            run=self.run,
            sandbox=self.sandbox,
            language=self.language,
            artifacts=self._artifacts,
            tell_command=command_log(state, archive),
            tell_access=access_log(state, archive),
            scrubber=scrubber,
            earlier=_as_it_was(workspace, str(state.state().started.get("base") or "")),
        )
        integration = Integration(
            workspace=workspace,
            checks=self.checks(),
            sandbox=self.sandbox,
            language=self.language,
            plan=plan,
            run_dir=self.run_dir,
            checks_by_type=self.checks_by_type(state.state().started),
            scrubber=scrubber,
        )

        def use(plan: ExecutionPlan) -> None:
            self.plan = plan
            contexts.use(plan)
            integration.use(plan)

        use(plan)
        self._factory = AgentFactory(
            self._create_agent,
            self.config.agent_factory,
            pool_sizes={each.name: each.pool for each in self.agent_types() if each.pool is not None},
            notice=warn,
        )
        coordinator = Coordinator(
            plan=plan,
            run=self.run,
            state=state,
            workspace=workspace,
            integration=integration,
            executor=self.one("executor"),
            factory=self._factory,
            bus=self.one("message_bus"),
            settings=self._settings(state, scrubber),
            assignments=assignments,
            context_for=contexts.make,
            on_task_error=self.registry.on_task_error,
            priority=self.registry.priority if self.registry.asks("dispatcher_priority") else None,
            skipped=skipped,
            run_dir=self.run_dir,
            sources=self._sources(plan, state),
            advise=advise,
            on_plan=use,
            models=self._models(scrubber, archive),
            demand=demand(self.config, plan, self.agent_types(), self.llm),
            fallbacks=self.fallbacks,
        )
        if self.options.on_coordinator is not None:
            self.options.on_coordinator(coordinator)
        with LoopWatch(self._factory.name_of, warn):
            async with self._checkpoints(state).kept():
                return await coordinator.run()

    def _checkpoints(self, state: StateManager) -> Checkpoints:
        """What writes copies of the run from time to time; of one that is not persisted there are none."""
        settings = self.config.state_manager
        interval_s = settings.auto_checkpoint_interval if settings.enable_persistence else 0.0
        return Checkpoints(
            self.packing(), self.data_dir / settings.checkpoint_dir, interval_s, lambda: tuple(state.events())
        )

    def packing(self) -> Packing:
        """This run, as checkpoints take it."""
        return Packing(
            run=self.run,
            output=self.output,
            run_dir=self.run_dir,
            store=self.store(),
            workspace=self.workspace(),
            workspace_name=self.registry.one("workspace") or "",
            configuration=configuration_of(self.config, self.registry),
        )

    def _models(self, scrubber: Scrubber, archive: Archive | None) -> ModelCalls | None:
        """What agents ask the model in use through: metered, within the budget, on record."""
        if self.llm is None:
            return None
        return ModelCalls(
            self.door.open(self.llm),
            self.llm.name,
            Budget.of(self.config.budget),
            Prices.of(self.config),
            scrubber,
            archive,
        )

    def _settings(self, state: StateManager, scrubber: Scrubber) -> CoordinatorSettings:
        """What is configured now, and every approval that was configured when the run was started."""
        settings = CoordinatorSettings.from_config(self.config)
        started = state.state().started
        return evolve(
            settings,
            approvals=settings.approvals | frozenset(map(str, started.get("approvals") or ())),
            approve_plan=bool(started.get("approve_plan")),
            scrubber=scrubber,
        )

    def _sources(self, plan: ExecutionPlan, state: StateManager) -> SourceStatuses | None:
        """What writes the statuses of finished tasks, as the run was started."""
        started = state.state().started
        source = str(started.get("source") or "")
        if self.source_format is None or not source:
            return None
        return SourceStatuses(
            run=self.run,
            plan=plan,
            format=self.source_format,
            source=Path(source),
            workspace=self.workspace(),
            output=self.output,
            branch=str(started.get("branch") or ""),
            write_back=bool(started.get("write_back")),
        )

    def remember_artifacts(self, events: Sequence[Event]) -> None:
        """Take in what tasks made, for those that depend on them."""
        for event in events:
            if event.type == "attempt.sealed" and event.task is not None:
                if event.data.get("artifacts"):
                    self._artifacts[event.task] = artifacts_of(event.task, event)
                elif self._artifacts:
                    self._artifacts.pop(event.task, None)

    async def aclose(self) -> None:
        """Give everything back, in reverse order."""
        if self._factory is not None:
            await self._factory.aclose()
        await self.components.aclose()

    def _create_agent(self, name: str) -> Any:
        return self.registry.create("agent_type", name, self.components.services("agent_type", name))

    def _see(self, events: Sequence[Event]) -> None:
        self.remember_artifacts(events)
        self.registry.tell_events(events)
        if self.options.on_events is not None:
            self.options.on_events(events)


def _as_it_was(workspace: Workspace, base: str) -> Callable[[str], Awaitable[bytes | None]] | None:
    """Shows files as they were when the run began, where the workspace can."""
    return partial(workspace.content, base) if base and isinstance(workspace, Remembering) else None


def _nobody_offers(kind: str) -> Problem:
    words = kind.replace("_", " ")
    return Problem(f"no {words} is active", remedy=f"install or enable a plugin that offers a {words}")
