"""What plugins offer and what is expected of it: one protocol per kind of component.

Everything a plugin author has to know about a kind stands in its protocol. Protocols are structural: a component need not inherit
from anything here. ``async`` methods run on the dispatcher's event loop and must not block it; plain methods are called on it and must be quick.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, runtime_checkable

from attrs import field, frozen

from ..models import (
    ArtifactRef,
    Event,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    Specification,
    Task,
)
from .llm import LlmReply, LlmRequest

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from ..agents.base_agent import BaseAgent, SyncAgent
    from ..errors import Held

    #: What a component's factory makes.
    _Made_co = TypeVar("_Made_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    _Made_co = TypeVar("_Made_co", covariant=True)

__all__ = [
    "API_VERSION",
    "AgentType",
    "Auditing",
    "Available",
    "Change",
    "Check",
    "CheckContext",
    "CodeTools",
    "Completed",
    "Component",
    "Conflict",
    "ConflictSides",
    "Declined",
    "Decomposer",
    "Decomposition",
    "DependencyRule",
    "Environment",
    "Excludes",
    "Executor",
    "Fail",
    "Finding",
    "HolderTeller",
    "HollowTesting",
    "Landed",
    "Language",
    "Layout",
    "Lease",
    "Limits",
    "LlmBackend",
    "MappingFormat",
    "MessageBusComponent",
    "Module",
    "Moved",
    "Note",
    "Objection",
    "Opened",
    "OutputInspector",
    "PlanRenderer",
    "PlanValidator",
    "PlanWriter",
    "PlanningContext",
    "Reconciled",
    "Remembering",
    "Reporter",
    "Requires",
    "Reroute",
    "Retry",
    "RunFolder",
    "Sandbox",
    "Services",
    "SpecificationFormat",
    "Started",
    "StatusWriter",
    "Store",
    "ToolsForTests",
    "Tree",
    "Veto",
    "Wishes",
    "WorkInspector",
    "Workspace",
]

#: Version of the contracts on this page. A component says which one it was written for.
API_VERSION = 1


# --- offering -------------------------------------------------------------------------------------------------------


def _nothing_else(kind: str, name: str) -> Any:
    raise LookupError(f"no {kind} {name!r}: these services belong to no lifetime")


@frozen(kw_only=True)
class Services:
    """What the core gives a factory.

    Attributes:
        log: a logger named after the component.
        data_dir: where the component may keep files: ``<output>/.dispatcher`` for the kinds that live as long as a run (stores,
            workspaces, executors, sandboxes, message buses, agents), the user's cache folder for the others. It may not exist yet.
        config: the whole configuration (a :class:`agent_dispatcher.config.Config`).
        component: ``component(kind, name)`` gives another component of the same lifetime, created when it is first asked for; for
            components that stand before another one. Raises as a factory does.
    """

    log: logging.Logger
    data_dir: Path
    config: Any
    component: Callable[[str, str], Any] = _nothing_else


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(values)


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _tasks(values: Iterable[Task]) -> tuple[Task, ...]:
    return tuple(values)


def _orders(values: Iterable[Requires]) -> tuple[Requires, ...]:
    return tuple(values)


@frozen
class Component(Generic[_Made_co]):
    """Something a plugin offers under a name; configuration chooses by that name.

    Type checkers know it by what its factory makes: offering ``Component[Reporter]`` as a store is an error they find.

    Attributes:
        name: kebab case, unique in its kind.
        summary: one sentence.
        factory: called as ``factory(options, services)`` when the component is first needed; does the heavy imports;
            raises :class:`agent_dispatcher.errors.Unavailable` when it cannot work here.
        options: an attrs class its configuration table is structured into; ``None`` when it has no options.
        api: the :data:`API_VERSION` it was written for.
        default_rank: orders components when configuration names none, lowest first; ``None`` means only by name.
    """

    name: str
    summary: str
    factory: Callable[[Any, Services], _Made_co]
    options: type | None = None
    api: int = API_VERSION
    default_rank: int | None = None


@frozen(kw_only=True)
class Available:
    """What a task could count on: names of tools, capabilities and backends that are active here.

    Attributes:
        specification: the specification of the plan.
        language: name of the language the work is done in.
        llm: name of the active model backend, ``None`` without one.
        capabilities: whatever else is there, e.g. ``sandbox``.
    """

    specification: Specification
    language: str = ""
    llm: str | None = None
    capabilities: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Wishes:
    """What an agent type's options ask of planning.

    Attributes:
        language: the programming language to plan for when the specification names none, ``""`` for no wish.
        leave_out: task types that are not to be planned.
    """

    language: str = ""
    leave_out: frozenset[str] = field(default=frozenset(), converter=_names)


def _no_wishes(options: Any) -> Wishes:
    return Wishes()


def _accept_all(task: Task, available: Available) -> str | None:
    return None


@frozen(kw_only=True)
class AgentType:
    """A kind of agent. ``factory(options, services)`` gives one instance, a
    :class:`agent_dispatcher.agents.BaseAgent` or :class:`agent_dispatcher.agents.SyncAgent`.

    Attributes:
        task_types: the task types it does; ``*`` stands for any.
        capabilities: what it can do beyond its task types.
        needs: what must be there: ``llm``, ``sandbox`` or names of capabilities.
        pool: how many instances to keep, ``None`` for the configured default.
        accepts: pure; ``None`` when it can do this task, else the reason why not.
        wishes: pure; what the options (an instance of ``options``) ask of planning.
        default_rank: the first in rank that accepts a task gets it.
    """

    name: str
    summary: str
    factory: Callable[[Any, Services], BaseAgent | SyncAgent]
    task_types: frozenset[str] = field(converter=_names)
    capabilities: frozenset[str] = field(default=frozenset(), converter=_names)
    needs: frozenset[str] = field(default=frozenset(), converter=_names)
    pool: int | None = None
    accepts: Callable[[Task, Available], str | None] = _accept_all
    wishes: Callable[[Any], Wishes] = _no_wishes
    options: type | None = None
    api: int = API_VERSION
    default_rank: int | None = None


# --- planning -------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class PlanningContext:
    """What decomposers and dependency rules may use.

    Attributes:
        specification: what is planned.
        language: the active language; ``None`` when there is none.
        llm: the model backend in use, metered; ``None`` without one.
        files: names of the files below the specification's folder, relative, sorted.
        suggestions: orders that the decomposer saw while it made the tasks, for dependency rules to judge; empty for decomposers.
        log: a logger named after the component.
    """

    specification: Specification
    language: Language | None = None
    llm: LlmBackend | None = None
    files: tuple[str, ...] = ()
    suggestions: tuple[Requires, ...] = field(default=(), converter=_orders)
    log: logging.Logger = field(factory=lambda: logging.getLogger("agent_dispatcher"))


class SpecificationFormat(Protocol):
    """Reads one format of specifications. It may also be a :class:`MappingFormat`, a :class:`StatusWriter` and a :class:`PlanWriter`."""

    def matches(self, source: Path) -> float:
        """How sure it is that ``source`` (a file or folder that exists) is in this format, 0 to 2; looks at names and a
        bounded prefix only, so that a malformed file still matches and gets a good error."""
        ...

    def load(self, source: Path) -> Specification:
        """Read it; :class:`agent_dispatcher.errors.SpecificationError` with every problem and its ``file:line``."""
        ...


@runtime_checkable
class MappingFormat(Protocol):
    """A specification format that also reads a document which is in memory already."""

    def matches_mapping(self, document: Mapping[str, Any]) -> float:
        """How sure it is that ``document`` is in this format, 0 to 2, from its keys."""
        ...

    def load_mapping(self, document: Mapping[str, Any]) -> Specification:
        """Read it; errors as :meth:`SpecificationFormat.load`."""
        ...


@runtime_checkable
class StatusWriter(Protocol):
    """A specification format whose sources say how far each task is."""

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Make the source say ``statuses`` (a task's ``source_id``, or its ``id``, to one of ``TASK_STATUSES``), every other byte as it was.
        Writing what is there already changes nothing. A name it does not find is passed over: the caller reads again to see. The file
        itself is changed, never what a link leads to; :class:`agent_dispatcher.errors.DispatcherError` when that cannot be done."""
        ...


