"""Every error that leaves the dispatcher on purpose.

A message says what happened, where (``file:line`` when there is a file) and what to do. Facts a program
may want are attributes, so that nobody has to parse a message.

::

    DispatcherError                exit code 3 unless a class says otherwise
    ├── UsageError                 2   a missing file, a bad option, an output that is a file
    ├── SpecificationError         3   the source cannot be read as a specification; carries every problem found
    ├── ConfigError                3   a configuration is refused; carries every problem found
    ├── PlanError                  3   a plan is refused at validation; carries every problem found
    ├── GraphError                 3
    │   └── CycleError                 tasks that wait for each other
    ├── PluginError                3
    │   ├── PluginLoadError            a plugin could not be imported or registered (strict only)
    │   ├── ComponentConflictError     two plugins offer one name
    │   ├── UnknownComponentError      a name nobody offers
    │   └── Unavailable                a component cannot work here; says what would help
    ├── WorkspaceError             3
    │   └── PathRefused                a path that leaves, or could leave, the workspace
    ├── SandboxUnavailable         3   no sandbox works here, and none was waived
    ├── StoreError                 3
    │   ├── Held                       another live process owns the run
    │   └── Fenced                     this process no longer owns the run
    ├── BackendError               3   a language model did not answer; says of which sort the failure is
    └── RunError                   1
        ├── AgentDied                  what an agent ran in ended under it
        └── BudgetExceeded         4
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "AgentDied",
    "BackendError",
    "BudgetExceeded",
    "ComponentConflictError",
    "ConfigError",
    "CycleError",
    "DispatcherError",
    "Fenced",
    "GraphError",
    "Held",
    "PathRefused",
    "PlanError",
    "PluginError",
    "PluginLoadError",
    "Problem",
    "RunError",
    "SandboxUnavailable",
    "SpecificationError",
    "StoreError",
    "Unavailable",
    "UnknownComponentError",
    "UsageError",
    "WorkspaceError",
]


class Problem:
    """One thing that is wrong: what, where, and what to do about it.

    Args:
        what: the fault, as a sentence without a full stop.
        where: ``file:line`` or another place, ``""`` when there is none.
        remedy: what the reader can do, ``""`` when the fault says it already.
    """

    __slots__ = ("remedy", "what", "where")

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.what}{remedy}"

    def __repr__(self) -> str:
        return f"Problem({self.what!r}, where={self.where!r}, remedy={self.remedy!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return (self.what, self.where, self.remedy) == (other.what, other.where, other.remedy)

    def __hash__(self) -> int:
        return hash((self.what, self.where, self.remedy))


class DispatcherError(Exception):
    """Base of all errors of this package.

    Attributes:
        exit_code: what the command line exits with when nothing handles the error.
    """

    exit_code: ClassVar[int] = 3


class UsageError(DispatcherError):
    """The call itself cannot be carried out: a file is missing, an option makes no sense."""

    exit_code = 2


class _ProblemsError(DispatcherError):
    """An error that names everything wrong at once.

    Attributes:
        problems: all faults found, in the order of their places.
    """

    def __init__(self, problems: Sequence[Problem] | Problem | str, headline: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem(problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.headline = headline
        super().__init__("\n".join(_lines(self.problems, headline)))


def _lines(problems: Sequence[Problem], headline: str) -> list[str]:
    """One line per problem; a remedy that all of them share is said once, at the end."""
    shared = {problem.remedy for problem in problems}
    if len(problems) > 1 and len(shared) == 1 and "" not in shared:
        lines = [str(Problem(problem.what, problem.where)) for problem in problems]
        closing = [f"What to do: {shared.pop()}."]
    else:
        lines, closing = [str(problem) for problem in problems], []
    return [headline, *(f"  {line}" for line in lines), *closing] if headline else [*lines, *closing]


class SpecificationError(_ProblemsError):
    """A source cannot be read as a specification."""


class ConfigError(_ProblemsError):
    """A configuration is refused."""


class PlanError(_ProblemsError):
    """A plan cannot be run as it is."""


class GraphError(DispatcherError):
    """Tasks and dependencies do not form a graph that can be executed."""


class CycleError(GraphError):
    """Tasks wait for each other.

    Attributes:
        cycle: task ids in order of waiting; the first is repeated at the end.
    """

    def __init__(self, message: str, cycle: Sequence[str]) -> None:
        super().__init__(message)
        self.cycle = tuple(cycle)


class PluginError(DispatcherError):
    """A plugin did not keep its side of the contract.

    Attributes:
        plugin: the plugin's name, ``""`` when the error concerns none in particular.
    """

    def __init__(self, message: str, plugin: str = "") -> None:
        super().__init__(message)
        self.plugin = plugin


class PluginLoadError(PluginError):
    """A plugin failed at import, at registration or while it offered its components.

    Attributes:
        reason: what failed, without the plugin's name.
    """

    def __init__(self, message: str, plugin: str = "", reason: str = "") -> None:
        super().__init__(message, plugin)
        self.reason = reason or message


class ComponentConflictError(PluginError):
    """Two plugins offer a component of the same kind and name, and that name is wanted.

    Attributes:
        kind: the kind of component.
        component: the name both offer.
        providers: the distributions (or plugins) that offer it, sorted.
    """

    def __init__(self, message: str, *, kind: str, component: str, providers: Sequence[str]) -> None:
        super().__init__(message)
        self.kind = kind
        self.component = component
        self.providers = tuple(providers)


class UnknownComponentError(PluginError):
    """A name in the configuration that no plugin offers.

    Attributes:
        kind: the kind of component.
        component: the unknown name.
        matches: names that are close to it, best first.
    """

    def __init__(self, message: str, *, kind: str, component: str, matches: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.component = component
        self.matches = tuple(matches)


class Unavailable(PluginError):
    """A component cannot work here; raised by its factory.

    Attributes:
        reason: what is missing.
        remedy: what the user can do, for example the package to install.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason} ({remedy})" if remedy else reason)
        self.reason = reason
        self.remedy = remedy


