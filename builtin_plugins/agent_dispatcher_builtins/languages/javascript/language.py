"""The languages ``javascript`` and ``typescript``: ES modules below ``src``, tested by node's own test runner, which needs no package.

Nothing of the work is run here, ever: files are read as text, and everything that runs them is a command for the sandbox.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from agent_dispatcher.extension import Environment, Layout, Objection
from agent_dispatcher.extension.components import ToolsForTests
from agent_dispatcher.models import ArtifactRef, Specification

from .environment import environment
from .exports import ENDINGS, imports, missing_symbols, outline
from .fitting import fitted
from .inspection import inspect
from .installing import LOCK, MANIFEST
from .options import JavaScriptOptions
from .programs import node_program
from .reach import reaches_tests
from .text import stem
from .tools import format_command, lint_command

__all__ = ["JavaScript"]

_TEST_FILE = re.compile(r"(?:test|test-.*|.*[._-]test|.*\.spec)\.[mc]?[jt]sx?")
#: Folders in which node's test runner takes every file for tests.
_TEST_FOLDERS = frozenset(("test", "__tests__"))
_JSX = (".jsx", ".tsx")
_NO_MODULE = re.compile(r"Cannot find module '([^'\n]+)'")
_NO_NAME = re.compile(r"The requested module '([^'\n]+)' does not provide an export named '([^'\n]+)'")


class JavaScript:
    """See :class:`agent_dispatcher.extension.Language`.

    Args:
        name: ``javascript`` or ``typescript``; files of both are known to both, tests of one's own get its ending.
        cache: where installed packages are kept.
    """

    test_framework = "node:test and node:assert/strict, as an ES module"

    def __init__(self, name: str, options: JavaScriptOptions, cache: Path) -> None:
        self.name = name
        self._options = options
        self._cache = cache
        self._ending = ".ts" if name == "typescript" else ".js"

    def layout(self, specification: Specification) -> Layout | None:
        """There is none: declared behaviour is generated in Python only."""
        return None

    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Parses each file without running or writing anything; says every fault with its line. JSX is not parsed: node does not know it."""
        return self._node("_compile_files.mjs", *(path for path in paths if not path.endswith(_JSX)))

    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        """Runs node's test runner; with ``coverage`` measures lines and branches of all files that are no tests."""
        return self._node("_run_tests.mjs", _texts(), results, coverage or "", "null", *paths)

    def hollow_test_command(self, paths: Sequence[str], modules: Sequence[str], *, results: str) -> tuple[str, ...]:
        """Runs node's test runner with ``modules`` made hollow."""
        names = [name for module in modules for name in dict.fromkeys((stem(module), module.replace(".", "/")))]
        return self._node("_run_tests.mjs", _texts(), results, "", json.dumps(names), *paths)

    def _node(self, script: str, *arguments: str) -> tuple[str, ...]:
        runs = _script("_vitest.mjs") if script == "_run_tests.mjs" else ""
        text = _script("_typescript.mjs") + runs + _script(script)
        options = ("--no-warnings", "--experimental-vm-modules", "--input-type=module")
        return (str(node_program().resolve()), *options, "-e", text, "--", *arguments)

    def is_test(self, path: str) -> bool:
        """``*.test.js``, ``*-test.js``, ``*_test.js``, ``*.spec.js``, ``test-*.js``, ``test.js`` and all in folders named ``test``, with any ending of
        the language."""
        pure = PurePosixPath(path)
        beside = bool(_TEST_FOLDERS.intersection(pure.parts[:-1])) and self.is_source(path)
        return beside or _TEST_FILE.fullmatch(pure.name) is not None

    def is_source(self, path: str) -> bool:
        """``.js``, ``.mjs``, ``.cjs``, ``.jsx`` and the same of TypeScript."""
        return path.endswith(ENDINGS)

    def declares(self, path: str) -> bool:
        """The manifest and its lock file."""
        return path in (MANIFEST, LOCK)

    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        """See :func:`.exports.missing_symbols`."""
        return missing_symbols(tree, promised)

    def objections(self, path: str, before: str | None, after: str | None) -> tuple[Objection, ...]:
        """See :func:`.inspection.inspect`."""
        return inspect(path, before, after, is_test=self.is_test(path))

    def reaches_tests(self, added: Sequence[str], tree: Path) -> str:
        """See :func:`.reach.reaches_tests`."""
        return reaches_tests(added, tree, self.is_test)

    def format_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """See :func:`.tools.format_command`."""
        return format_command(paths)

    def lint_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """See :func:`.tools.lint_command`."""
        return lint_command(paths)

    def outline(self, text: str) -> str:
        """See :func:`.exports.outline`."""
        return outline(text)

    def module(self, path: str) -> str:
        """``src/shop/prices.js`` is ``shop/prices``; ``""`` for what is no module."""
        return stem(path) if self.is_source(path) else ""

    def imports(self, text: str) -> frozenset[str]:
        """See :func:`.exports.imports`."""
        return imports(text)

    def example_tests(self, text: str, symbols: Sequence[str]) -> str:
        """None: values in prose are not taken for JavaScript."""
        return ""

    def test_path(self, name: str) -> str:
        """``tests/<name>.test.js``, or ``.ts``."""
        return f"tests/{name.removeprefix('test_').replace('_', '-')}.test{self._ending}"

    def import_line(self, module: str, name: str, paths: Sequence[str]) -> str:
        """How a file of tests in ``tests`` takes a name out of a module."""
        what = f"{{ {name} }}" if name else "* as subject"
        file = next((path for path in paths if stem(path) == stem(module)), f"src/{stem(module)}{self._ending}")
        return f'import {what} from "../{file}"'

    def test_tools(self, read: Callable[[str], str | None], test: str) -> ToolsForTests:
        """See :mod:`.fitting`."""
        return fitted(self, read, test, self._ending)

    def absence(self, message: str, promised: Iterable[ArtifactRef]) -> str | None:
        """What node says when a file or an export is not there, if it is one that is promised."""
        absent = _NO_NAME.search(message) or _NO_MODULE.search(message)
        if absent is None:
            return None
        modules: set[str] = set()
        for ref in promised:
            if ref.type == "path":
                modules.add(stem(ref.name))
            elif ref.type == "symbol":
                module = ref.name.partition(":")[0]
                modules |= {stem(module), module.replace(".", "/")}
        name = stem(absent[1])
        if name not in modules:
            return None
        return f"module {name} is not there yet" if absent.re is _NO_MODULE else f"{name}:{absent[2]} is not there yet"

    async def environment(self, tree: Path) -> Environment:
        """See :func:`.environment.environment`."""
        typed = self.name == "typescript"
        return await environment(tree, self._options, self._cache, typed=typed)


@cache
def _script(name: str) -> str:
    """The text of a program of ours, handed over as an argument: the folder it is in is not visible in the sandbox."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@cache
def _texts() -> str:
    names = {
        "reporter": "_reporter.mjs",
        "covering": "_coverage.mjs",
        "hooks": "_hooks.mjs",
        "register": "_register.mjs",
        "typescript": "_typescript.mjs",
    }
    return json.dumps({key: _script(name) for key, name in names.items()})