@runtime_checkable
class PlanWriter(Protocol):
    """A specification format in which a plan can be written, whatever format it was read from."""

    def render(self, plan: ExecutionPlan) -> Mapping[str, str]:
        """Relative file names (``/`` separated) to their texts; pure. :meth:`SpecificationFormat.load` reads it back: from the file where there
        is one, else from the folder that holds them. Every task is there, and waits for what binds it in the plan
        (:meth:`ExecutionPlan.binding_edges`). What the format has no words for is left out: the caller reads back and tells what is missing."""
        ...


@frozen(kw_only=True)
class Decomposition:
    """Tasks made from a specification; ids are unique, ``verifies`` and ``children`` name ids among them.

    Attributes:
        suggestions: orders that the decomposer sees and the source does not declare. They bind nobody: dependency rules find them in their
            context and weigh them like everything else (a task's ``depends_on`` is the source's own word, and holds whatever rules say).
    """

    tasks: tuple[Task, ...] = field(converter=_tasks)
    warnings: tuple[str, ...] = field(default=(), converter=_texts)
    suggestions: tuple[Requires, ...] = field(default=(), converter=_orders)


@frozen
class Declined:
    """This decomposer leaves the specification to the next."""

    reason: str


class Decomposer(Protocol):
    """Turns a specification into tasks."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        """All tasks, or the reason for leaving it to the next decomposer. An exception is recorded and falls through."""
        ...


@frozen
class Requires:
    """``after`` needs ``before``. ``evidence`` is a sentence that quotes what was seen, ``source`` its ``file:line``."""

    before: str
    after: str
    kind: str = "logical"
    confidence: float = 1.0
    evidence: str = ""
    source: str = ""


@frozen
class Excludes:
    """``tasks`` must not be in progress at the same time, because of ``resource``."""

    tasks: tuple[str, ...] = field(converter=_texts)
    resource: str
    evidence: str = ""
    source: str = ""


@frozen
class Veto:
    """No rule may make ``after`` wait directly for ``before``."""

    before: str
    after: str
    why: str


@frozen
class Note:
    """What the user should know about how a rule came to its answers: a warning of the plan, which names the rule."""

    text: str


class DependencyRule(Protocol):
    """Finds dependencies. Deterministic unless its summary says otherwise; many are active at a time."""

    async def find(
        self, tasks: Sequence[Task], specification: Specification, context: PlanningContext
    ) -> Iterable[Requires | Excludes | Veto | Note]:
        """All that it sees; edges it is unsure of get a low confidence."""
        ...


class PlanValidator(Protocol):
    """Looks for reasons not to run a plan."""

    def problems(self, plan: ExecutionPlan) -> Iterable[str]:
        """One sentence per problem; any problem stops the run before it starts."""
        ...


# --- languages ------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Module:
    """A unit of work in a language's layout: the files one task writes.

    Attributes:
        name: short, unique in the layout (``model-book``).
        title: what the task is called.
        type: the task type.
        paths: files it promises, relative to the repository, ``/`` separated.
        produces, consumes: beside the paths: symbols, entities, operations, ...
        verifies: names of the modules whose work this (test) module checks.
        requirements: requirement ids it serves.
        group: component it belongs to.
        complexity, estimate_s: as in :class:`agent_dispatcher.models.Task`.
    """

    name: str
    title: str
    type: str = "code_writing"
    paths: tuple[str, ...] = ()
    produces: tuple[ArtifactRef, ...] = ()
    consumes: tuple[ArtifactRef, ...] = ()
    verifies: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    group: str = ""
    complexity: float = 1.0
    estimate_s: float = 5.0


@frozen(kw_only=True)
class Layout:
    """How declared behaviour is laid out as files, in reading order."""

    modules: tuple[Module, ...]


@frozen(kw_only=True)
class Environment:
    """What a command of the language needs inside the sandbox.

    Attributes:
        read_only: folders to bind read-only.
        env: variables to set.
        digest: changes when anything in it does.
    """

    read_only: tuple[Path, ...] = ()
    env: dict[str, str] = field(factory=dict)
    digest: str = ""


class Language(Protocol):
    """A programming language: where things go and how they are run."""

    name: str

    def layout(self, specification: Specification) -> Layout | None:
        """The files that implement and test the declared behaviour; ``None`` without behaviour."""
        ...

    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        """A command that fails when one of the files is not even well-formed."""
        ...

    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        """A command that runs the tests in ``paths`` (all tests when empty), writes JUnit XML to ``results`` and, when wanted,
        coverage JSON to ``coverage`` (both relative to the folder it runs in)."""
        ...

    def is_test(self, path: str) -> bool:
        """Whether a file of the repository holds tests."""
        ...

    def is_source(self, path: str) -> bool:
        """Whether :meth:`compile_command` can judge a file, by its name."""
        ...

    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        """Which promised ``symbol`` artifacts are not defined in ``tree``; read, never imported."""
        ...

    async def environment(self, tree: Path) -> Environment:
        """What the commands need; :class:`agent_dispatcher.errors.Unavailable` when it cannot be had."""
        ...


@frozen(kw_only=True)
class Objection:
    """Why the text of a file is not the work it is said to be.

    Attributes:
        kind: ``stub`` (code that is still to be written), ``idle`` (a test that cannot fail), ``weakened`` (a test that proves less than before),
            ``changed`` (a test that expects something else), ``empty`` (no work at all).
        line: 1 for the first; 0 when it is about the whole file.
        what: a sentence that names what was seen, and where there is one, the way out.
    """

    kind: str
    path: str
    what: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}" if self.line else f"{self.path}: {self.what}"


@runtime_checkable
class WorkInspector(Protocol):
    """A language that can tell from the text of a file whether it is work. Texts are read, never run; one that cannot be parsed has no objections."""

    def objections(self, path: str, before: str | None, after: str | None) -> tuple[Objection, ...]:
        """What is wrong with ``after`` that was not already wrong with ``before``, in the order of the file. ``None``: there is no such file
        before or after."""
        ...


@runtime_checkable
class HollowTesting(Protocol):
    """A language that can run tests without the code they are about, to see that they find out."""

    def hollow_test_command(self, paths: Sequence[str], modules: Sequence[str], *, results: str) -> tuple[str, ...]:
        """A command that runs the tests in ``paths`` while whatever is called of ``modules`` fails, and writes JUnit XML to ``results``. A test that
        fails for this has ``SubjectIsHollow`` in its message, whether it was called in the test or while the test was collected."""
        ...


@runtime_checkable
class CodeTools(Protocol):
    """A language that helps whoever writes code in it. Texts are read, never run; commands are for the sandbox."""

    def format_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """A command that lays files out as is usual; ``None`` when its tool is not installed."""
        ...

    def lint_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """A command that fails with a line per mistake (no matter of taste); ``None`` when its tool is not installed."""
        ...

    def outline(self, text: str) -> str:
        """What a file offers to others, without bodies; ``""`` when it cannot be read."""
        ...

    def module(self, path: str) -> str:
        """The name a file is imported by, ``""`` for none."""
        ...

    def imports(self, text: str) -> frozenset[str]:
        """The modules a file names in its imports, each also with what it takes from them (``a.b`` and ``a.b.C``)."""
        ...

    def example_tests(self, text: str, symbols: Sequence[str]) -> str:
        """A file of tests made of the examples that stand in ``text`` and call one of ``symbols`` (``package.module:name``); ``""`` without any."""
        ...


@runtime_checkable
class ToolsForTests(Protocol):
    """A language that says how tests are written in it, and what a test that could not run was missing.

    Attributes:
        test_framework: what tests are written with, as one would say it to an author.
    """

    test_framework: str

    def test_path(self, name: str) -> str:
        """Where a file of tests called ``name`` (a word) belongs."""
        ...

    def import_line(self, module: str, name: str, paths: Sequence[str]) -> str:
        """How a file of tests takes ``name`` out of ``module``; the module itself when ``name`` is empty. ``paths``: files that are promised, the
        module's among them if it is known."""
        ...

    def absence(self, message: str, promised: Iterable[ArtifactRef]) -> str | None:
        """The promised module or symbol that is not there yet and that a test failed for, as a phrase; ``None`` when it failed for any other reason."""
        ...


