"""How much of what was made for a requirement the tests of the finished whole went through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from ..models import Artifact, Evidence, RequirementResult

__all__ = ["with_coverage"]


def with_coverage(
    requirements: Sequence[RequirementResult], artifacts: Iterable[Artifact], final: Iterable[Evidence]
) -> tuple[RequirementResult, ...]:
    """The results with the share of their files that was covered; files of which nothing was measured (tests, documents) do not count.

    A final check says it in its details, as ``coverage_by_file``: path to what was covered and what there is to cover.
    """
    measured: dict[str, tuple[int, int]] = {}
    for evidence in final:
        by_file = evidence.details.get("coverage_by_file")
        if isinstance(by_file, Mapping):
            measured.update((str(path), pair) for path, value in by_file.items() if (pair := _pair(value)) is not None)
    if not measured:
        return tuple(requirements)
    paths: dict[str, list[str]] = {}
    for artifact in artifacts:
        if artifact.path in measured:
            paths.setdefault(artifact.task, []).append(artifact.path)
    return tuple(_covered(each, paths, measured) for each in requirements)


def _covered(
    requirement: RequirementResult, paths: Mapping[str, Sequence[str]], measured: Mapping[str, tuple[int, int]]
) -> RequirementResult:
    own = {path for task in requirement.tasks for path in paths.get(task, ())}
    there = sum(measured[path][1] for path in own)
    if not there:
        return requirement
    return evolve(requirement, coverage_percent=round(100.0 * sum(measured[path][0] for path in own) / there, 1))


def _pair(value: object) -> tuple[int, int] | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return None
    covered, there = value
    fits = type(covered) is int and type(there) is int and 0 <= covered <= there
    return (covered, there) if fits else None
