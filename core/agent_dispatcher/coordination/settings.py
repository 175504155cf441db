"""What the coordinator may use and how long it waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import ge, gt, optional

from ..models import Task
from ..provenance.scrubbing import Scrubber
from .retry import RetryPolicy

if TYPE_CHECKING:
    from ..config import Config

__all__ = ["CoordinatorSettings"]


@frozen(kw_only=True)
class CoordinatorSettings:
    """Limits of one run.

    Attributes:
        concurrency: attempts in progress at one time.
        max_attempts: attempts of a task that may fail before it has failed for good.
        attempts_by_type: the same for one task type.
        agent_timeout_s: seconds an attempt may take.
        timeouts_by_type: the same for one task type.
        max_execution_time_s: seconds the run may take in this process, ``None`` for no limit.
        retry: the wait before another attempt.
        grace_s: seconds a cancelled agent (or landing) may take to end.
        poll_s: seconds between looks at requests, overdue attempts and the lease.
        approvals: task types whose work a person approves before it lands.
        approve_plan: a person approves the plan before anything begins.
        max_patches: patches of agents that one run takes.
        max_patched_tasks: tasks that they may bring.
        max_batch: sealed attempts that may land together; ``None``: as many as suit the workspace.
        sealed_at_once: sealed attempts that one turn takes, of those that waited for something; ``None``: a quarter of the places, eight at least.
        scrubber: takes keys out of what failed attempts say.
    """

    concurrency: int = field(default=4, validator=ge(1))
    max_attempts: int = field(default=3, validator=ge(1))
    attempts_by_type: Mapping[str, int] = field(factory=dict)
    agent_timeout_s: float = field(default=300.0, validator=gt(0))
    timeouts_by_type: Mapping[str, float] = field(factory=dict)
    max_execution_time_s: float | None = None
    retry: RetryPolicy = field(factory=RetryPolicy)
    grace_s: float = field(default=5.0, validator=ge(0))
    poll_s: float = field(default=0.25, validator=gt(0))
    approvals: frozenset[str] = frozenset()
    approve_plan: bool = False
    max_patches: int = field(default=20, validator=ge(0))
    max_patched_tasks: int = field(default=100, validator=ge(0))
    max_batch: int | None = field(default=None, validator=optional(ge(1)))
    sealed_at_once: int | None = field(default=None, validator=optional(ge(1)))
    scrubber: Scrubber = field(factory=Scrubber)

    @classmethod
    def from_config(cls, config: Config) -> CoordinatorSettings:
        """The settings a configuration asks for."""
        types = config.task_types
        return cls(
            concurrency=config.concurrency(),
            max_attempts=config.coordinator.max_attempts,
            attempts_by_type={name: own.retries + 1 for name, own in types.items() if own.retries is not None},
            agent_timeout_s=config.coordinator.agent_timeout,
            timeouts_by_type={name: own.timeout_s for name, own in types.items() if own.timeout_s is not None},
            max_execution_time_s=config.max_execution_time,
            retry=RetryPolicy(base_s=config.coordinator.backoff_base_s, max_s=config.coordinator.backoff_max_s),
            approvals=frozenset(name for name, own in types.items() if own.approval == "land"),
            approve_plan=config.workflow.approve_plan,
            max_patches=config.coordinator.max_patches,
            max_patched_tasks=config.coordinator.max_patched_tasks,
            max_batch=config.coordinator.max_batch,
        )

    def timeout_s(self, task: Task) -> float:
        """Seconds an attempt at ``task`` may take."""
        return self.timeouts_by_type.get(task.type, self.agent_timeout_s)