@frozen(kw_only=True)
class Finding:
    """What a tool that looks through code says about one place.

    Attributes:
        path: the file, as the tool names it.
        line: from 1; 0 for the whole file.
        rule: the tool's name for it (``C901``, ``B602``).
        severity: ``low``, ``medium`` or ``high``.
        what: a phrase.
    """

    path: str
    line: int
    rule: str
    severity: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule} {self.what}"


@runtime_checkable
class Auditing(Protocol):
    """A language whose tools look through code. Commands are for the sandbox: they read files, run nothing of them, and heed neither configuration
    nor comments in the tree, so that work cannot silence what judges it."""

    def audit_command(
        self, kind: str, paths: Sequence[str], *, results: str, max_complexity: int = 10
    ) -> tuple[str, ...]:
        """A command that looks through ``paths`` and writes what it finds to ``results``; its exit code says nothing.

        Args:
            kind: ``quality`` (mistakes, and functions more complex than ``max_complexity``) or ``security``.

        Raises:
            Unavailable: the tool is not installed; says which and what helps.
        """
        ...

    def findings(self, kind: str, data: bytes) -> tuple[Finding, ...]:
        """What the file of results says, in its order; a file that the tool could not read is a finding of severity ``high``.

        Raises:
            ValueError: it is no such file.
        """
        ...


