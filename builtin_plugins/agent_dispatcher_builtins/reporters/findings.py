"""What was found wrong at places in files, by reviews that let the work pass and by checks: gathered from everything a result holds, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from agent_dispatcher.models import Evidence, ExecutionResult, Finding

__all__ = ["Found", "found_by", "found_in"]

#: How a report sorts them; what nobody has heard of comes last.
_WORST_FIRST = ("high", "medium", "low")


@frozen
class Found:
    """A finding and where it comes from.

    Attributes:
        task: id of the task whose work says so, or whose work it is about.
        by: path of the note, or name of the check.
    """

    finding: Finding
    task: str
    by: str


def found_in(result: ExecutionResult) -> tuple[Found, ...]:
    """All findings of a run: the worst first, then by file and line."""
    return tuple(sorted(dict.fromkeys(_all(result)), key=_order))


def found_by(evidence: Evidence) -> tuple[Finding, ...]:
    """What a check lists in its ``details`` as ``findings``; what is none of the shape of a :class:`Finding` is left out."""
    listed = evidence.details.get("findings")
    if not isinstance(listed, (list, tuple)):
        return ()
    return tuple(finding for each in listed if (finding := _finding(each)) is not None)


def _all(result: ExecutionResult) -> Iterator[Found]:
    for artifact in result.final_artifacts:
        for finding in artifact.findings:
            yield Found(finding, artifact.task, artifact.path)
    for task in result.task_results:
        for evidence in task.evidence:
            for finding in found_by(evidence):
                yield Found(finding, task.id, evidence.check)


def _order(found: Found) -> tuple[int, str, int, str]:
    finding = found.finding
    known = finding.severity in _WORST_FIRST
    place = _WORST_FIRST.index(finding.severity) if known else len(_WORST_FIRST)
    return place, finding.path, finding.line, finding.rule


def _finding(data: object) -> Finding | None:
    if not isinstance(data, Mapping):
        return None
    path, line, what = data.get("path"), data.get("line"), data.get("what")
    if not isinstance(path, str) or not isinstance(line, int) or not isinstance(what, str):
        return None
    more = {name: str(data.get(name) or "") for name in ("rule", "severity", "quote")}
    return Finding(path=path, line=line, what=what, **more)
