"""What is asked of the plan while a run goes on: by agents with their work, by people through the store.

An agent's patch counts when its work has landed, so when checks have passed on it; it is recorded before the work is sealed, so that
sealed work never comes without it. A person's patch comes as a request with a name. Both are decided once: the decision is recorded with
the name of the request, or of the attempt.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

from attrs import evolve, field, frozen

from ..errors import GraphError, PlanError, Problem
from ..failpoints import failpoint
from ..models import Dispute, ExecutionPlan, PlanPatch, Task
from ..planning.disputes import patch_for
from ..planning.patching import resolve_patch, tasks_to_assign
from ..planning.revising import revise
from .run_state import RunState
from .state_manager import StateManager
from .transitions import PatchAsked, PatchRefused, PlanPatched

__all__ = ["Advice", "Advise", "Patches", "patch_request", "patch_to_json"]

log = logging.getLogger(__name__)


@frozen(kw_only=True)
class Advice:
    """What plugins say about a plan with a patch in it.

    Attributes:
        candidates: task id to the agent types that accept the task, best first.
        problems: what speaks against the plan, and did not before.
    """

    candidates: Mapping[str, tuple[str, ...]] = field(factory=dict)
    problems: tuple[Problem, ...] = ()


#: Asked with the plan as it is, the plan as it would be, and the tasks that need an agent type.
Advise = Callable[[ExecutionPlan, ExecutionPlan, Sequence[Task]], Advice]


def patch_request(patch: PlanPatch, *, by: str, name: str) -> dict[str, Any]:
    """The request that asks a run to change its plan.

    Args:
        by: who asks.
        name: what the answer is found under.
    """
    return {"command": "patch", "patch": patch_to_json(patch), "by": by, "request": name}


def patch_to_json(patch: PlanPatch) -> dict[str, Any]:
    """The patch as JSON values."""
    from ..codec import unstructure

    data: dict[str, Any] = unstructure(patch)
    return data


class Patches:
    """Gathers what is asked, has it looked at, and says it to the engine when it is due.

    Args:
        state: where proposals and decisions are recorded.
        plan: the plan as it is now.
        turn: the number of the engine's call that decides.
        landed: ids of the tasks whose work is in the tree.
        advise: see :data:`Advise`; ``None``: every new task names its agent type, and nobody has anything against the plan.
    """

    def __init__(
        self,
        *,
        state: StateManager,
        plan: Callable[[], ExecutionPlan],
        turn: Callable[[], int],
        advise: Advise | None,
        landed: Callable[[], Set[str]] = frozenset,
    ) -> None:
        self._landed = landed
        self._state = state
        self._turn = turn
        self._plan = plan
        self._advise = advise
        self.proposals: dict[str, tuple[int, PlanPatch]] = {}
        self._due: deque[PatchAsked] = deque()
        self.disputes: deque[tuple[str, int, Dispute]] = deque()
        self._answered: set[str] = set()

    def open(self, log: RunState) -> None:
        """Take over what was asked before and not decided: work may have landed when its process ended."""
        self._answered.update(log.answers)
        for name, task in log.tasks.items():
            if task.dispute is not None:
                self.dispute(name, *task.dispute)
            if task.proposal is None or task.proposal[0] != task.attempts:
                continue
            number, data = task.proposal
            if task.status == "completed" or task.phase == "landed":
                self._due.append(_by_agent(_read(data), name, number))
            else:
                self.proposals[name] = number, _read(data)

    def propose(self, task: str, attempt: int, patch: PlanPatch) -> None:
        """An agent wants the plan changed once this attempt's work has landed."""
        self.proposals[task] = attempt, patch
        self._state.append("patch.proposed", task=task, attempt=attempt, data={"patch": patch_to_json(patch)})
        self._state.flush()
        failpoint("patch.proposed")

    def landed(self, task: str, attempt: int) -> PatchAsked | None:
        """What the landed work brings, ready for the engine."""
        proposed = self.proposals.pop(task, None)
        if proposed is None or proposed[0] != attempt:
            return None
        return self._looked_at(_by_agent(proposed[1], task, attempt))

    def dispute(self, task: str, attempt: int, data: Mapping[str, Any]) -> None:
        """An agent's attempt failed, since a test contradicts the specification, as it says; on record with the attempt's end."""
        self.disputes.append((task, attempt, Dispute(test=str(data["test"]), quote=str(data["quote"]))))

    def request(self, command: Mapping[str, Any]) -> None:
        """Take a request of another process; one that was answered before changes nothing."""
        name = str(command.get("request") or "")
        if name in self._answered:
            return
        self._answered.add(name)
        by = str(command.get("by") or "somebody")
        try:
            patch = _read(command.get("patch"))
        except PlanError as error:
            asked = PatchAsked(patch=PlanPatch(), by=by, request=name)
            self.record_refusal(PatchRefused(asked=asked, problems=error.problems), read=False)
            return
        self._due.append(PatchAsked(patch=patch, by=by, request=name))

    def due(self) -> Iterator[PatchAsked]:
        """What is to be decided now, each looked at in the plan that the one before it left."""
        while self._due:
            yield self._looked_at(self._due.popleft())

    def disputed(self) -> Iterator[PatchAsked]:
        """What follows from disputes, to be decided with the ends of their attempts; one that is not upheld is on record as refused."""
        while self.disputes:
            task, attempt, dispute = self.disputes.popleft()
            patch = patch_for(self._plan(), self._landed(), task, dispute)
            by = f"attempt {attempt} of task {task}, which disputes {dispute.test}"
            if isinstance(patch, PlanPatch):
                yield self._looked_at(PatchAsked(patch=patch, by=by, task=task, attempt=attempt))
            else:
                asked = PatchAsked(patch=PlanPatch(), by=by, task=task, attempt=attempt)
                self.record_refusal(PatchRefused(asked=asked, problems=patch), read=False)

    # --- decisions ----------------------------------------------------------------------------------------------------

    def record(self, patched: PlanPatched) -> None:
        """The plan is another one from here on."""
        failpoint("patch.decided")
        patch = patched.patch
        data = {
            "revision": patched.revision,
            **_origin(patched.asked, patch),
            "candidates": _lists(patched.asked.candidates),
            "turn": self._turn(),
            "added": [task.id for task in patch.new_tasks],
            "removed": list(patch.remove),
            "split": [split.task for split in patch.split],
            "rerouted": list(patch.reroute),
            "warnings": list(patched.warnings),
        }
        self._state.append("plan.patched", data=data)

    def record_refusal(self, refused: PatchRefused, *, read: bool = True) -> None:
        """Nothing of it was done. One that could not even be ``read`` was never shown to the engine."""
        failpoint("patch.decided")
        texts = [str(problem) for problem in refused.problems]
        log.warning("a patch by %s was refused: %s", refused.asked.by, "; ".join(texts))
        data = {**_origin(refused.asked, refused.asked.patch), "problems": texts}
        if read:
            asked = refused.asked
            objections = [{"what": each.what, "where": each.where, "remedy": each.remedy} for each in asked.problems]
            data |= {"candidates": _lists(asked.candidates), "objections": objections, "turn": self._turn()}
        self._state.append("patch.refused", data=data)

    def _looked_at(self, asked: PatchAsked) -> PatchAsked:
        """With what plugins say. A patch that does not even fit is not shown to them: the engine says what is wrong with it."""
        plan = self._plan()
        patch, problems = resolve_patch(plan, asked.patch)
        if problems or self._advise is None:
            return asked
        try:
            after = revise(plan, patch)
        except GraphError:
            return asked
        advice = self._advise(plan, after, tasks_to_assign(plan, patch))
        return evolve(
            asked,
            patch=_assigned(patch, advice.candidates),
            candidates=dict(advice.candidates),
            problems=advice.problems,
        )


