"""What an executor is given for one attempt, and the values around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from attrs import asdict, define, evolve, frozen

from ..agents.base_agent import AgentContext, AgentResult, BaseAgent, SyncAgent
from ..errors import PluginError
from ..extension.components import Change, Opened
from ..llm.waiting import not_waiting
from ..making import maker, table
from ..models import Artifact, Dispute, Evidence, Finding, PlanPatch, Task
from ..provenance.scrubbing import Scrubber, changed
from .agent_factory import Claim
from .model_calls import AgentLlm

__all__ = [
    "AttemptHost",
    "Envelope",
    "RunningAttempt",
    "checked_result",
    "cleaned_result",
    "found_wrong",
    "make_envelope",
    "make_host",
    "sealed_data",
    "shortened",
]

#: Of all texts of a result together.
MAX_RESULT_CHARACTERS = 1_000_000
#: Kept of the error of an attempt.
MAX_ERROR_CHARACTERS = 20_000


@frozen(weakref_slot=False)
class Envelope:
    """An attempt as plain data, so that it could travel.

    Attributes:
        timeout_s: the executor ends the attempt after so many seconds with :class:`TimeoutError`.
    """

    run: str
    task: str
    attempt: int
    agent_type: str
    timeout_s: float


@frozen(weakref_slot=False)
class AttemptHost:
    """The attempt's living side, in the coordinator's process.

    Attributes:
        waited_s: seconds, until the given moment of :func:`time.monotonic`, that the attempt waited for a language model to let it in. An
            executor that keeps the attempt's time adds them to it.
    """

    task: Task
    agent: BaseAgent | SyncAgent
    context: AgentContext
    waited_s: Callable[[float], float] = not_waiting


make_envelope: Callable[[str, str, int, str, float], Envelope] = maker(Envelope)
make_host: Callable[[Task, BaseAgent | SyncAgent, AgentContext, Callable[[float], float]], AttemptHost] = maker(
    AttemptHost
)


@define(eq=False)
class RunningAttempt:
    """The coordinator's note about an attempt in progress.

    Attributes:
        llm: what its agent asks a language model through.
        timeout_s: seconds the agent may take.
        agent_s: seconds it was in the agent's hands.
        overdue_at: monotonic time after which the attempt is given up without waiting for it.
        waited: it waited for something, so that other things happened meanwhile.
        stopping: it was told to end with the run.
        sealing: the agent is done; its work is being kept, which is not interrupted.
        over: its outcome is known; whatever comes later is passed over.
    """

    task: Task
    attempt: int
    claim: Claim
    base: str
    timeout_s: float
    started_at: float
    overdue_at: float
    job: asyncio.Task[None] | None = None
    opened: Opened | None = None
    context: AgentContext | None = None
    llm: AgentLlm | None = None
    agent_s: float = 0.0
    waited: bool = False
    stopping: bool = False
    sealing: bool = False
    over: bool = False

    @property
    def waited_s(self) -> Callable[[float], float]:
        """Seconds until a moment that its calls waited for their turn."""
        return not_waiting if self.llm is None else self.llm.waiting.seconds

    @property
    def refused(self) -> bool:
        """Whether a call of its agent to the language model did not fit into the budget of the run."""
        return self.llm is not None and bool(self.llm.refused)

    @property
    def exceeded(self) -> str:
        """Why a call of its agent did not fit a limit of its own; ``""`` as long as all did."""
        return "" if self.llm is None else self.llm.exceeded

    def close_access(self) -> None:
        """Take the agent's hold on its folder away, where its view of it can do that: a thread of it may still be running."""
        close = getattr(getattr(self.context, "workspace", None), "close", None)
        if close is not None:
            close()
        if self.llm is not None:
            self.llm.close()


