"""What was seen of the examples that requirements give word for word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..models import ExecutionResult

__all__ = ["UNPROVEN", "examples_in_words"]

#: What a passed check leaves open, for whoever reads that requirements are met.
UNPROVEN = "what the tests leave out of a text nobody has proven"


def examples_in_words(result: ExecutionResult) -> str:
    """How many of them hold on what landed, ``""`` where the requirements give none.

    A check says it of a task in its details, as ``examples``: each with what it says (``example``), the requirement (``of``), and its ``outcome``. One that waited for
    another task counts as it was seen last.
    """
    held: dict[tuple[str, str], bool] = {}
    for one, holds in _said(result):
        held[one] = holds or held.get(one, False)
    if not held:
        return ""
    many = f"{len(held)} examples of the text hold" if len(held) != 1 else "1 example of the text holds"
    return f"{sum(held.values())} of {many}"


def _said(result: ExecutionResult) -> Iterator[tuple[tuple[str, str], bool]]:
    for task in result.task_results:
        for evidence in task.evidence if task.status == "completed" else ():
            listed = evidence.details.get("examples")
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, Mapping) and {"of", "example", "outcome"} <= each.keys():
                    of = str(each["of"]) or task.id
                    yield (of, str(each["example"])), each["outcome"] == "holds"
