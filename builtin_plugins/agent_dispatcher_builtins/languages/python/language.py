"""The language ``python``: a src layout, compiled by the interpreter the dispatcher runs on and tested by the same with an environment of the tree's own.

Nothing of the work is imported here, ever: files are parsed, and everything that runs them is a command for the sandbox. Those commands load their
tools before the work's folders are importable, so that a file named like a tool is not taken for it.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from agent_dispatcher.extension import Environment, Finding, Layout, Objection
from agent_dispatcher.extension.components import StatedExample
from agent_dispatcher.models import ArtifactRef, Specification

from .absence import absence
from .declared import declares
from .environment import environment
from .interpreter import Tool, test_tools
from .options import PythonOptions
from .outline import imports, module, outline
from .symbols import missing_symbols
from .tools import format_command, lint_command

__all__ = ["Python"]

_TEST_FILE = re.compile(r"(test_.*|.*_test)\.py")


class Python:
    """See :class:`agent_dispatcher.extension.Language`.

    Args:
        cache: where environments are kept; by default where the dispatcher keeps what components make.
        log: told what a tree asks for and does not get.
    """

    name = "python"
    test_framework = "pytest"

    def __init__(
        self, options: PythonOptions | None = None, cache: Path | None = None, log: logging.Logger | None = None
    ) -> None:
        self._options = options or PythonOptions()
        self._cache = cache or _usual_cache()
        self._log = log or logging.getLogger(__name__)
        self._tools: dict[str, Tool] = {}
        self._noted: set[str] = set()

    def layout(self, specification: Specification) -> Layout | None:
        """The files of the package that the declared behaviour asks for."""
        from .layout import layout

        return layout(specification)

    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Parses and compiles each file without running or writing anything; says every fault with its line."""
        return (sys.executable, "-I", "-S", "-c", _script("_compile_files.py"), *paths)

    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        """Runs pytest with the python of the tree's environment, which is first on its PATH; with ``coverage`` measures branches of ``src``."""
        return ("python", "-I", "-B", "-c", _script("_run_tests.py"), results, coverage or "", *paths)

    def hollow_test_command(self, paths: Sequence[str], modules: Sequence[str], *, results: str) -> tuple[str, ...]:
        """Runs pytest with ``modules`` made hollow."""
        return ("python", "-I", "-B", "-c", _script("_run_hollow_tests.py"), results, ",".join(modules), *paths)

    def is_test(self, path: str) -> bool:
        """``test_*.py`` and ``*_test.py``."""
        return _TEST_FILE.fullmatch(PurePosixPath(path).name) is not None

    def is_source(self, path: str) -> bool:
        """``*.py``."""
        return path.endswith(".py")

    def declares(self, path: str) -> bool:
        """See :func:`.declared.declares`."""
        return declares(path)

    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        """See :func:`.symbols.missing_symbols`."""
        return missing_symbols(tree, promised)

    def objections(self, path: str, before: str | None, after: str | None) -> tuple[Objection, ...]:
        """See :func:`.inspection.inspecting.inspect`."""
        from .inspection.inspecting import inspect

        return inspect(path, before, after, is_test=self.is_test(path))

    def overrides(self, text: str) -> frozenset[str]:
        """See :func:`.inspection.stubs.implemented`."""
        from .inspection.stubs import implemented

        return implemented(text)

    def tests_named(self, text: str) -> tuple[str, ...]:
        """See :func:`.inspection.tests_read.tests_for_certain`."""
        from .inspection.tests_read import tests_for_certain

        return tests_for_certain(text)

    def format_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """See :func:`.tools.format_command`."""
        return format_command(paths)

    def lint_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """See :func:`.tools.lint_command`."""
        return lint_command(paths)

    def audit_command(
        self, kind: str, paths: Sequence[str], *, results: str, max_complexity: int = 10
    ) -> tuple[str, ...]:
        """See :func:`.auditing.audit_command`."""
        from .auditing import audit_command

        return audit_command(kind, paths, results=results, max_complexity=max_complexity)

    def settled_audit_command(
        self, paths: Sequence[str], *, results: str, max_complexity: int = 10, before: str = ""
    ) -> tuple[str, ...]:
        """See :func:`.auditing.settled_audit_command`."""
        from .auditing import settled_audit_command

        return settled_audit_command(paths, results=results, max_complexity=max_complexity, before=before)

    def may_settle(self, path: str) -> bool:
        """See :func:`.auditing.may_settle`."""
        from .auditing import may_settle

        return may_settle(path)

    def settles(self, path: str, before: bytes | None, after: bytes | None) -> bool:
        """See :func:`.auditing.settles`."""
        from .auditing import settles

        return settles(path, before, after)

    def findings(self, kind: str, data: bytes) -> tuple[Finding, ...]:
        """See :func:`.auditing.findings`."""
        from .auditing import findings

        return findings(kind, data)

    def reaches_tests(self, added: Sequence[str], tree: Path) -> str:
        """See :func:`.reach.reaches_tests`."""
        from .reach import reaches_tests

        return reaches_tests(added, tree)

    def outline(self, text: str) -> str:
        """See :func:`.outline.outline`."""
        return outline(text)

    def module(self, path: str) -> str:
        """See :func:`.outline.module`."""
        return module(path)

    def imports(self, text: str) -> frozenset[str]:
        """See :func:`.outline.imports`."""
        return imports(text)

    def example_tests(self, text: str, symbols: Sequence[str]) -> str:
        """See :func:`.examples.example_tests`."""
        from .examples import example_tests

        return example_tests(text, symbols)

    def stated_examples(self, text: str) -> tuple[StatedExample, ...]:
        """See :func:`.stated_examples.stated_examples`."""
        from .stated_examples import stated_examples

        return stated_examples(text)

    def homes(self, function: str, tree: Path) -> tuple[str, ...]:
        """See :func:`.functions.homes`."""
        from .functions import homes

        return homes(function, tree)

    def examples_command(self, examples: Sequence[tuple[str, StatedExample]], *, results: str) -> tuple[str, ...]:
        """Calls them with the python of the tree's environment, in children of a process that imports nothing of the tree."""
        given = [
            {
                "module": module,
                "function": each.function,
                "call": each.call,
                "result": each.result,
                "raises": each.raises,
                "roughly": each.roughly,
            }
            for module, each in examples
        ]
        return ("python", "-I", "-B", "-c", _script("_run_examples.py"), results, json.dumps(given))

    def test_path(self, name: str) -> str:
        """``tests/test_<name>.py``."""
        return f"tests/test_{name.removeprefix('test_')}.py"

    def import_line(self, module: str, name: str, paths: Sequence[str]) -> str:
        """``from module import name``, or ``import module``."""
        return f"from {module} import {name}" if name else f"import {module}"

    def absence(self, message: str, promised: Iterable[ArtifactRef]) -> str | None:
        """See :func:`.absence.absence`."""
        return absence(message, promised)

    async def environment(self, tree: Path) -> Environment:
        """See :func:`.environment.environment`."""
        self._tools = self._tools or test_tools()
        return await environment(tree, self._options, self._cache, self._tools, self._note)

    def _note(self, text: str) -> None:
        """Said once, however many commands need the environment."""
        if text not in self._noted:
            self._noted.add(text)
            self._log.warning("%s", text)


def _usual_cache() -> Path:
    from agent_dispatcher.runs.index import state_home

    return state_home() / "components"


@cache
def _script(name: str) -> str:
    """The text of a program of ours, handed over as an argument: the folder it is in is not visible in the sandbox."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