class WorkspaceError(DispatcherError):
    """The output folder or its repository cannot be used as it is."""


class PathRefused(WorkspaceError):
    """A path that leaves the workspace, or could be made to.

    Attributes:
        path: the path as it was given.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"path {path!r} is refused: {why}")
        self.path = path


class SandboxUnavailable(DispatcherError):
    """No sandbox of the wanted tier works on this machine. Nothing was run."""


class StoreError(DispatcherError):
    """The state of a run cannot be read or written."""


class Held(StoreError):
    """Another live process owns the run.

    Attributes:
        owner: the owner's name.
        host: the host it runs on.
        pid: its process id there.
    """

    def __init__(self, run: str, owner: str, host: str, pid: int) -> None:
        super().__init__(f"run {run} is owned by {owner} (process {pid} on {host}): wait for it, or stop it first")
        self.run = run
        self.owner = owner
        self.host = host
        self.pid = pid


class Fenced(StoreError):
    """Another process took the run over; nothing this one writes counts any more."""


class RunError(DispatcherError):
    """A run could not be carried through."""

    exit_code = 1


class AgentDied(RunError):
    """What an agent ran in (a process, a worker, a container) ended before the agent did. Executors raise it; a task that does this three times
    is given to no agent any more."""


class BudgetExceeded(RunError):
    """The next step does not fit into what may be spent.

    Attributes:
        own: only whoever asked has nothing left, or asked for more than there ever was: its task's limit, its agent type's, or one call larger than
            the whole. Others go on. Otherwise what the run may spend is gone, and it pauses.
    """

    exit_code = 4

    def __init__(self, message: str, *, own: bool = False) -> None:
        super().__init__(message)
        self.own = own


class BackendError(DispatcherError):
    """A language model did not answer as it should.

    Attributes:
        sort: ``transient`` (a retry may help), ``rate_limit``, ``outage`` (the server is not there or broken), ``permanent``
            (the request or the key is wrong) or ``poison`` (what came back cannot be used).
        retry_after_s: seconds the server asked to wait, ``None`` when it did not say.
        may_cost: a model may have read the request, so that it may be billed; ``False`` only of what is known to have reached none. Where it is not
            said, a ``rate_limit`` and what is ``permanent`` cost nothing, and everything else may.
        whatever_is_asked: every other request would meet the same: the key, the address or the model is wrong, or the account is empty. Only what is
            ``permanent`` can be so.
        unreached: nobody was there: no connection came about, as where the address is wrong.
    """

    SORTS: ClassVar[tuple[str, ...]] = ("transient", "rate_limit", "outage", "permanent", "poison")

    def __init__(
        self,
        message: str,
        *,
        sort: str,
        retry_after_s: float | None = None,
        may_cost: bool | None = None,
        whatever_is_asked: bool = False,
        unreached: bool = False,
    ) -> None:
        if sort not in self.SORTS:
            raise ValueError(f"{sort!r} is none of {', '.join(self.SORTS)}")
        if whatever_is_asked and sort != "permanent":
            raise ValueError(f"what is {sort} may be otherwise at the next request")
        super().__init__(message)
        self.sort = sort
        self.retry_after_s = retry_after_s
        self.may_cost = sort not in ("rate_limit", "permanent") if may_cost is None else may_cost
        self.whatever_is_asked = whatever_is_asked
        self.unreached = unreached
