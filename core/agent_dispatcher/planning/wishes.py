"""What agent types' options ask of planning: a language, and task types that are not to be planned."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from ..extension.components import Decomposition, Wishes

__all__ = ["combine", "leave_out"]


def combine(wishes: Iterable[Wishes]) -> Wishes:
    """The first language that is wished for, and everything that anybody wants left out."""
    language, left_out = "", frozenset[str]()
    for wish in wishes:
        language = language or wish.language
        left_out |= wish.leave_out
    return Wishes(language=language, leave_out=left_out)


def leave_out(decomposition: Decomposition, types: frozenset[str]) -> Decomposition:
    """The decomposition without tasks of these types; what referred to them no longer does. Tasks that a source lists itself stay."""
    gone = {task.id for task in decomposition.tasks if task.type in types and not task.source}
    if not gone:
        return decomposition
    kept = tuple(
        evolve(
            task,
            verifies=tuple(name for name in task.verifies if name not in gone),
            children=tuple(name for name in task.children if name not in gone),
            depends_on=tuple(each for each in task.depends_on if each.task not in gone),
        )
        for task in decomposition.tasks
        if task.id not in gone
    )
    names = ", ".join(sorted({task.type for task in decomposition.tasks if task.id in gone}))
    warnings = (*decomposition.warnings, f"by configuration nothing is planned of type {names}")
    return evolve(decomposition, tasks=kept, warnings=warnings)
