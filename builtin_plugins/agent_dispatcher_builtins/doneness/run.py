"""Were the tests run that stand in the files? What is green because it was left out, or because the code under test skipped it, is not green."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension.components import Language, NamesTests
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ..checks.junit import Results
from .belonging import beside_tests
from .reading import text_of

__all__ = ["left_out"]


def left_out(results: Results, files: Sequence[str], tree: Path, language: Language) -> tuple[str, ...]:
    """A sentence for each file of tests of which something was not run, and for each test that the code under test skipped.

    Nothing is said of results that do not name files, and nothing of single tests where the project has another idea of which functions are tests.
    """
    return (*_not_collected(results, files, tree, language), *_skipped_by_code(results, tree, language))


def _not_collected(results: Results, files: Sequence[str], tree: Path, language: Language) -> Iterator[str]:
    ran: dict[str, set[str]] = {}
    for case in results.cases:
        path, separator, name = case.name.partition("::")
        ran.setdefault(path.removeprefix("./"), set())
        if separator:
            ran[path.removeprefix("./")].add(name.partition("[")[0])
    if not any(ran.values()):
        return
    for file in files:
        named = set(language.tests_named(_text(tree, file))) if isinstance(language, NamesTests) else None
        found = ran.get(file, set())
        if file not in ran and named != set():
            yield f"no test of {file} was run"
        elif named and named & found and (missing := sorted(named - found)):
            yield f"{', '.join(missing[:3])} in {file} was not run"


def _skipped_by_code(results: Results, tree: Path, language: Language) -> Iterator[str]:
    for case in results.cases:
        where = case.text.partition(": ")[0].rpartition(":")[0] if case.outcome == "skipped" else ""
        if not where or not Path(where).is_absolute() or not Path(where).is_relative_to(tree):
            continue
        path = Path(where).relative_to(tree).as_posix()
        if language.is_source(path) and not language.is_test(path) and not beside_tests(path):
            yield f"{case.name} was skipped by {path}, which is no test"


def _text(tree: Path, path: str) -> str:
    try:
        return text_of(path, GuardedFolder(tree).read_bytes(path)) or ""
    except (FileNotFoundError, PathRefused):
        return ""
