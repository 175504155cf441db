"""The rows of the page's lists, made from a run's result and its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent_dispatcher.models import (
    Dependency,
    Evidence,
    ExecutionPlan,
    ExecutionResult,
    Task,
    TaskResult,
    WholeCheck,
)
from agent_dispatcher.provenance import Command, commands_of
from agent_dispatcher.reporting.history import SPAN_KINDS, Attempt, History

from ..findings import Found, found_by
from .logs import Logs
from .provenance import Works
from .row_values import FindingRow, Link, Problem, Proof, RequirementRow, TaskRow, TryRow, WholeRow
from .text import Allowance, clean, line, seconds
from .words import (
    evidence_badge,
    outcome_badge,
    severity_badge,
    status_badge,
    type_class,
    verdict_badge,
)

__all__ = ["Rows"]

#: So many tasks are named whose work was checked together.
_MOST_LINKS = 20


class Rows:
    """Makes the rows of one run; long texts share one allowance, those of failures are made first."""

    def __init__(
        self, result: ExecutionResult, plan: ExecutionPlan, history: History, logs: Logs, works: Works
    ) -> None:
        self._result = result
        self._plan = plan
        self._history = history
        self._logs = logs
        self._works = works
        self._allowance = Allowance()
        self._planned = {task.id: task for task in plan.tasks}
        self._results = {task.id: task for task in result.task_results}
        order = [*self._planned, *(task for task in self._results if task not in self._planned)]
        self.anchors = {task_id: f"task-{number}" for number, task_id in enumerate(order, 1)}
        self._tries: dict[str, list[Attempt]] = {}
        for attempt in history.attempts:
            self._tries.setdefault(attempt.task, []).append(attempt)
        self.problems = tuple(
            self._problem(task) for task in result.task_results if task.status in ("failed", "skipped", "cancelled")
        )
        self.blocked = tuple(
            (self.link(task.id), tuple(self.link(other) for other in history.blocked.get(task.id, ())))
            for task in result.task_results
            if task.status == "blocked"
        )
        self.final = tuple(self._proof(evidence) for evidence in result.final_evidence)
        self.mended = tuple(
            problem for task in result.task_results if task.status == "completed" and (problem := self._mended(task))
        )
        self.tasks = self._task_rows()
        self.requirements = self._requirement_rows()

    def link(self, task_id: str, note: str = "") -> Link:
        """To a task's row."""
        task = self._planned.get(task_id)
        title = task.title if task is not None else self._results[task_id].title if task_id in self._results else ""
        name = f"{task.source_id} {title}" if task is not None and task.source_id else title
        return Link(line(name or task_id, 200), self.anchors.get(task_id, ""), line(note, 400))

    # --- what went wrong

    def _problem(self, result: TaskResult) -> Problem:
        messages = self._failures(result.id)
        last = clean(result.error or "").strip("\n")
        if last and not any(text.strip() == last.strip() for _, text in messages):
            messages = (*messages, ("Why it ended" if messages else "Why", self._allowance.take(result.error)))
        return Problem(
            link=self.link(result.id),
            badge=status_badge(result.status),
            agent=line(result.agent or ""),
            messages=messages or (("Why", "Nothing was recorded."),),
        )

    def _mended(self, result: TaskResult) -> Problem | None:
        messages = self._failures(result.id)
        if not messages:
            return None
        return Problem(
            link=self.link(result.id),
            badge=status_badge(result.status),
            agent=line(result.agent or ""),
            messages=messages,
        )

    def _failures(self, task_id: str) -> tuple[tuple[str, str], ...]:
        """What each rejected or failed attempt was told, in order; what was said before is not said again."""
        found: list[tuple[str, str]] = []
        said: dict[str, int] = {}
        for attempt in self._tries.get(task_id, ()):
            if attempt.outcome not in ("rejected", "failed"):
                continue
            how = outcome_badge(attempt.outcome, attempt.reason).word
            first = said.setdefault(attempt.message, attempt.number)
            if first != attempt.number:
                text = f"The same as in attempt {first}."
            else:
                text = self._allowance.take(attempt.message) or "Nothing was said."
            found.append((f"Attempt {attempt.number}: {how} at {seconds(attempt.ended)}", text))
        return tuple(found)

    # --- checks

    def _proof(self, evidence: Evidence) -> Proof:
        trouble = not evidence.passed and not evidence.expected_red
        listed = found_by(evidence)
        details = dict(evidence.details)
        if listed:
            details["findings"] = f"{len(listed)}, see Findings"
        if ran := commands_of(evidence.details):
            details["commands"] = "; ".join(map(_ran, ran))
        facts = tuple(
            (line(str(name).replace("_", " "), 40), line(_plain(value), 300))
            for name, value in list(details.items())[:20]
            if value not in (None, [], "", {}, ())
        )
        return Proof(
            check=line(evidence.check, 60),
            badge=evidence_badge(evidence),
            summary=line(evidence.summary, 400),
            tree=line(evidence.tree, 64),
            log=self._logs.link(evidence.log),
            proves=evidence.proof and evidence.passed,
            facts=facts,
            output=self._allowance.take(self._logs.tail(evidence.log), tail=True) if trouble else "",
        )

    def grown(self, checks: Iterable[WholeCheck]) -> tuple[WholeRow, ...]:
        """The checks of the whole tree while it grew."""
        return tuple(
            WholeRow(
                tree=line(check.tree, 64),
                tasks=tuple(self.link(task_id) for task_id in check.tasks[:_MOST_LINKS]),
                more=max(0, len(check.tasks) - _MOST_LINKS),
                proofs=tuple(self._proof(evidence) for evidence in check.evidence),
            )
            for check in checks
        )

    def finding(self, found: Found) -> FindingRow:
        """A row of what was found at places in files."""
        finding = found.finding
        return FindingRow(
            badge=severity_badge(finding.severity),
            place=line(f"{finding.path}:{finding.line}" if finding.line else finding.path, 300),
            rule=line(finding.rule, 60),
            what=line(finding.what, 600),
            quote=line(finding.quote, 200),
            task=self.link(found.task, found.by),
        )

    # --- tasks

    def _task_rows(self) -> tuple[TaskRow, ...]:
        waits: dict[str, list[Link]] = {}
        for dependency in self._plan.dependencies:
            waits.setdefault(dependency.after, []).append(self.link(dependency.before, _reason(dependency)))
        gates: dict[str, list[Link]] = {}
        for gate in self._plan.gates:
            gates.setdefault(gate.subject, []).append(self.link(gate.test))
        excludes: dict[str, list[Link]] = {}
        for exclusion in self._plan.exclusions:
            for task_id in exclusion.tasks:
                excludes.setdefault(task_id, []).extend(
                    self.link(other, exclusion.resource) for other in exclusion.tasks if other != task_id
                )
        critical = set(self._plan.critical_path)
        return tuple(
            self._task_row(
                self._planned.get(task_id) or Task(id=task_id, title=self._results[task_id].title or task_id),
                self._results.get(task_id) or TaskResult(id=task_id, status="pending"),
                waits.get(task_id, ()),
                gates.get(task_id, ()),
                excludes.get(task_id, ()),
                task_id in critical,
            )
            for task_id in self.anchors
        )

    def _task_row(
        self,
        task: Task,
        result: TaskResult,
        waits: Iterable[Link],
        gates: Iterable[Link],
        excludes: Iterable[Link],
        critical: bool,
    ) -> TaskRow:
        tries = self._tries.get(task.id, [])
        worked = sum(attempt.worked_until - attempt.started for attempt in tries)
        description = clean(task.description).strip()
        return TaskRow(
            anchor=self.anchors[task.id],
            name=line(task.title or task.id, 240),
            source_id=line(task.source_id or "", 60),
            badge=status_badge(result.status),
            type=line(task.type.replace("_", " "), 40),
            style=type_class(task.type),
            agent=line(result.agent or "", 60),
            attempts=result.attempts,
            work=seconds(worked) if tries else "",
            commit=line(result.commit or "", 64),
            group=task.group,
            description="" if description == clean(task.title).strip() else line(description, 1200),
            source=line(task.source, 200),
            critical=critical,
            error=self._short_error(result),
            waits_for=tuple(waits),
            gated_by=tuple(gates),
            excludes=tuple(excludes),
            requirements=tuple(line(requirement, 60) for requirement in task.requirements),
            produces=tuple(line(f"{ref.type} {ref.name}", 160) for ref in task.produces[:40]),
            proofs=tuple(self._proof(evidence) for evidence in result.evidence),
            tries=tuple(self._try(attempt) for attempt in tries),
            provenance=self._works.of(task),
            steps=tuple((line(step.title, 200), status_badge(step.status)) for step in task.steps),
        )

    def _short_error(self, result: TaskResult) -> str:
        others = self._history.blocked.get(result.id, ())
        if result.status == "blocked" and others:
            return line("waits for " + ", ".join(self.link(other).text for other in others), 300)
        return line(result.error or "", 300)

    def _try(self, attempt: Attempt) -> TryRow:
        waits = tuple(
            f"{seconds(span.length)} {SPAN_KINDS[span.kind]}" + (f": {self.link(span.on).text}" if span.on else "")
            for span in attempt.spans
            if span.kind != "work" and span.length >= 0.05
        )
        return TryRow(
            number=attempt.number,
            agent=line(attempt.agent, 60),
            start=f"{attempt.started:.1f} s",
            work=seconds(attempt.worked_until - attempt.started),
            waits=waits,
            badge=outcome_badge(attempt.outcome, attempt.reason),
            message=line(attempt.message if attempt.outcome in ("rejected", "failed") else attempt.summary, 240),
        )

    # --- requirements

    def _requirement_rows(self) -> tuple[RequirementRow, ...]:
        rows = dict(zip(self.anchors, self.tasks, strict=True))
        texts = {requirement.id: requirement for requirement in self._result.specification.requirements}
        found = []
        for number, requirement in enumerate(self._result.requirements, 1):
            text = texts.get(requirement.id)
            tasks = tuple(sorted((rows[task_id] for task_id in requirement.tasks if task_id in rows), key=_urgency))
            badge = verdict_badge(requirement.verdict)
            found.append(
                RequirementRow(
                    anchor=f"requirement-{number}",
                    id=line(requirement.id, 60),
                    text=line(text.text if text is not None else "", 1200),
                    priority=line(text.priority if text is not None else "", 20),
                    source=line(text.source if text is not None else "", 200),
                    badge=badge,
                    why=_capital(_why(requirement.verdict, tasks, self.final)) + _covered(requirement.coverage_percent),
                    tasks=tasks,
                )
            )
        return tuple(found)


