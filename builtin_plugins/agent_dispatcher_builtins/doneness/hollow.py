"""Do tests notice that the code they are about is not there? Each of them has to fail while whatever it calls of that code fails.

A test that passes then either calls nothing of its subject, or drops what happens, or is content with any exception: it cannot tell good code from bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent_dispatcher.extension import Objection
from agent_dispatcher.extension.components import CodeTools, Language
from agent_dispatcher.models import ArtifactRef

from ..checks.junit import Case, Results

__all__ = ["modules_of", "unmoved"]

#: Failures that are the test's own: it would fail with good code too.
_OWN_FAULTS = (
    "NameError",
    "SyntaxError",
    "IndentationError",
    "TabError",
    "ModuleNotFoundError",
    "ImportError",
    "ReferenceError",
    "fixture ",
)
_MARK = "SubjectIsHollow"
_MAX_MESSAGE = 400


def modules_of(promised: Iterable[ArtifactRef], language: Language) -> tuple[str, ...]:
    """The modules that are promised, by name or by file; packages' own files only where nothing else is promised of them."""
    refs = tuple(promised)
    named = [ref.name.partition(":")[0] for ref in refs if ref.type == "symbol"]
    if isinstance(language, CodeTools):
        named += [language.module(ref.name) for ref in refs if ref.type == "path" and not language.is_test(ref.name)]
    return tuple(dict.fromkeys(name for name in named if name))


def unmoved(results: Results, files: Sequence[str]) -> tuple[Objection, ...]:
    """What speaks against tests that were run without their subject."""
    where = files[0] if files else "the tests"
    if not results.cases:
        return (Objection(kind="idle", path=where, what="no test was found in it"),)
    return tuple(each for case in results.cases if (each := _about(case, where)) is not None)


def _about(case: Case, where: str) -> Objection | None:
    path, _, name = case.name.partition("::")
    path = path if name else where
    name = name or case.name
    if case.outcome == "passed":
        what = f"{name} passes although the code under test fails whatever is called of it: it proves nothing about it"
        return Objection(kind="idle", path=path, what=what)
    if case.outcome == "skipped" or _MARK in case.message or _MARK in case.text:
        return None
    if case.outcome == "error" or case.message.startswith(_OWN_FAULTS):
        what = f"{name} fails for a reason of its own: {' '.join(case.message.split())[:_MAX_MESSAGE]}"
        return Objection(kind="idle", path=path, what=what)
    return None
