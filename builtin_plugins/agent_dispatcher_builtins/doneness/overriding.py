"""Does what a task adds take the place of fixtures that tests of others get from elsewhere?

A test gets a fixture from its own file, from the ``conftest.py`` files above it, or from what its file imports; the nearest one counts, for the fixtures that
ask for it as well. So a new fixture in a file of tests may reach all of them, although none of them names it, and so may a fixture that stands in the code.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from agent_dispatcher.extension import Objection

from .reading import text_of

__all__ = ["makes_fixtures", "overridden", "taking"]

Now = Callable[[str], bytes | None]
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_MAKING = frozenset(("fixture", "yield_fixture"))
_FROM = frozenset(("pytest", "_pytest", "pytest_asyncio"))
#: What makes fixtures, and ways to get at it without saying its name.
_SAID = _MAKING | {"getattr", "vars", "__dict__", "*"}
#: What is larger is refused as a whole.
_MOST_LETTERS = 1024**2
_STAR = re.compile(r"^from\s+([\w.]+)\s+import\s+\*", re.M)


def overridden(path: str, old: str, new: str, now: Now) -> list[Objection]:
    """New fixtures of a file of tests by names that fixtures of its ``conftest.py`` files ask for, or are used by for all tests."""
    before, after = _parsed(old), _parsed(new)
    if before is None or after is None:
        return []
    added = dict(_fixtures(after.body))
    for name, _ in _fixtures(before.body):
        added.pop(name, None)
    if not added:
        return []
    needed: dict[str, str] = {}
    folder = posixpath.dirname(path)
    while True:
        above = posixpath.join(folder, "conftest.py")
        tree = _parsed(text_of(above, now(above)))
        for name, node in _fixtures(tree.body) if tree is not None else ():
            for each in (*_asked(node), *([name] if _for_all(node) else [])):
                needed.setdefault(each, above)
        if not folder:
            break
        folder = posixpath.dirname(folder)
    return [
        _objection(path, added[name].lineno, f"{name} is bound anew, which fixtures of {needed[name]} use")
        for name in sorted(added.keys() & needed.keys())
    ]


def makes_fixtures(path: str, text: str | None) -> bool:
    """Whether a file takes what makes fixtures from pytest, or may do so without saying it."""
    if text is None or not path.endswith(".py") or len(text) > _MOST_LETTERS or "pytest" not in text:
        return False
    tree = _parsed(text)
    taken, said = False, set()
    for node in ast.walk(tree or ast.Module([], [])):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [each.name for each in node.names]
            modules = names if isinstance(node, ast.Import) else [node.module or ""]
            if any(each.partition(".")[0] in _FROM for each in modules):
                taken = True
                said |= set(names)
        elif isinstance(node, ast.Name | ast.Attribute):
            said.add(_last(node))
    return taken and bool(said & _SAID)


def taking(path: str, tests: Sequence[str], changed: Sequence[str], now: Now) -> str:
    """One of the files of tests that may get what a module brings: it was changed too, or takes everything from it; ``""`` for none."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    for test in tests:
        if test in changed:
            return test
        if any(each.rpartition(".")[2] == parts[-1] for each in _STAR.findall(text_of(test, now(test)) or "")):
            return test
    return ""


def _objection(path: str, line: int, what: str) -> Objection:
    return Objection(
        kind="touched", path=path, line=line, what=f"{what}; whoever does not own this file may only add tests to it"
    )


def _fixtures(body: Sequence[ast.stmt]) -> Iterator[tuple[str, _Function]]:
    """Fixtures of a file by the names that tests get them by."""
    for node in body:
        for each in node.decorator_list if isinstance(node, _Function) else ():
            call = each.func if isinstance(each, ast.Call) else each
            if _last(call) in _MAKING and isinstance(node, _Function):
                words = {word.arg: word.value for word in each.keywords} if isinstance(each, ast.Call) else {}
                given = words.get("name")
                yield (str(given.value) if isinstance(given, ast.Constant) else node.name), node


def _asked(node: _Function) -> Iterator[str]:
    """What a fixture asks for: its parameters, and words where it asks by words."""
    yield from (each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg))
    names = {_last(each) for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    if names & {"getfixturevalue", "usefixtures"}:
        yield from (
            each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        )


def _for_all(node: _Function) -> bool:
    return any(
        isinstance(each, ast.Call) and any(word.arg == "autouse" for word in each.keywords)
        for each in node.decorator_list
    )


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _parsed(text: str | None) -> ast.Module | None:
    try:
        return None if text is None else ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