# --- sandboxes ------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Limits:
    """What a command may use.

    Attributes:
        timeout_s: seconds of wall time, then the whole process tree is killed.
        cpu_s: seconds of processor time per process.
        memory_bytes: address space per process.
        file_bytes: size of any one file.
        disk_bytes: growth of the writable folders together, looked at twice a second.
        output_bytes: kept of stdout and of stderr each; the rest is read and dropped.
        processes: processes and threads.
    """

    timeout_s: float = 120.0
    cpu_s: int | None = None
    memory_bytes: int | None = 2 * 1024**3
    file_bytes: int | None = 512 * 1024**2
    disk_bytes: int | None = 2 * 1024**3
    output_bytes: int = 1024**2
    processes: int | None = 256


@frozen(kw_only=True)
class Completed:
    """A command that ended. ``limit_hit`` names the field of :class:`Limits` that ended it, else ``None``."""

    code: int
    stdout: str
    stderr: str
    limit_hit: str | None = None
    duration_s: float = 0.0


class Sandbox(Protocol):
    """Runs commands that nobody vouches for.

    Attributes:
        tier: ``isolated``, ``reduced`` or ``none``.
    """

    tier: str

    async def probe(self) -> None:
        """Prove that the tier's promises hold on this machine; :class:`agent_dispatcher.errors.SandboxUnavailable` with the reason."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        """Run ``argv`` in ``cwd`` with the paths as they are named outside. Only ``writable`` can be written and only ``read_only``
        and the system can be read; no network but the Unix ``sockets``; no variables but ``env``. A command that cannot be
        found is code 127. Cancelling it kills the whole tree."""
        ...


# --- workspaces -----------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Started:
    """The workspace is ready for a run.

    Attributes:
        base: the commit the run starts from (or another name of a tree).
        branch: the run's branch; ``""`` where there is none.
        new: whether the repository was created for this run.
        warnings: what the user should know (uncommitted files that are not included).
    """

    base: str
    branch: str = ""
    new: bool = False
    warnings: tuple[str, ...] = ()


@frozen(kw_only=True)
class Opened:
    """A folder of an attempt's own, holding the tree of ``base``; ``task`` is ``""`` when it is for no task."""

    task: str
    attempt: int
    path: Path
    base: str


