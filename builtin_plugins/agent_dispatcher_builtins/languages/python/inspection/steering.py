"""Does a file that tests are surrounded by decide how they end? Hooks of the test runner, fixtures that skip everything, code under test that is exchanged.

Such files are ``conftest.py``, whatever else stands beside tests, and modules that Python loads by itself. Ordinary fixtures and helpers decide nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent_dispatcher.extension import Objection

from .settings import is_setting, set_in, targets_of
from .written import written

__all__ = ["steering"]

_WHY = "tests may be left out or changed by it"
_SHOWN = 120
_Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Hooks that tell, and change nothing of how a test ends.
_HARMLESS = frozenset(
    [
        "pytest_addoption",
        "pytest_configure",
        "pytest_unconfigure",
        "pytest_sessionstart",
        "pytest_report_header",
        "pytest_assertrepr_compare",
        "pytest_terminal_summary",
        "pytest_make_parametrize_id",
        "pytest_generate_tests",
        "pytest_addhooks",
    ]
)
_LEAVING_OUT = frozenset(("collect_ignore", "collect_ignore_glob", "pytestmark", "__test__"))
_ENDING = frozenset(("skip", "xfail", "importorskip", "exit", "_exit", "skipTest"))
_KNOWN_PLUGINS = ("pytester", "tests.", "test.")


def steering(path: str, tree: ast.Module) -> list[tuple[str, Objection]]:
    """Everything by which the file decides how tests end, each with a key that stays the same while lines move."""
    found = [
        (f"steering {what}", Objection(kind="weakened", path=path, line=line, what=f"{_WHY}: {what}"))
        for line, what in (*_hooks(tree), *_exchanged(tree), *_ends(tree))
    ]
    found += [
        (f"steering {what}", Objection(kind="weakened", path=path, line=line, what=f"{_WHY}: {what}", subject=subject))
        for line, what, subject in set_in(tree)
    ]
    return list(dict(reversed(found)).items())[::-1]


def _hooks(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            if node.name.startswith("pytest_") and node.name not in _HARMLESS:
                yield node.lineno, f"the hook {node.name}"
            for decorator in node.decorator_list:
                for word in decorator.keywords if isinstance(decorator, ast.Call) else ():
                    if word.arg == "specname":
                        yield node.lineno, f"{node.name} is the hook {written(word.value)}"
        for target in targets_of(node):
            if not isinstance(target, ast.Name):
                continue
            plugins = target.id == "pytest_plugins"
            named = target.id in _LEAVING_OUT or (target.id.startswith("pytest_") and not plugins)
            if named or (plugins and not all(each.startswith(_KNOWN_PLUGINS) for each in _texts(node))):
                yield target.lineno, _short(node)
        if isinstance(node, ast.ImportFrom | ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name
                if bound.startswith("pytest_") and isinstance(node, ast.ImportFrom) and bound not in _HARMLESS:
                    yield node.lineno, _short(node)
        if isinstance(node, ast.Call) and _called(node) == "register" and "plugin" in written(node.func).lower():
            yield node.lineno, _short(node)


def _exchanged(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What is put in the place of something imported, for good."""
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        for target in targets_of(node):
            if isinstance(target, ast.Attribute) and _root(target) in imported and not is_setting(target, node):
                yield target.lineno, _short(node)
            if isinstance(target, ast.Subscript) and written(target.value).endswith(("modules", "__dict__")):
                yield target.lineno, _short(node)
        if isinstance(node, ast.Call):
            name = _called(node)
            first = _root(node.args[0]) if node.args else ""
            if (name in ("setattr", "delattr") and isinstance(node.func, ast.Name) and first in imported) or (
                name in ("exec", "eval") and isinstance(node.func, ast.Name)
            ):
                yield node.lineno, _short(node)


def _ends(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Skips and ends that come whatever the circumstances are."""
    for function, body in _bodies(tree):
        for statement in body:
            value = statement.value if isinstance(statement, ast.Expr) else None
            value = statement.exc if isinstance(statement, ast.Raise) else value
            if isinstance(value, ast.Call) and _called(value) in _ENDING:
                yield statement.lineno, f"{_short(value)} in {function}"
            elif isinstance(value, ast.Call | ast.Attribute) and written(value).partition("(")[0].endswith(
                ("Skipped", "SkipTest", "skip.Exception")
            ):
                yield statement.lineno, f"{_short(statement)} in {function}"


def _bodies(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    yield "the file", tree.body
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            yield node.name, node.body


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _texts(node: ast.AST) -> list[str]:
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _short(node: ast.AST) -> str:
    line = " ".join(written(node).split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
