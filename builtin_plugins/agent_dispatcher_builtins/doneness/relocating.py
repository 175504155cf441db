"""A file of tests that stands elsewhere now: is it still run, by the same rules, and does what it imports still mean the same?

Moving a file must not do what changing it may not: to a folder that is not searched for tests, to one whose ``conftest.py`` skips them, or beside a file that
takes the place of what it imports.
"""

from __future__ import annotations

import ast
import fnmatch
import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping

from .collecting import options_of
from .reading import text_of
from .selecting import covers, leaves_out

__all__ = ["anchored", "moved_along", "not_run_there", "other_rules"]

Now = Callable[[str], bytes | None]
Before = Callable[[str], Awaitable[bytes | None]]

_CONFIGURATIONS = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "tox.ini", "setup.cfg")
_NOT_SEARCHED = (".*", "*.egg", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
_FILES = ("test_*.py", "*_test.py")
_DECIDES = re.compile(r"\b(?:skip\w*|xfail|importorskip|autouse|add_marker|def pytest_\w+)\b")
_DEFINED = re.compile(r"\bdef (\w+)")
_SCRIPTED = re.compile(r"testMatch|testRegex|\broots\b|\binclude\b|\bspec\b|\bfiles\b|testDir")
_SCRIPTS = [
    f"{name}.config.{ending}"
    for name in ("jest", "vitest", "vite", "ava")
    for ending in ("js", "cjs", "mjs", "ts", "mts", "json")
] + [".mocharc.json", ".mocharc.js", ".mocharc.cjs", ".mocharc.yml", ".mocharc.yaml", "package.json"]
_RELATIVE = re.compile(r"(?<=[\"'`])\.\.?/[^\"'`\n$]*(?=[\"'`])")
_FROM = re.compile(r"\bfrom\s++\.[\s.]*+(?:\w[\w.]*)?\s*+import\b")
_ENDINGS = ("", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx", "/index.js", "/index.ts")


def not_run_there(old: str, new: str, now: Now) -> str:
    """Why a file of tests is not run any more where it stands now, ``""`` where it is as before."""
    if not new.endswith(".py"):
        top = [path.partition("/")[0] for path in (old, new)]
        same_form = posixpath.basename(old).split(".")[1:] == posixpath.basename(new).split(".")[1:]
        told = next((each for each in _SCRIPTS if _SCRIPTED.search(text_of(each, now(each)) or "")), "")
        return f"{told} says which files are tests" if told and not (top[0] == top[1] and same_form) else ""
    folders = _folders(new)
    for config in _CONFIGURATIONS:
        options = {
            key.rpartition(".")[2]: value for key, value in (options_of(config, _text(now, config)) or {}).items()
        }
        places, patterns = options.get("testpaths", "").split(), options.get("python_files", "").split() or _FILES
        if places and covers(places, [old]) and not covers(places, [new]):
            return f"testpaths of {config} does not name it"
        if _one_of(posixpath.basename(old), patterns) and not _one_of(posixpath.basename(new), patterns):
            return f"by its name it is no test ({' '.join(patterns)})"
        closed = options.get("norecursedirs", "").split() or _NOT_SEARCHED
        if any(_one_of(posixpath.basename(each), closed) for each in folders - _folders(old)):
            return "the folder is not searched for tests"
        said = options.get("addopts", "")
        if leaves_out("", said, [new], None) not in ("", leaves_out("", said, [old], None)):
            return f"addopts of {config} leave it out"
    for folder in folders | {""}:
        text = _text(now, posixpath.join(folder, "conftest.py")) or ""
        named = {posixpath.basename(each) for each in folders - _folders(old)} | {posixpath.basename(new)}
        if "collect_ignore" in text and ("*" in text or any(each in text for each in named)):
            return f"{posixpath.join(folder, 'conftest.py')} may leave it out (collect_ignore)"
    return ""


def other_rules(old: str, new: str, now: Now, moved: Mapping[str, str]) -> str:
    """The ``conftest.py`` that says something to a moved file of tests which did not concern it before, ``""`` for none."""
    text = _text(now, new) or ""
    for folder in sorted(_folders(new) - _folders(old)):
        path = posixpath.join(folder, "conftest.py")
        said = _text(now, path)
        if said is None or path in moved:
            continue
        if _DECIDES.search(said) or any(re.search(rf"\b{name}\b", text) for name in _DEFINED.findall(said)):
            return path
    return ""


async def moved_along(
    path: str, origin: str, tests: tuple[str, ...], now: Now, before: Before, moved: Mapping[str, str]
) -> bool:
    """Whether a file beside tests was moved unchanged with all the tests it could matter to: with their whole folder."""
    if now(path) != await before(origin):
        return False
    ends = [each.split("/") for each in (origin, path)]
    while ends[0] and ends[1] and ends[0][-1] == ends[1][-1]:
        ends = [each[:-1] for each in ends]
    roots = ["/".join(each) for each in ends]
    if not roots[0] or not any(
        _below(old, roots[0]) and _below(new, roots[1]) for new, old in moved.items() if new in tests
    ):
        return False
    for test in tests:
        if test not in moved and (_below(test, roots[0]) or _below(test, roots[1])) and await before(test) is not None:
            return False
        if test in moved and _below(test, roots[1]) and not _below(moved[test], roots[0]):
            return False
        if test in moved and re.search(rf"[\"']{re.escape(roots[0])}[/\"']", _text(now, test) or ""):
            return False
    return True


def anchored(path: str, text: str, origin: str, now: Now, moved: Mapping[str, str]) -> str:
    """A text with what it imports named from the root of the tree and by where it stood before, so that two places can be compared; no line is added.

    Args:
        path: where the text stands.
        origin: where it stood before: ``path`` itself for the text that stood there.
    """
    if not path.endswith(".py"):
        return _RELATIVE.sub(lambda found: _target(path, found[0], moved), text)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            named = ".".join(_module(path, node, moved))
            lines[node.lineno - 1] = _FROM.sub(f"from {named} import", lines[node.lineno - 1], count=1)
    said = "".join(lines)
    if path == origin:
        return said
    for name in sorted(_imported(tree)):
        if taken := _takes_its_place(name, path, origin, now, moved):
            said = re.sub(rf"(?m)^([ \t]*(?:from|import)[ \t]+){re.escape(name)}\b", rf"\g<1>{taken}", said)
    return said


def _module(path: str, node: ast.ImportFrom, moved: Mapping[str, str]) -> list[str]:
    folder = path.split("/")[:-1]
    base = folder[: len(folder) - node.level + 1]
    whole = [*base, *(node.module.split(".") if node.module else [])]
    for tail in (*((each.name,) for each in node.names), ()):
        for ending in (".py", "/__init__.py"):
            if (was := moved.get("/".join([*whole, *tail]) + ending)) is not None:
                parts = was.removesuffix(".py").removesuffix("/__init__").split("/")
                return parts[: len(parts) - len(tail)]
    return whole or ["_"]


def _imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _takes_its_place(name: str, path: str, origin: str, now: Now, moved: Mapping[str, str]) -> str:
    """What a module that lies beside the tests now, and did not before, is called from the root; ``""`` for none."""
    for folder in sorted(_folders(path) - _folders(origin), key=len, reverse=True):
        for ending in (".py", "/__init__.py"):
            there = f"{folder}/{name}{ending}"
            if now(there) is not None:
                was = moved.get(there, "")
                return (
                    "" if was == f"{posixpath.dirname(origin)}/{name}{ending}" else f"{folder}/{name}".replace("/", ".")
                )
    return ""


def _target(path: str, said: str, moved: Mapping[str, str]) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), said))
    for ending in _ENDINGS:
        if (was := moved.get(target + ending)) is not None:
            return "/" + (was.removesuffix(ending) if ending else was)
    return f"/{target}"


def _folders(path: str) -> set[str]:
    parts = path.split("/")[:-1]
    return {"/".join(parts[: at + 1]) for at in range(len(parts))}


def _below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/") if folder else True


def _one_of(name: str, patterns: tuple[str, ...] | list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, each) for each in patterns)


def _text(now: Now, path: str) -> str | None:
    return text_of(path, now(path))