@frozen(kw_only=True, weakref_slot=False)
class Change:
    """Sealed work: it will not vanish, whatever happens to the process. Plain data.

    Attributes:
        ref: where it is kept (``refs/dispatcher/<run>/<task>/<attempt>``).
        commit: its name.
        base: what it was made on.
        paths: files added, changed or deleted, sorted; empty when nothing was changed.
    """

    task: str
    attempt: int
    ref: str
    commit: str
    base: str
    paths: tuple[str, ...] = ()


@frozen(kw_only=True, weakref_slot=False)
class Landed:
    """The branch now holds the work."""

    commit: str
    tree: str


@frozen(kw_only=True, weakref_slot=False)
class Tree:
    """Staged work on top of a tip, checked out so that checks can run in it.

    Attributes:
        tree: the name of the content (a git tree id).
        commit: the commit that would land.
        tip: what it was staged on.
        path: the folder it is checked out in; valid until the next ``stage`` or ``finish``.
        changes: what is in it.
        stack: where each of ``changes`` would be, in their order; empty in a workspace that does not stack.
    """

    tree: str
    commit: str
    tip: str
    path: Path
    changes: tuple[Change, ...] = ()
    stack: tuple[Landed, ...] = ()


@frozen(kw_only=True)
class ConflictSides:
    """A file over which changes are in conflict. ``None``: there is no such file on that side, or it is no text."""

    path: str
    base: str | None
    ours: str | None
    theirs: str | None


@frozen(kw_only=True)
class Conflict:
    """The changes do not fit together: ``paths`` differ between ``base``, ``ours`` (the tip, and what was put on it before) and ``theirs`` (the
    commit of the change that does not fit). ``sides`` has the texts, as far as they are worth reading."""

    paths: tuple[str, ...]
    base: str
    ours: str
    theirs: str
    detail: str = ""
    sides: tuple[ConflictSides, ...] = ()


