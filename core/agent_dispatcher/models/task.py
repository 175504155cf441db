"""A task, and what it promises, needs and verifies. Field names are those of the plan JSON."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, gt, in_, min_len

__all__ = ["TASK_STATUSES", "TASK_TYPES", "ArtifactRef", "DeclaredDependency", "ResourceNeed", "Step", "Task"]

#: Task types every installation knows; plugins and ``[task_types]`` add more.
TASK_TYPES = (
    "code_writing",
    "research",
    "testing",
    "review",
    "documentation",
    "debugging",
    "refactoring",
    "deployment",
    "analysis",
)

TASK_STATUSES = ("pending", "ready", "in_progress", "completed", "failed", "cancelled", "blocked", "skipped")


@frozen(kw_only=True, order=True)
class ArtifactRef:
    """The name of something a task makes or needs.

    Attributes:
        type: ``path``, ``symbol`` (``package.module:Name``), ``table``, ``entity``, ``operation``, ... (open).
        name: unique within its type.
    """

    type: str
    name: str


@frozen(kw_only=True)
class DeclaredDependency:
    """The source says that ``task`` comes first."""

    task: str
    source: str = ""


@frozen(kw_only=True)
class Step:
    """A part of a task that is not scheduled on its own."""

    id: str
    title: str
    depends_on: tuple[str, ...] = ()
    status: str = "pending"


@frozen(kw_only=True)
class ResourceNeed:
    """So much of a named resource is needed while an agent is at work on the task.

    Attributes:
        resource: its name, as ``[resources]`` of the configuration has it.
        amount: in whole units of that resource.
    """

    resource: str = field(validator=min_len(1))
    amount: int = field(default=1, validator=ge(1))


@frozen(kw_only=True, weakref_slot=False)
class Task:
    """A unit of work that one agent carries out in one workspace.

    Attributes:
        id: unique in the plan and stable for the same content.
        source_id: the task's own id in its source (``T001``), ``None`` where it has none.
        type: what sort of work it is; agent types say which they can do.
        agent_type: the agent type that is to do it, ``None`` while none was chosen.
        requirements: ids of the requirements it serves.
        depends_on: what its source declares to come first.
        verifies: ids of the tasks whose work it tests. Not a dependency: test and subject are written at the same time.
        produces: what it promises to leave behind.
        consumes: what it needs that others produce.
        group: the component, phase or heading it belongs to.
        steps: parts that are not scheduled.
        children: tasks this one stands for; it needs no agent and completes with them.
        complexity: 1 is a small file, 10 the largest thing that is still one task.
        priority: higher goes first among tasks that are ready and equally urgent.
        estimate_s: expected duration in seconds.
        source: ``file:line`` where it was read, ``""`` for a derived one.
        needs: named resources it takes while an agent is at work on it.
        fallback: agent types that take over, in this order, when the one before has used up its attempts or cannot do it for good.
        optional: its source allows to leave it out. Left out (``skipped``) it holds up neither the whole it is a part of nor a requirement.
    """

    id: str = field(validator=min_len(1))
    title: str
    source_id: str | None = None
    description: str = ""
    type: str = "code_writing"
    agent_type: str | None = None
    status: str = field(default="pending", validator=in_(TASK_STATUSES))
    requirements: tuple[str, ...] = ()
    depends_on: tuple[DeclaredDependency, ...] = ()
    verifies: tuple[str, ...] = ()
    produces: tuple[ArtifactRef, ...] = ()
    consumes: tuple[ArtifactRef, ...] = ()
    group: str = ""
    steps: tuple[Step, ...] = ()
    children: tuple[str, ...] = ()
    complexity: float = field(default=1.0, validator=gt(0))
    priority: int = 0
    estimate_s: float = field(default=60.0, validator=ge(0))
    source: str = ""
    needs: tuple[ResourceNeed, ...] = ()
    fallback: tuple[str, ...] = ()
    optional: bool = False

    @property
    def waived(self) -> bool:
        """Whether it is optional and left out: nobody misses it."""
        return self.optional and self.status == "skipped"
