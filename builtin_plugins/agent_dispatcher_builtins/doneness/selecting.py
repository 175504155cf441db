"""Which tests do the options of pytest leave out that stood there before, and were not left out before?

``-m "not slow"`` is what many projects say. It weakens nothing where no test is slow; it does where one is. What cannot be told is taken for leaving out.
"""

from __future__ import annotations

import ast
import fnmatch
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations

from attrs import field, frozen

__all__ = ["asks_for_marks", "covers", "leaves_out", "marks_in"]

#: Short options that take no value, and so may stand before another in one word.
_ALONE = "vqxslh"
_SHORT = frozenset("kco")
_LONG = frozenset(
    [
        "continue-on-collection-errors",
        "co",
        "collect-only",
        "noconftest",
        "runxfail",
        "setup-only",
        "setup-plan",
        "override-ini",
        "rootdir",
        "confcutdir",
        "lf",
        "last-failed",
        "ff",
        "sw",
        "stepwise",
        "sw-skip",
        "stepwise-skip",
        "pyargs",
        "config-file",
    ]
)
_PLACES = frozenset(("ignore", "ignore-glob", "deselect"))
#: Options whose value may look like a folder of tests.
_VALUED = frozenset(
    [
        "cov",
        "cov-report",
        "cov-config",
        "cov-context",
        "junitxml",
        "junit-xml",
        "html",
        "basetemp",
        "import-mode",
        "log-file",
        "doctest-glob",
        "durations",
        "maxfail",
        "timeout",
        "tb",
        "color",
    ]
)
#: Plugins without which tests end as they did, and those that come with what runs tests.
_SPARED = frozenset(
    [
        "cacheprovider",
        "warnings",
        "doctest",
        "randomly",
        "random_order",
        "xdist",
        "cov",
        "logging",
        "faulthandler",
        "legacypath",
        "nose",
        "pastebin",
        "sugar",
    ]
)
_KNOWN = frozenset(["pytester", "xdist", "pytest_cov", "pytest_asyncio", "pytest_mock", "pytest_timeout", "anyio"])
_MOST_MARKS = 8


@frozen(kw_only=True)
class _Options:
    """What options choose tests by: ``marks`` the last of ``-m``, ``plugins`` of ``-p``, ``places`` those to leave out, ``only`` those to go to."""

    marks: str = ""
    plugins: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()
    others: frozenset[str] = field(default=frozenset())
    doctests: bool = False


def leaves_out(
    old: str, new: str, tests: Sequence[str] | None, marks: Mapping[str, frozenset[str]] | None, *, strict: bool = False
) -> str:
    """Why options as they are now leave out tests that stood there before, ``""`` where they do not.

    Args:
        old, new: what stands in ``addopts``.
        tests: the files of tests that stood there before; ``None`` when nobody can tell.
        marks: each of them to the words by which its tests may be marked (:func:`marks_in`); ``None`` when nobody can tell.
        strict: whether warnings were failures.
    """
    try:
        before, now = _read(old), _read(new)
    except ValueError:
        return "it cannot be read"
    for each in sorted(now.others - before.others):
        return each
    for plugin in sorted(now.plugins - before.plugins):
        without = plugin.removeprefix("no:")
        spared = plugin != without and without in _SPARED and not (strict and without == "warnings")
        if not spared and plugin not in _KNOWN:
            return f"-p {plugin}"
    if (before.doctests and not now.doctests) or ("no:doctest" in now.plugins - before.plugins and before.doctests):
        return "doctests are not run any more"
    if now.marks != before.marks and now.marks:
        if marks is None:
            return f"-m {now.marks}"
        for path, words in marks.items():
            if _differ(before.marks, now.marks, words):
                return f"-m {now.marks!r} leaves out tests of {path}, which was there before"
    for place in sorted(now.places - before.places):
        out = [path for path in tests or () if _within(path, place.partition("::")[0])]
        if out or tests is None:
            return f"{place} is left out"
    only = [each for each in now.only if any(_within(path, each.partition("::")[0]) for path in tests or ())]
    if only and now.only != before.only and not covers(only, tests or ()):
        return f"only {', '.join(only)} is run"
    return ""


