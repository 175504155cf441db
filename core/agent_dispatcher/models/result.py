"""What came of a run. Field names are those of ``result.json``, except where Python's names say more."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_

from .patch import PlanRevision
from .specification import Specification

__all__ = [
    "RUN_STATUSES",
    "VERDICTS",
    "Artifact",
    "Evidence",
    "ExecutionMetrics",
    "ExecutionResult",
    "Finding",
    "ModelCost",
    "RequirementResult",
    "TaskResult",
    "WholeCheck",
]

RUN_STATUSES = ("initializing", "planning", "executing", "paused", "completed", "partial", "failed", "cancelled")
VERDICTS = ("met", "not_met", "not_checked", "not_implemented")


@frozen(kw_only=True)
class Evidence:
    """The record of a check that ran.

    Attributes:
        id: unique in the run.
        check: the check's name.
        passed: whether it passed; an *expected red* one did not, and lands all the same.
        tree: the git tree (or digest) it was taken on.
        log: path of the full output, relative to the run's folder.
        summary: one line: "18 passed, 92 % of lines".
        expected_red: a test that failed only because its subjects are not there yet.
        proof: whether passing says that the work does what is required, and not only that it is well-formed. Without any such
            evidence a requirement is *not checked*.
        details: numbers that were parsed (tests, failures, coverage), JSON values only; ``duration_s``, and in ``commands`` what ran in the sandbox
            for it (``argv``, ``code``, ``took_s``, ``limit_hit``).
    """

    id: str
    check: str
    passed: bool
    tree: str = ""
    log: str = ""
    summary: str = ""
    expected_red: bool = False
    proof: bool = False
    details: dict[str, object] = field(factory=dict)


@frozen(kw_only=True)
class WholeCheck:
    """Checks of the whole tree while it grew: they cover the work of all tasks that landed together.

    Attributes:
        tree: what was checked, before the branch moved to it.
        tasks: ids of the tasks whose work was put on top of what had landed before.
        evidence: about all of it, not about one of the tasks.
    """

    tree: str
    tasks: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@frozen(kw_only=True)
class Finding:
    """What a tool or a reviewer that looks through work says about one place.

    Attributes:
        path: the file; as the tool names it, in the end relative to the output.
        line: from 1; 0 for the whole file.
        rule: the tool's name for it (``C901``, ``B602``); of a review a word, or the id of a requirement.
        severity: ``low``, ``medium`` or ``high``.
        what: a phrase.
        quote: what stands there, ``""`` where nobody quoted it.
    """

    path: str
    line: int
    rule: str
    severity: str
    what: str
    quote: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule} {self.what}"


@frozen(kw_only=True)
class Artifact:
    """Something that was made.

    Attributes:
        type: ``code``, ``test``, ``doc``, ``note`` or ``report``.
        path: relative to the output.
        task: whose work it is.
        findings: of a review's note, what it found wrong and let pass, the worst first.
    """

    name: str
    type: str
    path: str
    task: str
    findings: tuple[Finding, ...] = ()


@frozen(kw_only=True, weakref_slot=False)
class TaskResult:
    """What became of one task.

    Attributes:
        added_by: who added it while the plan was carried out, in words; ``""`` for a task of the plan as it was begun.
        tokens, cost_usd: what its calls of language models count as, over all attempts; ``None`` when no price is known.
        approval: of its last attempt's work: ``requested`` (it waits for a person), ``given``, ``refused``; ``""`` when nobody was asked.
    """

    id: str
    status: str
    source_id: str | None = None
    title: str = ""
    agent: str | None = None
    attempts: int = 0
    commit: str | None = None
    evidence: tuple[Evidence, ...] = ()
    error: str | None = None
    approval: str = ""
    added_by: str = ""
    tokens: int = 0
    cost_usd: float | None = None


@frozen(kw_only=True)
class ModelCost:
    """Calls of one language model by one agent for one task, added up.

    Attributes:
        task: ``""`` for calls of planning; then ``purpose`` says what for.
        agent_type, agent: who asked.
        model: the one that answered, as the server names it.
        failed: calls that gave no reply.
        input_tokens, output_tokens: of the calls that gave one.
        tokens: what all of them count as in the budget: a failed call that may have been billed counts as its worst case.
        cost_usd: the same in US dollars, of the calls whose price is known; ``None`` when none is.
        unpriced: calls of unknown price.
    """

    task: str = ""
    agent_type: str = ""
    agent: str = ""
    purpose: str = ""
    backend: str = ""
    model: str = ""
    calls: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tokens: int = 0
    cost_usd: float | None = None
    unpriced: int = 0


@frozen(kw_only=True)
class RequirementResult:
    """Whether a requirement is met, what proves it (ids of :class:`Evidence`; of one that is not met first what refused it), what the tasks that serve
    it spent on language models, and how much of the files they made the final tests went through (lines and branches, ``None``: not measured)."""

    id: str
    verdict: str = field(validator=in_(VERDICTS))
    tasks: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    tokens: int = 0
    cost_usd: float | None = None
    coverage_percent: float | None = None


@frozen(kw_only=True)
class ExecutionMetrics:
    """Measured figures: ``work_s`` is what it would have taken one after the other, the sum of the durations of all attempts and
    checks; ``speedup`` is ``work_s / wall_s``; ``tokens`` and ``cost_usd`` hold planning too, and ``cost_usd`` leaves ``unpriced_calls`` out."""

    wall_s: float = 0.0
    work_s: float = 0.0
    speedup: float = 0.0
    max_speedup: float = 0.0
    cost_usd: float | None = None
    tokens: int = 0
    unpriced_calls: int = 0


@frozen(kw_only=True, repr=False)
class ExecutionResult:
    """The outcome of a run, with what was proven.

    Attributes:
        status: one of :data:`RUN_STATUSES`.
        reason: why the run is paused or ended as it did, ``""`` where there is nothing to say.
        task_results: in the order of the plan as it was at the end (``tasks`` in JSON).
        model_costs: what was spent on language models (``models`` in JSON).
        stopped_by: ``budget`` when the run is paused because a call of a model did not fit into it.
        revisions: every change of the plan while it was carried out, in order.
        final_artifacts: sorted by path (``artifacts`` in JSON).
        whole_checks: what was found about the whole while it grew, in the order of the checks; none where all landed by itself on the very tip.
        final_evidence: what the full suite on the last tree said.
    """

    run: str
    status: str = field(validator=in_(RUN_STATUSES))
    output: str = ""
    branch: str = ""
    commit: str = ""
    specification: Specification
    requirements: tuple[RequirementResult, ...] = ()
    task_results: tuple[TaskResult, ...] = ()
    final_artifacts: tuple[Artifact, ...] = ()
    whole_checks: tuple[WholeCheck, ...] = ()
    final_evidence: tuple[Evidence, ...] = ()
    metrics: ExecutionMetrics = field(factory=ExecutionMetrics)
    warnings: tuple[str, ...] = ()
    reason: str = ""
    revisions: tuple[PlanRevision, ...] = ()
    model_costs: tuple[ModelCost, ...] = ()
    stopped_by: str = ""

    def __repr__(self) -> str:
        return f"<ExecutionResult of run {self.run}: {self.status}, {len(self.task_results)} tasks>"

    def success_rate(self) -> float:
        """Completed tasks in percent of those not skipped, 0 to 100; 100 when there was nothing to do."""
        statuses = [result.status for result in self.task_results]
        counted = len(statuses) - statuses.count("skipped")
        return 100.0 * statuses.count("completed") / counted if counted else 100.0