def checked_result(result: object, agent: str) -> AgentResult:
    """``result`` if it is one that can be recorded.

    Args:
        agent: name of the instance that gave it, for the message.

    Raises:
        PluginError: it is something else, or a field holds something else than it says.
    """
    if not isinstance(result, AgentResult):
        raise PluginError(f"agent {agent} returned a {type(result).__name__}; execute() must return an AgentResult")
    if (
        type(result.summary) is str
        and len(result.summary) < MAX_ERROR_CHARACTERS
        and not result.artifacts
        and result.error is None
        and result.patch is None
        and type(result.tokens) is int
        and result.cost_usd is None
        and not result.evidence
        and result.dispute is None
    ):
        return result  # nearly all say little, and nothing that would have to be looked at
    wrong = [
        name
        for name, fits in (
            ("summary", isinstance(result.summary, str)),
            ("error", result.error is None or isinstance(result.error, str)),
            ("tokens", isinstance(result.tokens, int)),
            (
                "cost_usd",
                result.cost_usd is None or (isinstance(result.cost_usd, (int, float)) and isfinite(result.cost_usd)),
            ),
            ("artifacts", all(_is_artifact(one) for one in result.artifacts)),
            ("patch", result.patch is None or isinstance(result.patch, PlanPatch)),
            (
                "evidence",
                isinstance(result.evidence, tuple) and all(isinstance(one, Evidence) for one in result.evidence),
            ),
            ("dispute", result.dispute is None or isinstance(result.dispute, Dispute)),
        )
        if not fits
    ]
    if wrong:
        raise PluginError(
            f"agent {agent} returned an AgentResult whose {' and '.join(wrong)} cannot be recorded; see AgentResult"
        )
    size = len(result.summary) + len(result.error or "")
    size += sum(len(repr(one)) for one in result.evidence) + (len(repr(result.dispute)) if result.dispute else 0)
    size += sum(len(made.name) + len(made.type) + len(made.path) for made in result.artifacts)
    size += sum(len(repr(each)) for made in result.artifacts for each in made.findings)
    if size > MAX_RESULT_CHARACTERS:
        raise PluginError(
            f"agent {agent} returned an AgentResult of {size} characters, {MAX_RESULT_CHARACTERS} are allowed; "
            "write what is long to a file of the workspace"
        )
    return result


def cleaned_result(result: AgentResult, scrubber: Scrubber) -> AgentResult:
    """``result`` without keys in anything it says: so it is what stands in the commit, in the record and in the plan. The same object where there are none."""
    if result.summary:
        result = changed(result, summary=scrubber.words(result.summary))
    if result.error:
        result = changed(result, error=scrubber.words(result.error))
    if not (result.artifacts or result.evidence or result.dispute or result.patch):
        return result
    return changed(
        result,
        artifacts=_cleaned(result.artifacts, tuple[Artifact, ...], scrubber),
        evidence=_cleaned(result.evidence, tuple[Evidence, ...], scrubber),
        dispute=_cleaned(result.dispute, Dispute, scrubber),
        patch=_cleaned(result.patch, PlanPatch, scrubber),
    )


def _cleaned(value: Any, cls: Any, scrubber: Scrubber) -> Any:
    """A value of the models without keys in any of its texts."""
    if not value:
        return value
    from ..codec import structure, unstructure

    data = json.loads(json.dumps(unstructure(value), default=str))
    cleaned = scrubber.value(data)
    return value if cleaned is data else structure(cleaned, cls)


def found_wrong(result: AgentResult, task: str, attempt: int) -> tuple[Evidence, ...]:
    """What a result that is not *done* says is wrong, as evidence of that attempt: nothing in it passed or proves anything."""
    return tuple(
        evolve(one, id=f"{task}-{attempt}-{one.check}", passed=False, proof=False, expected_red=False, tree="", log="")
        for one in result.evidence
    )


def shortened(text: str) -> str:
    """An error that can be recorded: beginning and end of one that is too long."""
    if len(text) <= MAX_ERROR_CHARACTERS:
        return text
    half = MAX_ERROR_CHARACTERS // 2
    return f"{text[:half]} ... ({len(text) - 2 * half} characters left out) ... {text[-half:]}"


def words_of(error: BaseException) -> str:
    """What an error says; what it is, where its own code for that raises."""
    try:
        return str(error)
    except Exception:
        return "it cannot say what is wrong"


def _is_artifact(made: object) -> bool:
    return (
        isinstance(made, Artifact)
        and all(isinstance(text, str) for text in (made.name, made.type, made.path))
        and isinstance(made.findings, tuple)
        and all(_is_finding(each) for each in made.findings)
    )


def _is_finding(found: object) -> bool:
    return (
        isinstance(found, Finding)
        and all(isinstance(text, str) for text in (found.path, found.rule, found.severity, found.what, found.quote))
        and isinstance(found.line, int)
    )


_change_data = table("task", "attempt", "ref", "commit", "base", "paths")
_sealed_data = table("change", "summary", "artifacts", "duration_s", "tokens", "cost_usd")


def sealed_data(result: AgentResult, change: Change, duration_s: float) -> dict[str, Any]:
    """``data`` of ``attempt.sealed``."""
    return _sealed_data(
        _change_data(change.task, change.attempt, change.ref, change.commit, change.base, list(change.paths)),
        result.summary,
        _artifacts_data(result.artifacts) if result.artifacts else [],
        round(duration_s, 6),
        result.tokens,
        result.cost_usd,
    )


def _artifacts_data(artifacts: Iterable[Artifact]) -> list[dict[str, Any]]:
    data = []
    for made in artifacts:
        one: dict[str, Any] = {"name": made.name, "type": made.type, "path": made.path, "task": made.task}
        if made.findings:
            one["findings"] = [asdict(each) for each in made.findings]
        data.append(one)
    return data