def _covered(percent: float | None) -> str:
    return "" if percent is None else f"; the final tests went through {percent:g} % of the files made for it"


def _why(verdict: str, tasks: Sequence[TaskRow], final: Sequence[Proof]) -> str:
    """What the verdict rests on, in one sentence."""
    proving = sum(proof.proves for task in tasks for proof in task.proofs)
    undone = [task for task in tasks if task.badge.word != "completed"]
    served = f"{len(tasks)} tasks" if len(tasks) != 1 else "1 task"
    if not tasks:
        return "no task serves it"
    if verdict == "met":
        return f"{served} completed, {proving} {'checks that look at it' if proving != 1 else 'check that looks at it'} passed"
    if verdict == "not_checked":
        return f"{served} completed, but nothing that passed proves it"
    if undone:
        return f"{len(undone)} of {served} not completed: {undone[0].name} is {undone[0].badge.word}"
    if any(proof.badge.tone == "bad" for proof in final):
        return f"{served} completed, but a check of the finished whole failed"
    return served


def _urgency(row: TaskRow) -> int:
    """What failed first, what is completed last; else in the order of the plan."""
    return {"bad": 0, "warn": 1, "good": 3}.get(row.badge.tone, 2)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _reason(dependency: Dependency) -> str:
    reasons = [
        f"{reason.rule}: {reason.evidence}" if reason.evidence else reason.rule for reason in dependency.reasons[:2]
    ]
    places = [reason.source for reason in dependency.reasons[:1] if reason.source]
    note = "; ".join(reasons) + (f" ({places[0]})" if places else "")
    return note if dependency.strength == "binding" else f"advisory; {note}".rstrip("; ")


def _ran(command: Command) -> str:
    ended = f"ended by {command.limit_hit}" if command.limit_hit else f"exit code {command.code}"
    return f"{' '.join(command.argv)} ({ended})"


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {item}" for key, item in list(value.items())[:20])
    if isinstance(value, (list, tuple)):
        more = f", and {len(value) - 20} more" if len(value) > 20 else ""
        return ", ".join(str(item) for item in value[:20]) + more
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