@frozen(kw_only=True)
class Moved:
    """The branch is no longer where it was expected: stage again on ``tip``."""

    tip: str


@frozen(kw_only=True)
class Reconciled:
    """What is there after a crash.

    Attributes:
        landed: task id to what landed, read from the commits' trailers.
        sealed: (task, attempt) to sealed work that has not landed.
        tip: where the branch is.
    """

    landed: dict[str, Landed] = field(factory=dict)
    sealed: dict[tuple[str, int], Change] = field(factory=dict)
    tip: str = ""


class Workspace(Protocol):
    """Keeps the work of a run: a place for each attempt, and the one line of landed work. One instance per run.

    Two attributes are optional: ``stacks = True`` says that several changes can be staged and landed at once, each as a commit of its own, and
    that :attr:`Tree.stack` names them; ``batch_size`` how many suit it at once (8). Without the first, work lands one by one.
    """

    async def start(self, run: str, output: Path, *, title: str = "") -> Started:
        """Make ready for a new run in ``output``, or find what an earlier process left of it (same base and branch again)."""
        ...

    async def open(self, task: Task | None, attempt: int, base: str | None = None) -> Opened:
        """A fresh folder with the tree of ``base`` (the tip when ``None``). Without a task it is for a change of the dispatcher's own, whose
        commit names the run, but no task and no attempt."""
        ...

    async def seal(self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = ()) -> Change:
        """Keep what the attempt wrote as one commit under its own ref; the folder is given back and no longer valid, also when this raises."""
        ...

    async def discard(self, opened: Opened) -> None:
        """Give the folder back without keeping anything."""
        ...

    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        """Put ``changes`` on top of the tip, one commit each with the sealed message, without moving the branch."""
        ...

    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        """Move the branch to the staged commit if it is still at ``expected_tip``."""
        ...

    async def reconcile(self, run: str) -> Reconciled:
        """What landed and what is sealed; clears stale locks and folders of a dead owner."""
        ...

    async def checkout_tip(self) -> Tree:
        """The tip as a checked-out tree, for the final checks."""
        ...

    async def finish(self, status: str) -> str:
        """End of the run: give back all folders, show the result to the user (a new repository's ``main`` is fast-forwarded and checked out);
        returns the tip. Refs of sealed work that did not land stay."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A workspace that can show a file as it was. What weakens a test is only seen with one."""

    async def content(self, base: str, path: str) -> bytes | None:
        """The bytes of ``path`` in the tree of ``base`` (a tip, or the base of a change); ``None`` where there is no such file."""
        ...


@runtime_checkable
class OutputInspector(Protocol):
    """A workspace that can say beforehand whether a new run could start."""

    async def problems(self, output: Path) -> Sequence[str]:
        """Why :meth:`Workspace.start` would refuse a new run in ``output`` (absolute), one sentence each; changes nothing."""
        ...


# --- checks ---------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class CheckContext:
    """What a check works on.

    Attributes:
        tree: the staged tree; ``tree.path`` is the folder.
        sandbox: everything it runs goes through here.
        language: the active language.
        plan: the plan of the run.
        landed: ids of the tasks whose work is in the tree (the checked task included).
        log_dir: folder for full outputs; evidence names files in it, relative to ``run_dir``.
        run_dir: the folder evidence paths are relative to.
        on_the_way: of the whole: it is not finished, other work will follow; what is only worth knowing at the end can be left out.
        before: the bytes a file has in what landed before this work, ``None`` where it has none; ``None`` itself where the workspace cannot tell.
    """

    tree: Tree
    sandbox: Sandbox
    language: Language | None
    plan: ExecutionPlan
    landed: frozenset[str]
    log_dir: Path
    run_dir: Path
    attempt: int = 1
    before: Callable[[str], Awaitable[bytes | None]] | None = None
    on_the_way: bool = False