def asks_for_marks(old: str, new: str) -> bool:
    """Whether tests are chosen by their marks, and otherwise than before."""
    try:
        return bool(_read(new).marks) and _read(new).marks != _read(old).marks
    except ValueError:
        return False


def covers(places: Sequence[str], tests: Sequence[str]) -> bool:
    """Whether all tests lie below one of some paths, which may be patterns."""
    return all(any(_within(path, each) for each in places) for path in tests)


def marks_in(text: str, *, own: bool) -> frozenset[str]:
    """Words by which tests may be marked: of a file with tests (``own``) any name in it, of any other those that it marks others with."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(re.findall(r"\w+", text))
    return frozenset(_words(tree, own))


def _words(tree: ast.Module, own: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (own or _last(node.value) == "mark"):
            yield node.attr
        elif isinstance(node, ast.Call) and _last(node.func) in ("add_marker", "getattr"):
            yield from (
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )
        elif own and isinstance(node, ast.Name):
            yield node.id
        elif own and isinstance(node, ast.alias):
            yield (node.asname or node.name).rpartition(".")[2]


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _read(addopts: str) -> _Options:
    """Raises ValueError where quotation marks do not match."""
    words = shlex.split(addopts)
    marks, doctests = "", False
    plugins: set[str] = set()
    places: set[str] = set()
    others: set[str] = set()
    only: list[str] = []
    valued = False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            doctests = doctests or name in ("doctest-modules", "doctest-glob")
            valued = not equals and name in _VALUED
            if name in _PLACES:
                value, at, valued = (value, at, False) if equals else (_at(words, at), at + 1, False)
                places.add(value.removeprefix("./").rstrip("/"))
            elif name in _LONG:
                others.add(f"--{name}")
        elif word.startswith("-") and len(word) > 1:
            cluster = word[1:].lstrip(_ALONE)
            valued = False
            if not cluster:
                continue
            key, value = cluster[0], cluster[1:].removeprefix("=")
            if not value:
                value, at = _at(words, at), at + 1
            if key == "m":
                marks = value.strip()
            elif key == "p":
                plugins.add(value.strip())
            elif key in _SHORT:
                others.add(f"-{key} {value}")
        else:
            if not valued:
                only.append(word.removeprefix("./").rstrip("/"))
            valued = False
    return _Options(
        marks=marks,
        plugins=frozenset(plugins),
        places=frozenset(places),
        only=tuple(only),
        others=frozenset(others),
        doctests=doctests,
    )


def _at(words: Sequence[str], at: int) -> str:
    return words[at] if at < len(words) else ""


def _within(path: str, place: str) -> bool:
    plain = place.removeprefix("./").rstrip("/")
    return plain in ("", ".") or fnmatch.fnmatchcase(path, plain) or fnmatch.fnmatchcase(path, f"{plain}/*")


def _differ(old: str, new: str, words: frozenset[str]) -> bool:
    """Whether a test with some of these marks may have been chosen before and is not any more."""
    try:
        trees = [ast.parse(each.strip() or "True", mode="eval").body for each in (old, new)]
        named = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
        there = sorted(named & words)
        if len(there) > _MOST_MARKS:
            return True
        sets = chain.from_iterable(combinations(there, size) for size in range(len(there) + 1))
        return any(_holds(trees[0], set(has)) and not _holds(trees[1], set(has)) for has in sets)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True


def _holds(node: ast.expr, has: set[str]) -> bool:
    """What an expression of marks says of a test that has some; raises ValueError for what is no such expression."""
    if isinstance(node, ast.BoolOp):
        values = [_holds(each, has) for each in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _holds(node.operand, has)
    if isinstance(node, ast.Name):
        return node.id in has
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return node.value
    raise ValueError("no expression of marks")