def _assigned(patch: PlanPatch, candidates: Mapping[str, tuple[str, ...]]) -> PlanPatch:
    """The patch with an agent type for every task it brings, as the tasks of a plan have one when it is begun."""

    def assigned(task: Task) -> Task:
        accepting = candidates.get(task.id)
        return evolve(task, agent_type=accepting[0]) if accepting and task.agent_type is None else task

    return evolve(
        patch,
        add=tuple(assigned(task) for task in patch.add),
        split=tuple(evolve(split, into=tuple(assigned(part) for part in split.into)) for split in patch.split),
    )


def _by_agent(patch: PlanPatch, task: str, attempt: int) -> PatchAsked:
    return PatchAsked(patch=patch, by=f"attempt {attempt} of task {task}", task=task, attempt=attempt)


def _origin(asked: PatchAsked, patch: PlanPatch) -> dict[str, Any]:
    return {
        "patch": patch_to_json(patch),
        "by": asked.by,
        "task": asked.task,
        "attempt": asked.attempt,
        "request": asked.request,
    }


def _lists(candidates: Mapping[str, tuple[str, ...]] | None) -> dict[str, list[str]] | None:
    return None if candidates is None else {task: list(names) for task, names in candidates.items()}


def _read(data: object) -> PlanPatch:
    from ..codec import structure

    return structure(data, PlanPatch, where="the patch", error=PlanError)