class Check(Protocol):
    """Something that runs and passes or fails.

    Two attributes are optional: ``needs_sandbox = False`` says that it only reads files, so that it works where no sandbox does;
    ``needs_files = True`` says that it has nothing to say about a task that promised, verified and changed no file.
    """

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """Whether it has anything to say about this task (``None``: about the finished whole)."""
        ...

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Run it. A check that cannot run is evidence that did not pass, with the reason as its summary."""
        ...


# --- models, executors, buses ---------------------------------------------------------------------------------------


class LlmBackend(Protocol):
    """A language model. Retries of its SDK are set to 0: what to do about an error is decided by the caller."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        """One reply with its usage; :class:`agent_dispatcher.errors.BackendError` says what went wrong and of which sort it is.
        Cancelling it closes the connection."""
        ...


class Executor(Protocol):
    """Carries out attempts. ``envelope`` is plain data; everything else it needs it asks ``host`` for."""

    async def run(self, envelope: Any, host: Any) -> Any:
        """One attempt from start to outcome (an :class:`agent_dispatcher.agents.AgentResult`); raises what the agent raised;
        cancelling it cancels the agent."""
        ...


class MessageBusComponent(Protocol):
    """Carries messages between agents and observers. See :class:`agent_dispatcher.coordination.MessageBus` for the meaning."""

    async def publish(self, topic: str, payload: Any, *, durable: bool = False) -> int: ...

    def subscribe(self, pattern: str, *, after: int | None = None) -> AsyncIterator[Any]: ...


# --- stores ---------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Lease:
    """The right to record a run's events. A higher ``epoch`` fences off every lower one."""

    run: str
    owner: str
    epoch: int


@frozen(kw_only=True)
class RunFolder:
    """A run as the store lists it: ``status`` is that of its last event."""

    run: str
    status: str
    title: str
    started_at: float
    updated_at: float


class Store(Protocol):
    """Persistence: an append-only log of events per run, fenced by a lease, and blobs by digest. One instance per output folder."""

    def acquire(self, run: str, owner: str) -> Lease:
        """Own the run; :class:`agent_dispatcher.errors.Held` while another live process does (its pid is looked at on the same host,
        its time elsewhere)."""
        ...

    def renew(self, lease: Lease) -> None:
        """Prolong it; :class:`agent_dispatcher.errors.Fenced` when it was taken over."""
        ...

    def release(self, lease: Lease) -> None: ...

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        """Record them all or none, in order, numbered on from the last; returns the last number. :class:`Fenced` when the lease is stale."""
        ...

    def read(self, run: str, after: int = 0) -> Iterable[Event]:
        """Events with a number above ``after``, in order; :class:`agent_dispatcher.errors.StoreError` where the chain is broken."""
        ...

    def runs(self) -> Sequence[RunFolder]: ...

    def delete(self, run: str) -> None: ...

    def request(self, run: str, command: Mapping[str, Any]) -> int:
        """Ask the run's owner for something (pause, cancel, approve, patch); unfenced; returns the request's number."""
        ...

    def requests(self, run: str, after: int = 0) -> Sequence[tuple[int, dict[str, Any]]]: ...

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; returns ``sha256:<hex>``."""
        ...

    def get_blob(self, digest: str) -> bytes:
        """The bytes, checked against the digest."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class HolderTeller(Protocol):
    """A store that can say who owns a run without taking it."""

    def holder(self, run: str) -> Held | None:
        """What :meth:`Store.acquire` would raise now; ``None`` when it would give the run away. Changes nothing."""
        ...


# --- reporting ------------------------------------------------------------------------------------------------------


class Reporter(Protocol):
    """Writes a report of a finished run."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        """Write files into ``folder`` (exists) and return them."""
        ...


@runtime_checkable
class PlanRenderer(Protocol):
    """A reporter that can also show a plan, before anything ran: ``plan --output FILE`` asks the first in rank whose suffix fits. Optional."""

    #: The end of the names of its files, in lower case with the dot, e.g. ``.html``. A plan file is ``.json`` whoever else would want it.
    plan_suffix: str

    def render_plan(self, plan: ExecutionPlan) -> str:
        """The whole file. The same plan gives the same text."""
        ...


# --- policies -------------------------------------------------------------------------------------------------------


@frozen
class Retry:
    """Try the task again after ``delay_s`` seconds."""

    delay_s: float = 0.0


@frozen
class Reroute:
    """Give the task to another agent type."""

    agent_type: str


@frozen
class Fail:
    """The task has failed for good."""


@runtime_checkable
class Closeable(Protocol):
    """A component that holds something; closed in reverse order of creation."""

    async def aclose(self) -> None: ...


#: What an :class:`AgentType`'s factory is.
MakeAgent = Callable[[Any, Services], "BaseAgent | SyncAgent"]
